//! Who and what there is: guests with much money, and orders whose ids are as random as those of
//! iikoFront and can be made again by number. `wrk/*.lua` makes the same ones.

use std::path::Path;
use std::time::SystemTime;

use futures::executor::block_on;
use tillway::core::book::{Commit, House, Op, Party, Verdict, Why};
use tillway::core::guest::{Carrier, Guest, Names};
use tillway::core::id::{AccountId, GuestId, Uuid};
use tillway::core::port::Store;
use tillway::core::token::normal_alias;
use tillway::core::{Account, AccountKind, AccountStatus, Kopecks, Timestamp};
use tillway::sqlite::{SqliteConfig, SqliteStore};

/// How many guests there are, each with points and a deposit.
pub(crate) const GUESTS: u64 = 1_000;

/// Of each account, so that nobody runs out.
const RICH: i64 = 1_000_000_000_000;

/// The space of a kind of id.
#[derive(Clone, Copy)]
pub(crate) enum Space {
    Order = 1,
    Bonus = 2,
    Deposit = 3,
    Guest = 4,
    BonusPayment = 5,
    DepositPayment = 6,
}

/// The nth id of a space. Its first bits come from a multiplication, so that neighbours in number
/// are far from each other in a tree.
pub(crate) fn id(space: Space, n: u64) -> String {
    let first = n.wrapping_mul(2_654_435_761) & 0xFFFF_FFFF;
    format!("{first:08x}-0000-4000-8000-{:x}{n:011x}", space as u8)
}

pub(crate) fn card(n: u64) -> String {
    (3_000_000_000 + n % GUESTS).to_string()
}

fn uuid(space: Space, n: u64) -> Uuid {
    Uuid::parse_str(&id(space, n)).unwrap()
}

/// Puts the guests into the store of a stand that does not run.
pub(crate) fn fill(data: &Path) {
    let store = SqliteStore::open(SqliteConfig::new(data.join("tillway.db"))).unwrap();
    // A book that ends long ago would put the clock in doubt.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let at = Timestamp::utc(now.as_millis().try_into().unwrap());
    for n in 0..GUESTS {
        let commit = Commit::of(at, ops(n));
        let committed = block_on(store.commit(commit)).unwrap();
        assert!(matches!(committed.verdict, Verdict::Done(_)), "{committed:?}");
    }
}

fn ops(n: u64) -> Vec<Op> {
    let guest = GuestId(uuid(Space::Guest, n));
    let names = Names {
        salutation: None,
        first: Some("Анна".into()),
        patronymic: Some("Сергеевна".into()),
        last: Some("Лебедева".into()),
    };
    let mut ops = vec![
        Op::PutGuest(Box::new(Guest {
            id: guest,
            client_id: (50_000 + n).to_string().into(),
            names,
            phone: None,
            gifts: vec!["20417".into(), "20433".into()],
            hints: vec!["Любит столик у воды".into()],
            blocked: false,
            card: Some(card(n).into()),
        })),
        Op::PutCarrier(Box::new(Carrier {
            alias: normal_alias(&card(n)),
            guest,
            blocked: false,
            valid_from: None,
            valid_until: None,
        })),
    ];
    let kinds = [
        (Space::Bonus, AccountKind::Bonus, "Бонусы", House::BonusIssued, Why::Accrual),
        (Space::Deposit, AccountKind::Deposit, "Депозит", House::Declared, Why::TopUp),
    ];
    for (space, kind, name, house, why) in kinds {
        let id = AccountId(uuid(space, n));
        ops.push(Op::OpenAccount(Box::new(account(id, guest, kind, name))));
        let (from, to, amount) = (Party::House(house), Party::Guest(id), Kopecks(RICH));
        ops.push(Op::Move { from, to, amount, why, by: id.0 });
    }
    ops
}

fn account(id: AccountId, guest: GuestId, kind: AccountKind, name: &str) -> Account {
    Account {
        id,
        guest,
        kind,
        name: name.into(),
        balance: Kopecks::ZERO,
        overdraft: Kopecks::ZERO,
        held: Kopecks::ZERO,
        held_own: Kopecks::ZERO,
        status: AccountStatus::Active,
        chain: Default::default(),
    }
}
