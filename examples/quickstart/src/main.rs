//! A guest checks in and pays 1650.00 with 750.00 of points and 900.00 of a deposit, on a store in
//! memory, without HTTP.
#![expect(clippy::print_stdout, reason = "the balances are what this program is for")]

use std::error::Error;

use tillway::core::book::Caller;
use tillway::core::guest::{Carrier, Guest, Names};
use tillway::core::id::{AccountId, GuestId, OrderId, PaymentId, Uuid};
use tillway::core::port::{
    CaptureRequest, GuestDesk, GuestRef, LoyaltyDesk, PaymentDesk, PaymentInfo,
};
use tillway::core::split::Input;
use tillway::core::token::Scan;
use tillway::core::{Account, AccountKind, Kopecks};
use tillway::engine::{Bridge, Engine, EngineConfig, Fiscal};
use tillway::{Builder, StoreConfig};

const GUEST: GuestId = GuestId(Uuid::from_u128(1));
const BONUS: AccountId = AccountId(Uuid::from_u128(2));
const DEPOSIT: AccountId = AccountId(Uuid::from_u128(3));
/// Payment types of iiko. Here each has the number of the account that it pays from.
const TYPES: [(Uuid, AccountKind); 2] =
    [(BONUS.0, AccountKind::Bonus), (DEPOSIT.0, AccountKind::Deposit)];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = EngineConfig {
        bridge: Bridge::None,             // there is no till to tell
        fiscal: Fiscal::ExternalDeclared, // receipts of top-ups are printed elsewhere
        payment_types: TYPES.to_vec(),
        ..EngineConfig::new(Uuid::from_u128(7))
    };
    let builder = Builder::new(config).open(StoreConfig::Memory)?;
    let engine = builder.tokio(tokio::runtime::Handle::current()).build()?.engine;
    let me = Caller::system();
    open_guest(&engine, &me).await?;

    let (order, total) = (OrderId(Uuid::from_u128(82)), Kopecks(165_000));
    engine.check_in(&me, order, Scan::new("149725735"), None).await?;
    let points = Input::Enter(BONUS, Kopecks(75_000));
    let plan = engine.plan(&me, order, total, points).await?;
    for (part, transaction) in plan.parts.iter().zip(1..) {
        let request = CaptureRequest {
            id: PaymentId(Uuid::from_u128(transaction)),
            attempt: 1,
            order,
            wallet: part.account,
            amount: part.amount,
            total,
            epoch: 1,
            hold: None,
            payment_type: part.account.0,
            info: PaymentInfo::default(),
            refuse: None,
        };
        let paid = engine.capture(&me, request).await?.state.payment;
        println!("{} {}: {}", part.kind.word(), part.amount.for_people(), paid.state_word());
    }
    for account in engine.guest(GuestRef::Id(GUEST)).await?.accounts {
        println!("{}: {} left", account.name, account.available()?.for_people());
    }
    Ok(())
}

/// A guest with 1 000.00 points and a deposit of 500.00 that may be overdrawn by 1 000.00.
async fn open_guest(engine: &Engine, me: &Caller) -> Result<(), Box<dyn Error>> {
    let names = Names { first: Some("Анна".into()), ..Names::default() };
    let (client_id, phone, gifts, hints) = ("10541".into(), None, vec![], vec![]);
    let guest =
        Guest { id: GUEST, client_id, names, phone, gifts, hints, blocked: false, card: None };
    engine.put_guest(me, guest).await?;
    let (alias, valid_from, valid_until) = ("149725735".into(), None, None);
    let carrier = Carrier { alias, guest: GUEST, blocked: false, valid_from, valid_until };
    engine.put_carrier(me, carrier).await?;
    for (id, kind, name, overdraft) in [
        (BONUS, AccountKind::Bonus, "Бонусы", Kopecks::ZERO),
        (DEPOSIT, AccountKind::Deposit, "Депозит", Kopecks(100_000)),
    ] {
        let account = Account::new(id, GUEST, kind, name, overdraft);
        engine.open_account(me, account).await?;
    }
    engine.accrue(me, Uuid::from_u128(10), BONUS, Kopecks(100_000)).await?;
    engine.top_up(me, Uuid::from_u128(11), DEPOSIT, Kopecks(50_000)).await?;
    Ok(())
}
