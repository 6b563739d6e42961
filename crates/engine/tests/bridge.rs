//! The table with a till at the other end of the bridge.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::time::Duration;

use common::{NOON, caller, order, reopen, table};
use secrecy::ExposeSecret;
use tillway_core::port::{
    Bindings, BridgeDesk, BridgeError, CheckedIn, CommandKind, CommandOutcome, LoyaltyDesk,
    TableRefusal,
};
use tillway_core::token::Scan;
use tillway_engine::Bridge;
use tillway_testkit::builders;
use tillway_testkit::runtime::block_on;

const ANNA: &str = "149725735";

#[test]
fn the_till_attaches_the_guest_and_the_pin_reaches_only_it() {
    let table = table(|_| {});
    let check_in = table.start_check_in(order(82), ANNA);
    let command = table.fetch().remove(0);
    let CommandKind::BindGuest(guest) = &command.what else { panic!("{command:?}") };
    assert_eq!(guest.display_name, "Анна Сергеевна");
    assert_eq!(command.pin.as_ref().unwrap().expose_secret(), "80085");
    assert!(!format!("{command:?}").contains("80085"));
    assert!(command.deadline <= Duration::from_secs(6));
    table.result(command.id, CommandOutcome::Done).unwrap();
    assert_eq!(check_in.join().unwrap(), Ok(CheckedIn::Attached));
    // A repeat of the result, its answer having been lost, is accepted; so it is after a restart.
    table.result(command.id, CommandOutcome::Done).unwrap();
    let again = reopen(&table.store, table.clock.clone(), |_| {});
    again.result(command.id, CommandOutcome::Done).unwrap();
    table.holds();
}

#[test]
fn nobody_may_pay_while_the_till_is_asked() {
    let table = table(|_| {});
    let check_in = table.start_check_in(order(82), ANNA);
    let command = table.fetch().remove(0);
    let limits = block_on(table.engine.limits(&caller(1), order(82))).unwrap();
    assert_eq!((limits.bonus.0, limits.deposit.0), (0, 0));
    table.result(command.id, CommandOutcome::Done).unwrap();
    check_in.join().unwrap().unwrap();
    let limits = block_on(table.engine.limits(&caller(1), order(82))).unwrap();
    assert_eq!((limits.bonus.0, limits.deposit.0), (8_486_500, 10_094_100));
}

#[test]
fn f15_a_silent_till_rolls_back_and_a_late_done_is_not_wanted() {
    let table = table(|_| {});
    let check_in = table.start_check_in(order(82), ANNA);
    let command = table.fetch().remove(0);
    assert_eq!(table.until(check_in), Err(TableRefusal::TillUnreachable));
    let row = block_on(table.store.order(order(82))).unwrap().unwrap();
    assert_eq!((row.payer(), row.epoch), (None, 2));
    // The plugin attached the guest meanwhile: 410, it undoes itself, and the unbind says so too.
    let late = table.result(command.id, CommandOutcome::Done);
    assert_eq!(late, Err(BridgeError::Expired));
    let unbind = table.fetch().remove(0);
    assert!(matches!(unbind.what, CommandKind::UnbindGuest(_)));
    table.result(unbind.id, CommandOutcome::Done).unwrap();
    let nothing = block_on(table.engine.commands(&caller(1), Duration::ZERO)).unwrap();
    assert!(nothing.is_empty());
}

#[test]
fn f15_a_late_done_is_adopted_when_the_guest_is_wanted_again() {
    let table = table(|_| {});
    let first = table.start_check_in(order(82), ANNA);
    let old = table.fetch().remove(0);
    assert_eq!(table.until(first), Err(TableRefusal::TillUnreachable));
    let second = table.start_check_in(order(82), ANNA);
    let wanted = loop {
        let commands = table.fetch();
        if let Some(bind) =
            commands.into_iter().find(|c| matches!(c.what, CommandKind::BindGuest(_)))
        {
            break bind;
        }
    };
    assert_ne!(wanted.id, old.id);
    table.result(old.id, CommandOutcome::Done).unwrap();
    assert_eq!(second.join().unwrap(), Ok(CheckedIn::Attached));
    let row = block_on(table.store.order(order(82))).unwrap().unwrap();
    assert_eq!(row.epoch, 3);
    assert!(row.payer().is_some());
}

#[test]
fn f15_pending_at_a_restart_is_unbound_and_the_till_is_told() {
    let table = table(|_| {});
    let check_in = table.start_check_in(order(82), ANNA);
    let command = table.fetch().remove(0);
    let again = reopen(&table.store, table.clock.clone(), |_| {});
    assert_eq!(block_on(again.engine.keeper().recover()), 1);
    let row = block_on(again.store.order(order(82))).unwrap().unwrap();
    assert!(row.binding.who().is_none());
    assert_eq!(again.result(command.id, CommandOutcome::Done), Err(BridgeError::Expired));
    let unbind = again.fetch().remove(0);
    assert!(matches!(unbind.what, CommandKind::UnbindGuest(_)));
    assert_eq!(table.until(check_in), Err(TableRefusal::TillUnreachable));
}

#[test]
fn w26_a_busy_till_is_asked_three_times_more() {
    let table = table(|_| {});
    let check_in = table.start_check_in(order(82), ANNA);
    let first = table.fetch().remove(0);
    table.result(first.id, CommandOutcome::Busy).unwrap();
    for _ in 0..3 {
        let command = loop {
            let commands = block_on(table.engine.commands(&caller(1), Duration::ZERO)).unwrap();
            match commands.into_iter().next() {
                Some(command) => break command,
                None => table.clock.advance(Duration::from_millis(100)),
            }
        };
        table.result(command.id, CommandOutcome::Busy).unwrap();
    }
    assert_eq!(check_in.join().unwrap(), Err(TableRefusal::OrderBusy));
    let row = block_on(table.store.order(order(82))).unwrap().unwrap();
    assert!(row.binding.who().is_none());
}

#[test]
fn w27_what_the_till_says_reaches_the_waiter() {
    let rows = [
        (CommandOutcome::Closed, TableRefusal::OrderClosed),
        (CommandOutcome::NotFound, TableRefusal::OrderNotFound),
        (CommandOutcome::Refused, TableRefusal::BadPin),
    ];
    for (outcome, refusal) in rows {
        let table = table(|_| {});
        let check_in = table.start_check_in(order(82), ANNA);
        let command = table.fetch().remove(0);
        table.result(command.id, outcome).unwrap();
        assert_eq!(check_in.join().unwrap(), Err(refusal));
        let shelf = block_on(table.engine.commands(&caller(1), Duration::ZERO)).unwrap();
        assert!(shelf.is_empty(), "nothing is left to undo: {shelf:?}");
    }
}

#[test]
fn w29_two_guests_race_and_one_wins() {
    for _ in 0..20 {
        let table = table(|config| config.bridge = Bridge::None);
        let anna = table.start_check_in(order(82), ANNA);
        let fedor = table.start_check_in(order(82), "20001");
        let answers = [anna.join().unwrap(), fedor.join().unwrap()];
        let won = answers.iter().filter(|a| a.is_ok()).count();
        let lost = answers.iter().filter(|a| **a == Err(TableRefusal::OtherGuest)).count();
        assert_eq!((won, lost), (1, 1), "{answers:?}");
    }
}

#[test]
fn f15_the_same_guest_joins_the_wait_and_another_is_refused() {
    let table = table(|_| {});
    let first = table.start_check_in(order(82), ANNA);
    let command = table.fetch().remove(0);
    let same = table.start_check_in(order(82), "04:A2:5F:1C:6B:2E:80");
    let other = table.start_check_in(order(82), "20001");
    assert_eq!(other.join().unwrap(), Err(TableRefusal::OtherGuest));
    table.result(command.id, CommandOutcome::Done).unwrap();
    assert_eq!(first.join().unwrap(), Ok(CheckedIn::Attached));
    assert_eq!(same.join().unwrap(), Ok(CheckedIn::Attached));
    let row = block_on(table.store.order(order(82))).unwrap().unwrap();
    assert_eq!(row.epoch, 1);
}

#[test]
fn f15_check_out_is_durable_before_the_till_is_told() {
    let table = table(|_| {});
    table.bound(order(82), ANNA);
    let check_out = table.start_check_out(order(82));
    let unbind = table.fetch().remove(0);
    let row = block_on(table.store.order(order(82))).unwrap().unwrap();
    assert_eq!((row.payer(), row.epoch), (None, 2));
    table.result(unbind.id, CommandOutcome::Done).unwrap();
    assert_eq!(check_out.join().unwrap(), Ok(()));
    // W32: again is done already.
    assert_eq!(table.start_check_out(order(82)).join().unwrap(), Ok(()));
    // W31: an order that never had a guest.
    assert_eq!(table.start_check_out(order(83)).join().unwrap(), Err(TableRefusal::NoGuest));
}

#[test]
fn f15_a_silent_till_at_check_out_is_a_message_and_the_wish_stays() {
    let table = table(|_| {});
    table.bound(order(82), ANNA);
    let check_out = table.start_check_out(order(82));
    assert_eq!(table.until(check_out), Err(TableRefusal::TillUnreachable));
    let again = reopen(&table.store, table.clock.clone(), |_| {});
    block_on(again.engine.keeper().recover());
    let unbind = again.fetch().remove(0);
    assert!(matches!(unbind.what, CommandKind::UnbindGuest(_)));
    again.result(unbind.id, CommandOutcome::NotFound).unwrap();
    assert!(block_on(again.engine.commands(&caller(1), Duration::ZERO)).unwrap().is_empty());
}

#[test]
fn f15_a_stray_is_left_to_a_person_after_ten_minutes() {
    use tillway_core::book::Status;
    use tillway_core::port::{Journal, Query};
    let table = table(|_| {});
    let check_in = table.start_check_in(order(82), ANNA);
    table.until(check_in).unwrap_err();
    table.clock.advance(Duration::from_secs(601));
    block_on(table.engine.keeper().look());
    let query = Query { status: Some(Status::NeedsPerson), ..Query::default() };
    let listed = block_on(table.store.heads(&query, None, 10)).unwrap();
    assert_eq!(listed.len(), 1);
}

#[test]
fn a_binding_lapses_two_days_after_its_last_use() {
    let table = table(|config| config.bridge = Bridge::None);
    table.start_check_in(order(82), ANNA).join().unwrap().unwrap();
    table.clock.advance(Duration::from_secs(40 * 3_600));
    table.start_check_in(order(82), ANNA).join().unwrap().unwrap();
    table.clock.advance(Duration::from_secs(10 * 3_600));
    block_on(table.engine.keeper().look());
    let row = block_on(table.store.order(order(82))).unwrap().unwrap();
    assert!(row.payer().is_some(), "it was used ten hours ago");
    table.clock.advance(Duration::from_secs(40 * 3_600));
    block_on(table.engine.keeper().look());
    let row = block_on(table.store.order(order(82))).unwrap().unwrap();
    assert!(row.payer().is_none());
}

#[test]
fn f17_without_a_bridge_the_waiter_is_told_name_and_balances() {
    let table = table(|config| config.bridge = Bridge::Message);
    let answer = table.start_check_in(order(82), ANNA).join().unwrap().unwrap();
    let CheckedIn::Noted { name, wallets } = answer else { panic!("{answer:?}") };
    assert_eq!(name, "Анна Сергеевна");
    let shown: Vec<_> = wallets.iter().map(|w| w.available.0).collect();
    assert_eq!(shown, [8_486_500, 10_094_100]);
    let row = block_on(table.store.order(order(82))).unwrap().unwrap();
    assert!(row.payer().is_some());
}

#[test]
fn f16_a_one_time_token_lives_and_dies_with_its_binding() {
    use tillway_core::token::TokenKeys;
    let keys = || TokenKeys::try_new("lt1.", [("k1".into(), vec![7; 32])]).unwrap();
    let table = table(|config| config.tokens.keys = keys());
    let jti = [9; 16];
    let mint = |jti| {
        let minted = keys().mint("k1", ANNA, NOON, Duration::from_secs(120), jti);
        minted.unwrap()
    };
    let token = mint(jti);
    // A rolled-back binding frees the token.
    let silent = table.start_check_in(order(82), &token);
    assert_eq!(table.until(silent), Err(TableRefusal::TillUnreachable));
    let elsewhere = table.start_check_in(order(83), &token);
    let command = loop {
        let bind = table.fetch().into_iter().find(|c| matches!(c.what, CommandKind::BindGuest(_)));
        if let Some(command) = bind {
            break command;
        }
    };
    table.result(command.id, CommandOutcome::Done).unwrap();
    assert_eq!(elsewhere.join().unwrap(), Ok(CheckedIn::Attached));
    // The same order again is the waiter's retry; another order is a second use.
    let again = table.start_check_in(order(83), &token);
    assert_eq!(again.join().unwrap(), Ok(CheckedIn::Attached));
    let stolen = table.start_check_in(order(84), &token);
    assert_eq!(stolen.join().unwrap(), Err(TableRefusal::TokenUsed));
    // Never again for an order after its check-out.
    let check_out = table.start_check_out(order(83));
    let unbind = loop {
        let shelf = table.fetch();
        if let Some(unbind) = shelf.into_iter().find(|c| c.order == order(83)) {
            break unbind;
        }
    };
    table.result(unbind.id, CommandOutcome::Done).unwrap();
    check_out.join().unwrap().unwrap();
    let late = table.start_check_in(order(83), &token);
    assert_eq!(late.join().unwrap(), Err(TableRefusal::TokenUsed));
}

#[test]
fn w54_the_eleventh_failure_in_a_minute_waits() {
    let table = table(|config| config.bridge = Bridge::None);
    let ask = |value: &str| {
        block_on(table.engine.check_in(&caller(1), order(82), Scan::new(value), None))
    };
    for _ in 0..10 {
        assert_eq!(ask("nobody"), Err(TableRefusal::UnknownCard));
    }
    assert_eq!(ask(ANNA), Err(TableRefusal::TooManyAttempts));
    // Another till is not punished.
    let other = block_on(table.engine.check_in(&caller(2), order(83), Scan::new(ANNA), None));
    assert_eq!(other, Ok(CheckedIn::Attached));
    table.clock.advance(Duration::from_secs(61));
    assert_eq!(ask(ANNA), Ok(CheckedIn::Attached));
}

#[test]
fn a_blocked_guest_is_not_bound() {
    let table = table(|config| config.bridge = Bridge::None);
    let answer = table.start_check_in(order(82), "30007").join().unwrap();
    assert_eq!(answer, Err(TableRefusal::CardBlocked));
    assert!(block_on(table.store.order(order(82))).unwrap().is_none());
}

#[test]
fn a_busy_till_does_not_fetch_the_same_unbind_in_a_hot_loop() {
    let table = table(|_| {});
    let check_in = table.start_check_in(order(82), ANNA);
    table.until(check_in).unwrap_err();
    let unbind = table.fetch().remove(0);
    table.result(unbind.id, CommandOutcome::Busy).unwrap();
    let shelf = || block_on(table.engine.commands(&caller(1), Duration::ZERO)).unwrap();
    assert!(shelf().is_empty());
    table.clock.advance(Duration::from_secs(1));
    assert_eq!(shelf()[0].id, unbind.id);
}

#[test]
fn polls_end_when_the_program_stops() {
    let table = table(|_| {});
    let engine = table.engine.clone();
    let poll = std::thread::spawn(move || {
        block_on(engine.commands(&caller(1), Duration::from_secs(25))).unwrap()
    });
    while table.clock.next_wake().is_none() {
        std::thread::yield_now();
    }
    table.engine.end_polls();
    assert!(poll.join().unwrap().is_empty());
    let later = block_on(table.engine.commands(&caller(1), Duration::from_secs(25)));
    assert!(later.unwrap().is_empty());
}

#[test]
fn w55_what_a_reader_found_beside_the_carrier_is_kept_with_the_binding() {
    use tillway_core::book::StreamId;
    use tillway_core::flow::{BindingFlow, Flow, fold};
    use tillway_core::port::Journal;
    use tillway_core::token::{ReadToken, ReaderFailed, TokenReader};

    #[derive(Debug)]
    struct Sunbed;
    impl TokenReader for Sunbed {
        fn read(&self, value: &str) -> Result<Option<ReadToken>, ReaderFailed> {
            let attributes = vec![("sunbed".to_owned(), "14".to_owned())];
            let carrier = value.strip_prefix("sun:").map(str::to_owned);
            Ok(carrier.map(|carrier| ReadToken { carrier, attributes }))
        }
    }
    let table = table(|config| {
        config.bridge = Bridge::None;
        config.tokens.readers.push(std::sync::Arc::new(Sunbed));
    });
    let value = format!("sun:{ANNA}");
    for _ in 0..2 {
        table.start_check_in(order(82), &value).join().unwrap().unwrap();
    }
    let stream = StreamId::from(order(82));
    let records = block_on(table.store.load(stream, tillway_core::book::Seq(0), 10)).unwrap();
    let mut flow = BindingFlow::new(stream);
    fold(&mut flow, &records).unwrap();
    assert_eq!(flow.attributes, [("sunbed".to_owned(), "14".to_owned())]);
    assert_eq!(records.len(), 2, "a repeat leaves no event");
}

#[test]
fn a_phone_of_two_guests_is_ambiguous() {
    use tillway_core::book::{Commit, Op};
    use tillway_core::port::Store;
    let table = table(|config| {
        config.bridge = Bridge::None;
        config.tokens.phone_lookup = true;
    });
    let mut twin = builders::nameless().guest;
    twin.phone = builders::anna().guest.phone;
    let put = Commit::of(NOON, vec![Op::PutGuest(Box::new(twin))]);
    block_on(table.store.commit(put)).unwrap();
    let answer = table.start_check_in(order(82), "+7 916 123-45-67").join().unwrap();
    assert_eq!(answer, Err(TableRefusal::Ambiguous));
}
