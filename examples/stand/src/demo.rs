//! The data of the demo, and its secrets, which everybody knows.

mod photo;

use tillway::core::book::{Commit, House, Key, Op, Party, Scope, Why};
use tillway::core::guest::{Carrier, Guest, Names};
use tillway::core::id::{AccountId, Fingerprint, GuestId, Uuid};
use tillway::core::token::normal_alias;
use tillway::core::{Account, AccountKind, Kopecks, Timestamp};

/// The namespace of derived ids.
pub(crate) const INSTALLATION: Uuid = Uuid::from_u128(0x7469_6c6c_7761_7900_8000_0000_0000_0001);

pub(crate) const TILL: &str = "till-1";
pub(crate) const TILL_TOKEN: &str = "till-1-secret";
pub(crate) const TOKEN_KID: &str = "demo";
pub(crate) const TOKEN_KEY: &str = "demo-key-of-dynamic-tokens-not-for-venues";
/// The PIN that the simulated iikoFront knows.
pub(crate) const PIN: &str = "12345";

/// Order 82: 1650.00.
pub(crate) const ORDER_82: Uuid = Uuid::from_u128(0x3f1c7c8e_53c2_4b0e_9d39_1a6b6c0f2d11);

/// Payment types of the demo: GUID, kind, and the name in iikoOffice.
pub(crate) const PAYMENT_TYPES: [(Uuid, AccountKind, &str); 3] = [
    (Uuid::from_u128(0x0668e655_15a0_4b5e_ab3c_c7f7003cb8cc), AccountKind::Bonus, "Лайм бонусы"),
    (
        Uuid::from_u128(0xd645d632_cd95_4d49_9974_06911a9cd314),
        AccountKind::Deposit,
        "Lime (фискально)",
    ),
    (Uuid::from_u128(0xb7e0a1d4_6f11_4a6e_8a0d_2f6c9b1d4e77), AccountKind::Credit, "Lime кредит"),
];

/// The card of the guest of the seed.
pub(crate) const CARD: &str = "149725735";
pub(crate) const BONUS_WALLET: Uuid = Uuid::from_u128(0x6d0a1a52_7d5c_5b52_8a5e_0d3f7c7b1e01);
pub(crate) const DEPOSIT_WALLET: Uuid = Uuid::from_u128(0xc1b1f3c0_2b8a_5f0a_9a41_77d2a1f0be02);

/// A guest with all that belongs to it.
#[derive(Debug)]
pub(crate) struct DemoGuest {
    pub(crate) guest: Guest,
    pub(crate) carriers: Vec<&'static str>,
    /// With what is on it.
    pub(crate) accounts: Vec<(Account, Kopecks)>,
    /// One line for people.
    pub(crate) about: &'static str,
    photo: Option<Box<[u8]>>,
}

/// The id of a guest by the venue's number; that of guests added by command too.
pub(crate) fn guest_id(installation: Uuid, client_id: &str) -> GuestId {
    GuestId(Uuid::new_v5(&installation, format!("guest:{client_id}").as_bytes()))
}

/// The id of a guest's first account of a kind.
pub(crate) fn account_id(installation: Uuid, client_id: &str, kind: AccountKind) -> AccountId {
    AccountId::derived(installation, &format!("account:{client_id}:{}", kind.word()))
}

/// What an account of a kind is called until somebody says otherwise.
pub(crate) fn account_name(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Bonus => "Бонусы",
        AccountKind::Deposit => "Депозит",
        AccountKind::Credit => "Кредит",
    }
}

/// The four guests.
pub(crate) fn guests() -> Vec<DemoGuest> {
    use AccountKind::{Bonus, Credit, Deposit};

    let mut anna = DemoGuest::new("10541", names("Анна", "Сергеевна", "Лебедева"))
        .carries(&[CARD, "04:5E:3A:7C:91:2B:80"])
        .account(Bonus, 8_486_500, 0)
        .account(Deposit, 94_100, 10_000_000)
        .about("бонусы и депозит с овердрафтом, браслет, QR, подарки, фото");
    anna.accounts[0].0.id = AccountId(BONUS_WALLET);
    anna.accounts[1].0.id = AccountId(DEPOSIT_WALLET);
    anna.guest.phone = Some("+79161234567".into());
    anna.guest.gifts = vec!["20417".into(), "20433".into()];
    anna.guest.hints = vec!["Любит столик у воды".into()];
    anna.photo = Some(photo::portrait());

    let nameless = DemoGuest::new("10542", Names::default())
        .carries(&["149725742"])
        .account(Credit, 0, 500_000)
        .about("без имени; кредит до 5 000,00");

    let rich = DemoGuest::new("10543", names("Пётр", "Ильич", "Ким"))
        .carries(&["149725743"])
        .account(Bonus, 120_000, 0)
        .account(Deposit, 300_000, 0)
        .account(Credit, 0, 1_000_000)
        .about("все три счёта: бонусы, депозит, кредит");

    let mut blocked = DemoGuest::new("10544", names("Олег", "", "Громов"))
        .carries(&["149725744"])
        .account(Deposit, 50_000, 0)
        .about("заблокирован");
    blocked.guest.blocked = true;

    vec![anna, nameless, rich, blocked]
}

/// All of the demo in one durable step. A repeat changes nothing.
pub(crate) fn commit(at: Timestamp) -> Commit {
    let ops: Vec<Op> = guests().into_iter().flat_map(DemoGuest::ops).collect();
    let body = Fingerprint::of(b"the demo data of the stand");
    let key = Key { scope: Scope::Custom, id: INSTALLATION, attempt: 1, body };
    Commit { key: Some(key), at, guard: None, ops }
}

impl DemoGuest {
    fn new(client_id: &str, names: Names) -> Self {
        let guest = Guest {
            id: guest_id(INSTALLATION, client_id),
            client_id: client_id.into(),
            names,
            phone: None,
            gifts: Vec::new(),
            hints: Vec::new(),
            blocked: false,
            card: None,
        };
        Self { guest, carriers: Vec::new(), accounts: Vec::new(), about: "", photo: None }
    }

    fn carries(mut self, values: &[&'static str]) -> Self {
        self.carriers = values.to_vec();
        self.guest.card = values.first().map(|card| (*card).into());
        self
    }

    fn account(mut self, kind: AccountKind, balance: i64, overdraft: i64) -> Self {
        let id = account_id(INSTALLATION, &self.guest.client_id, kind);
        let name = account_name(kind);
        let account = Account::new(id, self.guest.id, kind, name, Kopecks(overdraft));
        self.accounts.push((account, Kopecks(balance)));
        self
    }

    fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    fn ops(self) -> Vec<Op> {
        let id = self.guest.id;
        let mut ops = vec![Op::PutGuest(Box::new(self.guest))];
        if self.photo.is_some() {
            ops.push(Op::PutPhoto { guest: id, photo: self.photo });
        }
        for value in self.carriers {
            ops.push(Op::PutCarrier(Box::new(Carrier {
                alias: normal_alias(value),
                guest: id,
                blocked: false,
                valid_from: None,
                valid_until: None,
            })));
        }
        for (account, balance) in self.accounts {
            let (to, by) = (Party::Guest(account.id), account.id.0);
            let (house, why) = match account.kind {
                AccountKind::Bonus => (House::BonusIssued, Why::Accrual),
                AccountKind::Deposit | AccountKind::Credit => (House::Declared, Why::TopUp),
            };
            ops.push(Op::OpenAccount(Box::new(account)));
            if balance.is_positive() {
                ops.push(Op::Move { from: Party::House(house), to, amount: balance, why, by });
            }
        }
        ops
    }
}

fn names(first: &str, patronymic: &str, last: &str) -> Names {
    let part = |text: &str| (!text.is_empty()).then(|| text.into());
    Names { salutation: None, first: part(first), patronymic: part(patronymic), last: part(last) }
}
