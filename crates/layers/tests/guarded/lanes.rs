//! Who has a receipt open has the device; who else wants it is refused, or waits with a bound.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tillway_core::fiscal::{Paid, Receipt, Tender};
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome, Found, RegisterError, Slip};
use tillway_core::{Kopecks, flow::Lane};
use tillway_layers::Guarded;
use tillway_layers::guarded::{BadDevice, DeviceConfig};
use tillway_memory::Mishap;
use tillway_testkit::runtime::CountingIds;

use super::cut::{Fuse, World, able, attempt, run, sale};

fn document(total: i64) -> Fiscal {
    Fiscal::Receipt(Box::new(sale(total)))
}

fn open(world: &World) -> Guarded<dyn FiscalRegister> {
    let register = world.start(&Fuse::never());
    let opened = run(register.register(&attempt(1), &Fiscal::OpenShift(None))).unwrap();
    assert!(matches!(opened, FiscalOutcome::Written(_)));
    run(register.open_receipt(&attempt(2), &sale(100))).unwrap().unwrap();
    register
}

fn cause<T: core::fmt::Debug>(answer: Result<T, RegisterError>) -> Cause {
    answer.unwrap_err().cause
}

fn refused(outcome: FiscalOutcome) -> Cause {
    match outcome {
        FiscalOutcome::NotWritten(error) => error.cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_open_receipt_keeps_everything_else_off() {
    let world = World::new(able(true));
    let register = open(&world);
    assert_eq!(register.attempts().lane(), &Lane::of("kiosk 1"));
    let tape = world.device.tape().len();
    let other = run(register.register(&attempt(3), &document(200))).unwrap();
    assert_eq!(refused(other), Cause::ReceiptOpen);
    let close = run(register.register(&attempt(4), &Fiscal::CloseShift(None))).unwrap();
    assert_eq!(refused(close), Cause::ReceiptOpen);
    assert_eq!(cause(run(register.report_x(None)).unwrap()), Cause::ReceiptOpen);
    assert_eq!(cause(run(register.print(&Slip::default())).unwrap()), Cause::ReceiptOpen);
    assert_eq!(cause(run(register.print_again(1)).unwrap()), Cause::ReceiptOpen);
    assert_eq!(cause(run(register.continue_print()).unwrap()), Cause::ReceiptOpen);
    let second = run(register.open_receipt(&attempt(5), &sale(300))).unwrap();
    assert_eq!(cause(second), Cause::ReceiptOpen);
    assert_eq!(world.device.tape().len(), tape, "nothing was printed into it");
    // Reads go on, and a repeat of the opening is done already.
    run(register.shift()).unwrap().unwrap();
    run(register.mark()).unwrap().unwrap();
    run(register.open_receipt(&attempt(2), &sale(100))).unwrap().unwrap();
    match run(register.find(&attempt(2), &document(100))).unwrap() {
        Found::NotYet(error) => assert_eq!(error.cause, Cause::ReceiptOpen),
        other => panic!("nobody annuls it by asking: {other:?}"),
    }
    assert_eq!(run(register.recover()).unwrap().unwrap(), [], "nor by recovering");
    let closed = run(register.close_receipt(&attempt(2), &sale(100).paid)).unwrap();
    assert!(matches!(closed, FiscalOutcome::Written(_)), "{closed:?}");
    run(register.report_x(None)).unwrap().unwrap();
    // What was refused was not begun: the same attempt may come again.
    let other = run(register.register(&attempt(3), &document(200))).unwrap();
    assert!(matches!(other, FiscalOutcome::Written(_)), "{other:?}");
}

#[test]
fn only_its_own_attempt_closes_a_receipt() {
    let world = World::new(able(true));
    let register = open(&world);
    let paid = sale(100).paid;
    let other = run(register.close_receipt(&attempt(3), &paid)).unwrap();
    assert_eq!(refused(other), Cause::NoReceipt);
    let cash = [Paid { tender: Tender::Cash, amount: Kopecks(100) }];
    let closed = run(register.close_receipt(&attempt(2), &cash)).unwrap();
    assert!(matches!(closed, FiscalOutcome::Written(_)), "{closed:?}");
    assert_eq!(run(register.close_receipt(&attempt(2), &cash)).unwrap(), closed);
    let reopened = run(register.open_receipt(&attempt(2), &sale(100))).unwrap();
    assert_eq!(cause(reopened), Cause::NoReceipt);
    assert_eq!(world.receipts(Kopecks(100)), 1);
}

/// With what it is paid is said at the close, and payments that do not make up the total end it.
#[test]
fn a_receipt_is_paid_at_its_close_or_annulled() {
    let world = World::new(able(true));
    let register = world.start(&Fuse::never());
    run(register.register(&attempt(1), &Fiscal::OpenShift(None))).unwrap();
    let unpaid = Receipt { paid: Vec::new(), ..sale(100) };
    for (id, amount, cause) in [(2, 99, Some(Cause::BadReceipt)), (3, 100, None)] {
        run(register.open_receipt(&attempt(id), &unpaid)).unwrap().unwrap();
        let paid = [Paid { tender: Tender::Cash, amount: Kopecks(amount) }];
        let closed = run(register.close_receipt(&attempt(id), &paid)).unwrap();
        let paid = Receipt { paid: paid.to_vec(), ..sale(100) };
        let found = run(register.find(&attempt(id), &Fiscal::Receipt(Box::new(paid)))).unwrap();
        match cause {
            Some(cause) => {
                assert_eq!(refused(closed.clone()), cause);
                assert_eq!(found, Found::NotWritten);
            }
            None => assert!(matches!(found, Found::Written(_)), "{closed:?} {found:?}"),
        }
        assert_eq!(run(register.close_receipt(&attempt(id), &sale(100).paid)).unwrap(), closed);
    }
    // Another receipt is another document, whatever it is paid with.
    let Found::NotYet(error) = run(register.find(&attempt(3), &document(200))).unwrap() else {
        panic!("it is not asked for");
    };
    assert_eq!(error.cause, Cause::Conflict);
    assert_eq!(world.receipts(Kopecks(100)), 1);
}

#[test]
fn an_annulled_receipt_is_refused_for_ever() {
    let world = World::new(able(true));
    let register = open(&world);
    run(register.annul_receipt()).unwrap().unwrap();
    run(register.annul_receipt()).unwrap().unwrap();
    let closed = run(register.close_receipt(&attempt(2), &sale(100).paid)).unwrap();
    assert_eq!(refused(closed), Cause::Cancelled);
    assert_eq!(run(register.find(&attempt(2), &document(100))).unwrap(), Found::NotWritten);
    assert_eq!(world.receipts(Kopecks(100)), 0);
}

/// A crash left a receipt open: nothing is printed into it until the recovery has annulled it.
#[test]
fn a_receipt_that_a_crash_left_open_is_annulled() {
    let world = World::new(able(true));
    drop(open(&world));
    let register = world.start(&Fuse::never());
    assert_eq!(cause(run(register.report_x(None)).unwrap()), Cause::Doubt);
    assert_eq!(cause(run(register.print(&Slip::default())).unwrap()), Cause::Doubt);
    let other = run(register.register(&attempt(3), &document(200))).unwrap();
    assert_eq!(refused(other), Cause::Doubt);
    let report = run(register.recover()).unwrap().unwrap();
    let found: Vec<_> = report.into_iter().map(|one| (one.id, one.what, one.found)).collect();
    assert_eq!(found, [(attempt(2).id, document(100), Found::NotWritten)]);
    run(register.report_x(None)).unwrap().unwrap();
    let other = run(register.register(&attempt(3), &document(200))).unwrap();
    assert!(matches!(other, FiscalOutcome::Written(_)), "{other:?}");
}

/// The opening failed, and so did the annulment: the receipt may be open, so nothing else is sent
/// until the register has annulled it.
#[test]
fn a_receipt_that_may_have_been_opened_is_in_doubt_until_it_is_annulled() {
    let world = World::new(able(true));
    let opened = run(world.device.register(&attempt(1), &Fiscal::OpenShift(None))).unwrap();
    assert!(matches!(opened, FiscalOutcome::Written(_)));
    let device = world.device.clone();
    let register = world.start(&Fuse::never().meanwhile(move || device.link(false)));
    let failed = run(register.open_receipt(&attempt(2), &sale(100))).unwrap();
    assert_eq!(cause(failed), Cause::Link);
    world.device.link(true);
    let other = run(register.register(&attempt(3), &document(200))).unwrap();
    assert_eq!(refused(other), Cause::Doubt);
    let found: Vec<_> = run(register.recover()).unwrap().unwrap();
    let found: Vec<_> = found.into_iter().map(|one| (one.id, one.found)).collect();
    assert_eq!(found, [(attempt(2).id, Found::NotWritten)]);
    let other = run(register.register(&attempt(3), &document(200))).unwrap();
    assert!(matches!(other, FiscalOutcome::Written(_)), "{other:?}");
}

/// Some registers refuse to annul while a print is not finished, or when nothing is open: then the
/// receipt is not open, and its attempt is looked for. Any other refusal says nothing.
#[test]
fn a_recovery_knows_which_refusals_to_annul_mean_that_nothing_is_open() {
    let rows = [(Cause::Interrupted, true), (Cause::NoReceipt, true), (Cause::Link, false)];
    for (refusal, settled) in rows {
        let world = World::new(able(true));
        drop(open(&world));
        // The register itself has annulled it, as after a power cut.
        run(world.device.annul_receipt()).unwrap().unwrap();
        let register = world.start(&Fuse::never().without_annulment(refusal));
        let report = run(register.recover()).unwrap().unwrap();
        let [one] = report.as_slice() else { panic!("{report:?}") };
        assert_eq!(one.found == Found::NotWritten, settled, "{refusal:?}: {one:?}");
        let left = run(register.recover()).unwrap().unwrap();
        assert_eq!(left.is_empty(), settled, "{refusal:?}: {left:?}");
    }
}

/// A document in doubt keeps new documents off; reads, slips and reports go on.
#[test]
fn a_doubt_keeps_documents_off_and_nothing_else() {
    let world = World::new(able(false));
    let register = world.start(&Fuse::never());
    let opened = run(register.register(&attempt(1), &Fiscal::OpenShift(None))).unwrap();
    assert!(matches!(opened, FiscalOutcome::Written(_)));
    world.device.befall(Mishap::PaperEnds);
    let unprinted = run(register.register(&attempt(2), &document(100))).unwrap();
    assert!(matches!(unprinted, FiscalOutcome::Written(_)), "{unprinted:?}");
    world.device.mend();
    run(register.continue_print()).unwrap().unwrap();
    world.device.befall(Mishap::LostAnswer);
    let doubt = run(register.register(&attempt(3), &document(200))).unwrap();
    assert!(matches!(doubt, FiscalOutcome::InDoubt(_)), "{doubt:?}");
    for _ in 0..2 {
        let again = run(register.register(&attempt(3), &document(200))).unwrap();
        assert_eq!(again, doubt, "a repeat is not sent");
        let other = run(register.register(&attempt(4), &document(300))).unwrap();
        assert_eq!(refused(other), Cause::Doubt);
    }
    run(register.report_x(None)).unwrap().unwrap();
    run(register.print_again(2)).unwrap().unwrap();
    run(register.continue_print()).unwrap().unwrap();
    run(register.status()).unwrap().unwrap();
    let found = run(register.find(&attempt(3), &document(200))).unwrap();
    assert!(matches!(found, Found::Written(_)), "{found:?}");
    let other = run(register.register(&attempt(4), &document(300))).unwrap();
    assert!(matches!(other, FiscalOutcome::Written(_)), "{other:?}");
}

#[test]
fn another_document_under_the_same_id_is_refused() {
    let world = World::new(able(true));
    let register = open(&world);
    let conflict = run(register.register(&attempt(1), &Fiscal::CloseShift(None))).unwrap();
    assert_eq!(refused(conflict), Cause::Conflict);
    let other = Receipt { electronic: true, ..sale(100) };
    assert_eq!(cause(run(register.open_receipt(&attempt(2), &other)).unwrap()), Cause::Conflict);
    let whole = run(register.register(&attempt(2), &document(100))).unwrap();
    assert_eq!(refused(whole), Cause::Conflict);
    match run(register.find(&attempt(1), &Fiscal::CloseShift(None))).unwrap() {
        Found::NotYet(error) => assert_eq!(error.cause, Cause::Conflict),
        other => panic!("{other:?}"),
    }
}

/// A call waits for the device as long as it was told to, and then knows nothing.
#[test]
fn waiting_for_the_device_has_a_bound() {
    let world = World::new(able(true));
    let register = world.start(&Fuse::never());
    let turn = run(register.attempts().turn()).unwrap().unwrap();
    let attempt = attempt(1);
    let what = Fiscal::OpenShift(None);
    let mut call = pin!(register.register(&attempt, &what));
    let mut context = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_pending());
    world.clock.advance(DeviceConfig::new("kiosk 1").wait_max);
    let outcome = run(call).unwrap();
    assert!(
        matches!(&outcome, FiscalOutcome::InDoubt(error) if error.cause == Cause::Busy),
        "the other call may be the same one: {outcome:?}"
    );
    drop(turn);
    assert_eq!(world.device.documents().len(), 0);
    let outcome = run(register.register(&attempt, &what)).unwrap();
    assert!(matches!(outcome, FiscalOutcome::Written(_)), "{outcome:?}");
}

#[test]
fn what_cannot_be_written_down_is_refused() {
    let world = World::new(able(true));
    let register = world.start(&Fuse::never());
    let mut long = sale(1);
    let line =
        tillway_core::fiscal::Line { name: "я".repeat(128).into(), ..long.lines[0].clone() };
    let mark = tillway_core::fiscal::MarkCode { code: vec![b'x'; 200], returned: false };
    let line = tillway_core::fiscal::Line { mark: Some(mark), ..line };
    long.lines = vec![line; 200];
    long.paid[0].amount = long.total().unwrap();
    let outcome = run(register.register(&attempt(1), &Fiscal::Receipt(Box::new(long)))).unwrap();
    assert_eq!(refused(outcome), Cause::BadReceipt);
    let again = run(register.register(&attempt(1), &Fiscal::OpenShift(None))).unwrap();
    assert!(matches!(again, FiscalOutcome::Written(_)), "nothing was written down: {again:?}");

    for name in [String::new(), "я".repeat(29), "kiosk\n1".to_owned()] {
        let device: std::sync::Arc<dyn FiscalRegister> = std::sync::Arc::new(world.device.clone());
        let store = std::sync::Arc::new(world.store.clone());
        let clock = std::sync::Arc::new(world.clock.clone());
        let config =
            DeviceConfig { wait_max: Duration::from_secs(1), ..DeviceConfig::new(name.as_str()) };
        let guarded = Guarded::try_new(device, store, clock, &CountingIds::new(), config);
        assert_eq!(guarded.err(), Some(BadDevice { max: 56 }));
    }
}
