//! Rows of the book as the desks show them.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::time::Duration;

use tillway_core::account::Parts;
use tillway_core::book::{
    Binding, Capture, Hold, HoldState, Order, Payer, Payment, PaymentState, Refund, Refusal,
};
use tillway_core::guest::{Guest, Identification, Names};
use tillway_core::id::{
    AccountId, Fingerprint, GuestId, HoldId, OrderId, PaymentId, RefundId, Uuid,
};
use tillway_core::port::{OrderView, PaymentView, Sheet};
use tillway_core::wallet::Limits;
use tillway_core::{Account, AccountKind, AccountStatus, Kopecks};

use super::{BONUS, DEPOSIT, NOW, ORDER, T1, T2, id};

pub(crate) const HOLD: &str = "7c1d2e3f-1111-4a2b-8c3d-0e4f5a6b7c8d";
pub(crate) const REFUND: &str = "843854ad-59c1-53b8-b545-b848e64d4819";

pub(crate) fn account(kind: AccountKind, balance: i64, overdraft: i64, held: i64) -> Account {
    let (text, name) = match kind {
        AccountKind::Bonus => (BONUS, "Бонусы"),
        _ => (DEPOSIT, "Депозит"),
    };
    Account {
        id: AccountId(id(text)),
        guest: GuestId(Uuid::from_u128(7)),
        kind,
        name: name.into(),
        balance: Kopecks(balance),
        overdraft: Kopecks(overdraft),
        held: Kopecks(held),
        held_own: Kopecks(held),
        chain: tillway_core::book::Chain::START,
        status: AccountStatus::Active,
    }
}

pub(crate) fn captured(text: &str, kind: AccountKind, amount: i64, refunded: i64) -> Payment {
    let wallet = if kind == AccountKind::Bonus { BONUS } else { DEPOSIT };
    let capture = Capture {
        account: AccountId(id(wallet)),
        guest: GuestId(Uuid::from_u128(7)),
        kind,
        parts: Parts { own: Kopecks(amount), overdraft: Kopecks::ZERO },
        refunded: Kopecks(refunded),
        hold: None,
        acknowledged: false,
        settled: false,
    };
    payment(text, PaymentState::Captured(capture))
}

pub(crate) fn payment(text: &str, state: PaymentState) -> Payment {
    Payment {
        id: PaymentId(id(text)),
        order: OrderId(id(ORDER)),
        till: None,
        attempt: 1,
        body: Fingerprint([0; 16]),
        state,
        at: NOW,
    }
}

/// The deposit payment of the story: 900.00 of order 82.
pub(crate) fn paid(refunded: i64) -> PaymentView {
    PaymentView {
        payment: captured(T2, AccountKind::Deposit, 90_000, refunded),
        account: Some(account(AccountKind::Deposit, 4_100, 10_000_000, 0)),
    }
}

pub(crate) fn cancelled() -> PaymentView {
    let view = paid(0);
    let PaymentState::Captured(capture) = view.payment.state else { unreachable!() };
    PaymentView { payment: payment(T2, PaymentState::Cancelled(capture)), account: None }
}

pub(crate) fn bare(state: PaymentState) -> PaymentView {
    PaymentView { payment: payment(T2, state), account: None }
}

pub(crate) fn refused() -> PaymentView {
    bare(PaymentState::Refused(Refusal::InsufficientFunds { limit: Kopecks(12_000) }))
}

pub(crate) fn hold(state: HoldState) -> Hold {
    Hold {
        id: HoldId(id(HOLD)),
        order: OrderId(id(ORDER)),
        account: AccountId(id(BONUS)),
        kind: AccountKind::Bonus,
        parts: Parts { own: Kopecks(75_000), overdraft: Kopecks::ZERO },
        state,
        expires: Some(NOW.after(Duration::from_secs(1_800))),
        at: NOW,
    }
}

pub(crate) fn refund(amount: i64) -> Refund {
    Refund {
        id: RefundId(id(REFUND)),
        of: PaymentId(id(T2)),
        parts: Parts { own: Kopecks(amount), overdraft: Kopecks::ZERO },
        at: NOW,
    }
}

/// Order 82 with its guest, a hold and these payments.
pub(crate) fn order(payments: Vec<Payment>, binding: fn(Payer) -> Binding) -> OrderView {
    let guest = GuestId(Uuid::from_u128(7));
    let payer = Payer { guest, identified: Identification::Strong, token: None };
    let order = Order { epoch: 1, binding: binding(payer), ..Order::new(OrderId(id(ORDER)), NOW) };
    let names = Names {
        first: Some("Анна".into()),
        patronymic: Some("Сергеевна".into()),
        ..Names::default()
    };
    let sheet = Sheet {
        order,
        guest: Some(Guest {
            id: guest,
            client_id: "149725735".into(),
            names,
            phone: None,
            gifts: Vec::new(),
            hints: Vec::new(),
            blocked: false,
            card: Some("149725735".into()),
        }),
        accounts: vec![
            account(AccountKind::Deposit, 4_100, 10_000_000, 0),
            account(AccountKind::Bonus, 8_486_500, 0, 75_000),
        ],
        holds: vec![hold(HoldState::Held)],
        payments,
        has_photo: false,
    };
    OrderView {
        sheet: Some(sheet),
        name: Some("Анна Сергеевна".to_owned()),
        brd_client: Some(id("0b6f6c5e-8a55-5d3c-9a0b-6a3f1f0c7d21")),
        limits: Limits::default(),
        by_account: vec![
            (AccountId(id(BONUS)), Kopecks(8_486_500)),
            (AccountId(id(DEPOSIT)), Kopecks(10_004_100)),
        ],
    }
}

/// Both captures of the story.
pub(crate) fn both() -> Vec<Payment> {
    vec![captured(T1, AccountKind::Bonus, 75_000, 0), captured(T2, AccountKind::Deposit, 90_000, 0)]
}
