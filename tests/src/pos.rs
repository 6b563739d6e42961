//! The front plugin in few words: what it sends to the payment API, and what it must be told.

use std::sync::Arc;

use serde_json::{Value, json};
use tillway_core::AccountKind;
use tillway_core::book::Commit;
use tillway_core::id::{AccountId, OrderId, Uuid};
use tillway_sqlite::{SqliteConfig, SqliteStore};
use tillway_testkit::builders::{Persona, id};
use tillway_testkit::runtime::block_on;

use crate::venue::{
    Answer, BONUS_TYPE, CREDIT_TYPE, DEPOSIT_TYPE, NOON, ORDER_82, Setup, Venue, order_id, uuid,
};

/// The total of order 82, in kopecks.
pub const TOTAL: i64 = 165_000;

/// Runs a test once for each store: in memory, and in an SQLite file of its own.
pub fn on_each_store(test: impl Fn(Setup)) {
    test(Setup::default());
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(sqlite(&folder));
    test(Setup { store, ..Setup::default() });
}

/// The book of a folder, opened or created.
pub fn sqlite(folder: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::open(SqliteConfig::new(folder.path().join("book.db"))).unwrap()
}

/// The order with this number.
pub fn order(number: u64) -> OrderId {
    OrderId(id(number))
}

/// The payment type of a kind.
pub fn type_of(kind: AccountKind) -> Uuid {
    uuid(match kind {
        AccountKind::Bonus => BONUS_TYPE,
        AccountKind::Deposit => DEPOSIT_TYPE,
        AccountKind::Credit => CREDIT_TYPE,
    })
}

/// A payment, as the plugin asks for it.
#[derive(Clone, Debug)]
pub struct Pay {
    /// iikoFront's transaction id.
    pub id: Uuid,
    /// The order.
    pub order: OrderId,
    /// The account.
    pub wallet: AccountId,
    /// The epoch that the plugin saw.
    pub epoch: u32,
    /// The attempt.
    pub attempt: u32,
    /// How much.
    pub amount: i64,
    /// The order's total.
    pub total: i64,
    /// iiko's payment type.
    pub payment_type: Uuid,
    /// The reservation that it uses.
    pub reservation: Option<String>,
}

impl Pay {
    /// A first attempt to pay order 82 from this account, by the type that fits it.
    pub fn new(number: u64, guest: &Persona, kind: AccountKind, amount: i64) -> Self {
        Self {
            id: id(number),
            order: order_id(ORDER_82),
            wallet: guest.account(kind),
            epoch: 1,
            attempt: 1,
            amount,
            total: TOTAL,
            payment_type: type_of(kind),
            reservation: None,
        }
    }

    /// The same on another order.
    #[must_use]
    pub fn on(self, order: OrderId) -> Self {
        Self { order, ..self }
    }

    /// The same by a reservation.
    #[must_use]
    pub fn by(self, reservation: &str) -> Self {
        Self { reservation: Some(reservation.to_owned()), ..self }
    }

    /// The path below `/pos/v1`.
    pub fn path(&self) -> String {
        format!("/payments/{}", self.id)
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        let mut body = json!({
            "orderId": self.order.to_string(), "walletId": self.wallet.to_string(),
            "bindingEpoch": self.epoch, "attempt": self.attempt, "amountMinor": self.amount,
            "orderTotalMinor": self.total, "orderNumber": 82,
            "paymentTypeId": self.payment_type.to_string(), "prepay": false, "silent": true,
        });
        if let Some(reservation) = &self.reservation {
            body["reservationId"] = json!(reservation);
        }
        body
    }

    /// Sends it from till 1.
    pub fn put(&self, venue: &Venue) -> Answer {
        self.put_from(venue, 1)
    }

    /// Sends it from a till.
    pub fn put_from(&self, venue: &Venue, till: usize) -> Answer {
        venue.pos(till, "PUT", &self.path(), &self.json().to_string())
    }

    /// Sends it from till 1; it must be captured, and for the first time.
    #[track_caller]
    pub fn taken(&self, venue: &Venue) -> Answer {
        let answer = self.put(venue);
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.header("idempotent-replay"), None);
        answer
    }

    /// Asks what became of it.
    pub fn state(&self, venue: &Venue) -> String {
        let answer = venue.pos(1, "GET", &self.path(), "");
        answer.state_of(200)
    }

    /// Cancels it from a till.
    pub fn cancel(&self, venue: &Venue, till: usize) -> Answer {
        let body = json!({"orderId": self.order.to_string(), "reason": "test"}).to_string();
        venue.pos(till, "POST", &format!("{}/cancel", self.path()), &body)
    }

    /// Says from till 1 that iiko has it.
    pub fn acknowledge(&self, venue: &Venue) -> Answer {
        venue.pos(1, "POST", &format!("{}/acknowledge", self.path()), "")
    }

    /// Gives a part back from till 1, under the id that the plugin derives (F2).
    pub fn refund(&self, venue: &Venue, before: i64, amount: i64) -> Answer {
        let refund = Uuid::new_v5(&self.id, format!("{before}:{amount}").as_bytes());
        let body = json!({"amountMinor": amount, "refundedBeforeMinor": before, "reason": "test"});
        let path = format!("{}/refunds/{refund}", self.path());
        venue.pos(1, "PUT", &path, &body.to_string())
    }
}

/// A reservation, as the plugin asks for it.
#[derive(Clone, Debug)]
pub struct Reserve {
    /// The `Idempotency-Key`.
    pub key: Uuid,
    /// The body but for `ttlSeconds` and `supersedes`.
    pub terms: Pay,
    /// How long it lives.
    pub ttl: Option<i64>,
    /// The one that it replaces.
    pub supersedes: Option<String>,
}

impl Reserve {
    /// A reservation for order 82 on this account.
    pub fn new(key: u64, guest: &Persona, kind: AccountKind, amount: i64) -> Self {
        let terms = Pay::new(key, guest, kind, amount);
        Self { key: id(key), terms, ttl: None, supersedes: None }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        let terms = &self.terms;
        let mut body = json!({
            "orderId": terms.order.to_string(), "walletId": terms.wallet.to_string(),
            "bindingEpoch": terms.epoch, "amountMinor": terms.amount,
            "orderTotalMinor": terms.total,
        });
        if let Some(ttl) = self.ttl {
            body["ttlSeconds"] = json!(ttl);
        }
        if let Some(old) = &self.supersedes {
            body["supersedes"] = json!(old);
        }
        body
    }

    /// Sends it from till 1.
    pub fn post(&self, venue: &Venue) -> Answer {
        venue.post_keyed("/pos/v1/reservations", &self.key.to_string(), &self.json().to_string())
    }

    /// Sends it; it must be held. Returns its id.
    #[track_caller]
    pub fn held(&self, venue: &Venue) -> String {
        let answer = self.post(venue);
        assert_eq!(answer.state_of(201), "held");
        answer.json()["reservationId"].as_str().unwrap().to_owned()
    }
}

impl Venue {
    /// A `POST` from till 1 with an `Idempotency-Key`.
    pub fn post_keyed(&self, path: &str, key: &str, body: &str) -> Answer {
        let headers = [("Authorization", "Bearer till-1-secret"), ("Idempotency-Key", key)];
        self.connect().ask("POST", path, &headers, body)
    }

    /// Gives a reservation up, from till 1.
    pub fn void(&self, reservation: &str) -> Answer {
        self.pos(1, "POST", &format!("/reservations/{reservation}/void"), r#"{"reason":"test"}"#)
    }

    /// An order as the plugin sees it, from till 1.
    pub fn sheet(&self, order: OrderId) -> Value {
        let answer = self.pos(1, "GET", &format!("/orders/{order}"), "");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// A wallet of an order as the plugin sees it.
    pub fn wallet(&self, order: OrderId, kind: AccountKind) -> Value {
        let sheet = self.sheet(order);
        let wallets = sheet["wallets"].as_array().unwrap();
        let found = wallets.iter().find(|wallet| wallet["kind"] == kind.word());
        found.unwrap_or_else(|| panic!("no {} wallet: {sheet}", kind.word())).clone()
    }

    /// Puts a guest into the book, with balances.
    pub fn add(&self, guest: &Persona) {
        block_on(self.store.commit(Commit::of(NOON, guest.ops()))).unwrap();
    }

    /// Says from till 1 that iiko closed an order with these payments.
    pub fn close(&self, order: OrderId, payments: &[&Pay]) -> Answer {
        let listed: Vec<Value> = payments
            .iter()
            .map(|pay| json!({"transactionId": pay.id.to_string(), "amountMinor": pay.amount}))
            .collect();
        let body = json!({
            "closedAt": "2026-11-22T09:41:00Z", "totalMinor": TOTAL, "payments": listed,
        });
        self.pos(1, "POST", &format!("/orders/{order}/closed"), &body.to_string())
    }
}

impl Answer {
    /// The `state` of an answer that must have this status.
    #[track_caller]
    pub fn state_of(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        let state = self.json()["state"].as_str().map(str::to_owned);
        state.unwrap_or_else(|| panic!("no state: {self:?}"))
    }

    /// An amount of the answer, in kopecks.
    #[track_caller]
    pub fn minor(&self, member: &str) -> i64 {
        let value = self.json()[member].as_i64();
        value.unwrap_or_else(|| panic!("no {member}: {self:?}"))
    }

    /// It must be a stored refusal (F1).
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        self.fails(status, code, true);
    }

    /// It must be an error that nothing stores: the plugin ends it in a cancel.
    #[track_caller]
    pub fn denied(&self, status: u16, code: &str) {
        self.fails(status, code, false);
    }

    #[track_caller]
    fn fails(&self, status: u16, code: &str, is_final: bool) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{self:?}");
        let error = &self.json()["error"];
        assert_eq!(error["final"], is_final, "{self:?}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        assert!(error["retryable"].is_boolean(), "{self:?}");
    }

    /// It must be the answer to a repeat.
    #[track_caller]
    pub fn replays(&self) {
        assert_eq!(
            (self.status, self.header("idempotent-replay")),
            (200, Some("true")),
            "{self:?}"
        );
    }
}

/// Numbers of a random test. The seed is printed, and `SEED` brings it back.
#[derive(Debug)]
pub struct Seed(u64);

impl Seed {
    /// A seed of its own for this run, or the one of the environment.
    #[expect(clippy::print_stdout, reason = "shown when the test fails")]
    pub fn fresh() -> Self {
        let given = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
        // Random by itself: the table's keys differ in every process.
        let seed = given.unwrap_or_else(|| {
            use std::hash::{BuildHasher, RandomState};
            RandomState::new().hash_one(0_u8) >> 1
        });
        println!("SEED={seed}");
        Self(seed)
    }

    /// The next number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
