//! Guests, orders and payments to begin a test with: the seed's guests, and commits in few words.

use core::time::Duration;

use tillway_core::book::{
    Binding, Commit, Expiry, House, Key, Op, OrderGuard, OrderRules, Party, Payer, Scope, TokenId,
    TokenUse, Why,
};
use tillway_core::guest::{Carrier, Guest, Identification, Names};
use tillway_core::id::{
    AccountId, Fingerprint, GuestId, HoldId, OrderId, PaymentId, RefundId, TillId, Uuid,
};
use tillway_core::token::normal_alias;
use tillway_core::{Account, AccountKind, AccountStatus, Kopecks, Timestamp};

/// The installation that ids of the seed are derived in.
pub const INSTALLATION: Uuid = Uuid::from_u128(0x7469_6c6c_7761_7900_8000_0000_0000_0001);

/// Order 82 of the seed, 1 650.00.
pub const ORDER_82: OrderId = OrderId(Uuid::from_u128(0x3f1c_7c8e_53c2_4b0e_9d39_1a6b_6c0f_2d11));

/// The total of order 82.
pub const ORDER_82_TOTAL: Kopecks = Kopecks(165_000);

/// When the seed's book begins: 2026-01-01T09:00:00Z.
pub const BEGIN: Timestamp = Timestamp::utc(1_767_258_000_000);

/// A moment this many seconds after [`BEGIN`].
pub fn at(seconds: u64) -> Timestamp {
    BEGIN.after(Duration::from_secs(seconds))
}

/// The id with this number, for things of a test.
pub fn id(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number))
}

/// A till of the seed: `till-1`, `till-2`, …
pub fn till(number: u32) -> TillId {
    match TillId::try_new(&format!("till-{number}")) {
        Ok(till) => till,
        Err(error) => panic!("a till's name is well formed: {error}"),
    }
}

/// A guest with all that belongs to it.
#[derive(Clone, Debug)]
pub struct Persona {
    /// The guest.
    pub guest: Guest,
    /// A photo.
    pub photo: Option<Box<[u8]>>,
    /// What the guest carries.
    pub carriers: Vec<Carrier>,
    /// The accounts, with the balance to begin with; what is above zero is topped up.
    pub accounts: Vec<(Account, Kopecks)>,
}

impl Persona {
    /// A guest without anything.
    pub fn new(client_id: &str, names: Names) -> Self {
        let guest = Guest {
            id: GuestId(Uuid::new_v5(&INSTALLATION, format!("guest:{client_id}").as_bytes())),
            client_id: client_id.into(),
            names,
            phone: None,
            gifts: Vec::new(),
            hints: Vec::new(),
            blocked: false,
            card: None,
        };
        Self { guest, photo: None, carriers: Vec::new(), accounts: Vec::new() }
    }

    /// With an account of this kind.
    #[must_use]
    pub fn with_account(
        mut self,
        kind: AccountKind,
        name: &str,
        balance: Kopecks,
        overdraft: Kopecks,
    ) -> Self {
        let text = format!("account:{}:{}", self.guest.client_id, kind.word());
        let account = Account {
            id: AccountId::derived(INSTALLATION, &text),
            guest: self.guest.id,
            kind,
            name: name.into(),
            balance: Kopecks::ZERO,
            overdraft,
            held: Kopecks::ZERO,
            held_own: Kopecks::ZERO,
            chain: tillway_core::book::Chain::START,
            status: AccountStatus::Active,
        };
        self.accounts.push((account, balance));
        self
    }

    /// With something that a reader reads as `value`.
    #[must_use]
    pub fn with_carrier(mut self, value: &str) -> Self {
        self.carriers.push(Carrier {
            alias: normal_alias(value),
            guest: self.guest.id,
            blocked: false,
            valid_from: None,
            valid_until: None,
        });
        self
    }

    /// The account of this kind.
    ///
    /// # Panics
    /// When the guest has none.
    pub fn account(&self, kind: AccountKind) -> AccountId {
        match self.accounts.iter().find(|(account, _)| account.kind == kind) {
            Some((account, _)) => account.id,
            None => panic!("guest {} has no {} account", self.guest.client_id, kind.word()),
        }
    }

    /// The guest as one who pays, identified by a carrier.
    pub fn payer(&self) -> Payer {
        Payer { guest: self.guest.id, identified: Identification::Strong, token: None }
    }

    /// What makes the guest known to an empty book, balances included.
    pub fn ops(&self) -> Vec<Op> {
        let mut ops = vec![Op::PutGuest(Box::new(self.guest.clone()))];
        if self.photo.is_some() {
            ops.push(Op::PutPhoto { guest: self.guest.id, photo: self.photo.clone() });
        }
        ops.extend(self.carriers.iter().map(|c| Op::PutCarrier(Box::new(c.clone()))));
        for (account, balance) in &self.accounts {
            ops.push(Op::OpenAccount(Box::new(account.clone())));
            if balance.is_positive() {
                ops.push(give(account.kind, account.id, *balance, account.id.0));
            }
        }
        ops
    }
}

/// The guest of the seed: card 149725735, 84 865.00 points, 100 941.00 on deposit of which
/// 100 000.00 are overdraft; with a bracelet, gifts, hints and a photo.
pub fn anna() -> Persona {
    let names = Names {
        first: Some("Анна".into()),
        patronymic: Some("Сергеевна".into()),
        ..Names::default()
    };
    let mut anna = Persona::new("149725735", names)
        .with_account(AccountKind::Bonus, "Бонусы", Kopecks(8_486_500), Kopecks::ZERO)
        .with_account(AccountKind::Deposit, "Депозит", Kopecks(94_100), Kopecks(10_000_000))
        .with_carrier("149725735")
        .with_carrier("04:A2:5F:1C:6B:2E:80");
    anna.guest.phone = Some("+79161234567".into());
    anna.guest.card = Some("149725735".into());
    anna.guest.gifts = vec!["00042".into(), "00108".into()];
    anna.guest.hints = vec!["Анна Сергеевна".into(), "Овердрафт подключён".into()];
    anna.photo = Some(PHOTO.into());
    anna
}

/// A guest without a name: client id 10542, a credit account with a limit of 5 000.00.
pub fn nameless() -> Persona {
    Persona::new("10542", Names::default())
        .with_account(AccountKind::Credit, "Кредит", Kopecks::ZERO, Kopecks(500_000))
        .with_carrier("10542")
}

/// A guest with all three accounts: 300.00 points, 1 000.00 on deposit, 5 000.00 of credit.
pub fn all_three() -> Persona {
    let names = Names { salutation: Some("дядя Фёдор".into()), ..Names::default() };
    Persona::new("20001", names)
        .with_account(AccountKind::Bonus, "Бонусы", Kopecks(30_000), Kopecks::ZERO)
        .with_account(AccountKind::Deposit, "Депозит", Kopecks(100_000), Kopecks::ZERO)
        .with_account(AccountKind::Credit, "Кредит", Kopecks::ZERO, Kopecks(500_000))
        .with_carrier("20001")
}

/// A blocked guest with 500.00 on deposit.
pub fn blocked() -> Persona {
    let names =
        Names { first: Some("Борис".into()), last: Some("Ким".into()), ..Names::default() };
    let mut boris = Persona::new("30007", names)
        .with_account(AccountKind::Deposit, "Депозит", Kopecks(50_000), Kopecks::ZERO)
        .with_carrier("30007");
    boris.guest.blocked = true;
    boris
}

/// The four guests of the seed.
pub fn seed() -> Vec<Persona> {
    vec![anna(), nameless(), all_three(), blocked()]
}

/// Money paid in outside and declared by the venue.
pub fn top_up(account: AccountId, amount: Kopecks, by: Uuid) -> Op {
    give(AccountKind::Deposit, account, amount, by)
}

/// Points given.
pub fn accrue(account: AccountId, amount: Kopecks, by: Uuid) -> Op {
    give(AccountKind::Bonus, account, amount, by)
}

fn give(kind: AccountKind, account: AccountId, amount: Kopecks, by: Uuid) -> Op {
    let (house, why) = match kind {
        AccountKind::Bonus => (House::BonusIssued, Why::Accrual),
        AccountKind::Credit | AccountKind::Deposit => (House::Declared, Why::TopUp),
    };
    let (from, to) = (Party::House(house), Party::Guest(account));
    Op::Move { from, to, amount, why, by }
}

/// A commit of these ops under a key; the digest is that of the ops.
pub fn keyed(scope: Scope, key: Uuid, at: Timestamp, ops: Vec<Op>) -> Commit {
    let body = digest(&ops);
    Commit { key: Some(Key { scope, id: key, attempt: 1, body }), at, guard: None, ops }
}

fn digest(request: &impl core::fmt::Debug) -> Fingerprint {
    Fingerprint::of(format!("{request:?}").as_bytes())
}

/// Binds a guest to an order, or makes the binding pending.
pub fn bind(order: OrderId, to: Binding) -> Op {
    Op::Bind { order, till: None, to, once: None }
}

/// Binds a guest who showed a one-time token, valid for an hour from [`BEGIN`].
pub fn bind_once(order: OrderId, payer: Payer, token: TokenId, pending: bool) -> Op {
    let payer = Payer { token: Some(token), ..payer };
    let to = if pending { Binding::Pending(payer) } else { Binding::Bound(payer) };
    Op::Bind { order, till: None, to, once: Some(TokenUse { id: token, expires: at(3_600) }) }
}

/// A payment of an order, as the plugin would ask for it.
#[derive(Clone, Debug)]
pub struct Pay {
    /// iikoFront's transaction id.
    pub id: PaymentId,
    /// The order.
    pub order: OrderId,
    /// The account.
    pub account: AccountId,
    /// How much.
    pub amount: Kopecks,
    /// The reservation that it uses.
    pub hold: Option<HoldId>,
    /// The attempt.
    pub attempt: u16,
    /// The till that asks.
    pub till: Option<TillId>,
    /// The epoch that the plugin saw.
    pub epoch: Option<u32>,
    /// The kind that the payment type stands for.
    pub expects: Option<AccountKind>,
    /// The order's total.
    pub total: Option<Kopecks>,
    /// The venue's rules.
    pub rules: OrderRules,
}

impl Pay {
    /// A first attempt without a reservation.
    pub fn new(number: u64, order: OrderId, account: AccountId, amount: i64) -> Self {
        Self {
            id: PaymentId(id(number)),
            order,
            account,
            amount: Kopecks(amount),
            hold: None,
            attempt: 1,
            till: None,
            epoch: None,
            expects: None,
            total: None,
            rules: OrderRules::default(),
        }
    }

    /// The commit: the payment's row is its key, and the digest leaves the attempt out (F1).
    pub fn commit(&self, at: Timestamp) -> Commit {
        let body = digest(&Self { attempt: 0, ..self.clone() });
        let key = Key { scope: Scope::Payment, id: self.id.0, attempt: self.attempt, body };
        Commit { key: Some(key), at, guard: Some(self.guard()), ops: vec![self.op()] }
    }

    /// The op alone.
    pub fn op(&self) -> Op {
        Op::Capture {
            id: self.id,
            order: self.order,
            account: self.account,
            amount: self.amount,
            hold: self.hold,
        }
    }

    /// The rules that it is judged under.
    pub fn guard(&self) -> OrderGuard {
        OrderGuard {
            order: self.order,
            till: self.till.clone(),
            epoch: self.epoch,
            expects: self.expects,
            total: self.total,
            rules: self.rules,
        }
    }
}

/// A reservation of an order.
#[derive(Clone, Debug)]
pub struct Reserve {
    /// Its id.
    pub id: HoldId,
    /// The order.
    pub order: OrderId,
    /// The account.
    pub account: AccountId,
    /// How much.
    pub amount: Kopecks,
    /// When it lapses.
    pub expiry: Expiry,
    /// The hold that it replaces.
    pub supersedes: Option<HoldId>,
    /// The venue's rules.
    pub rules: OrderRules,
}

impl Reserve {
    /// A reservation that lapses half an hour after [`BEGIN`].
    pub fn new(number: u64, order: OrderId, account: AccountId, amount: i64) -> Self {
        Self {
            id: HoldId(id(number)),
            order,
            account,
            amount: Kopecks(amount),
            expiry: Expiry::At(at(1_800)),
            supersedes: None,
            rules: OrderRules::default(),
        }
    }

    /// The commit, under a key of its own.
    pub fn commit(&self, at: Timestamp) -> Commit {
        let key = Key { scope: Scope::Reserve, id: self.id.0, attempt: 1, body: digest(self) };
        let guard = OrderGuard {
            order: self.order,
            till: None,
            epoch: None,
            expects: None,
            total: None,
            rules: self.rules,
        };
        Commit { key: Some(key), at, guard: Some(guard), ops: vec![self.op()] }
    }

    /// The op alone.
    pub fn op(&self) -> Op {
        Op::Hold {
            id: self.id,
            order: self.order,
            account: self.account,
            amount: self.amount,
            expiry: self.expiry,
            supersedes: self.supersedes,
        }
    }
}

/// Takes a payment back.
pub fn cancel(number: u64, order: OrderId) -> Op {
    Op::Cancel { id: PaymentId(id(number)), order, till: None }
}

/// Gives a part of a payment back, under the refund's key.
pub fn refund(number: u64, of: u64, amount: i64, before: Option<Kopecks>, at: Timestamp) -> Commit {
    let of = PaymentId(id(of));
    let op = Op::Refund { id: RefundId(id(number)), of, amount: Kopecks(amount), before };
    keyed(Scope::Refund, id(number), at, vec![op])
}

/// A grey pixel: the smallest PNG that every viewer takes.
const PHOTO: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b,
    0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x68, 0x00, 0x00, 0x00,
    0x82, 0x00, 0x81, 0xda, 0x45, 0x08, 0x3b, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae,
    0x42, 0x60, 0x82,
];
