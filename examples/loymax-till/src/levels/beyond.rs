//! Rows 26 to 30: orders of a web shop, favourite goods, registration, cards.

use secrecy::ExposeSecret;
use tillway::core::Kopecks;
use tillway::core::loyalty::{Identifier, IdentifierKind, Pin, Sale};
use tillway::core::port::processing::Command;
use tillway::core::port::{Clock, IdSource};
use tillway::loymax::Loymax;
use tillway::loymax::public::pickup::{Act, Order};
use tillway::loymax::public::{
    ApiError, Begun, Finished, Grant, Newcomer, Person, Registration, SetRange, StepKind,
};
use tillway::runtime::RandomIds;
use tillway::sim::loymax::house::{CardState, ClientId, Kind, Moved};

use super::check::{Check, Failed, holds, same, some};
use super::place::{CARD, CASHIER, PHONE, Place, card, shown};
use crate::shop::{coffee, example, pay, sale};

/// Row 26.
pub(super) async fn pickup(place: &Place) -> Check {
    place.house.with(|store| store.rules.allow_cross_device = true);
    let (shop, till) = (place.shop()?, place.till()?);
    let act =
        || Act { id: RandomIds.fresh(), at: place.clock.now(), cashier: Some(CASHIER.into()) };
    let reserved = async |number: &str, lines, points| -> Result<Order, Failed> {
        let sold = sale(place.now(), Some(card()?), lines, Vec::new());
        let command = Command::Calculate { sale: sold.clone(), wish: None };
        let order = Order::calculated(number, sold, &place.done(&shop, command).await?)?;
        place.done(&shop, order.reserve(act(), Kopecks(points), None).command).await?;
        Ok(order)
    };
    let order = reserved("W-17", example(), 10_000).await?;
    let (all, free) = (Some(Kopecks(25_000)), Some(Kopecks(15_000)));
    same("points, reserved by the shop", place.points(), (all, free))?;
    let accrue = order.accrue(act(), vec![pay("Cash", 30_000)]);
    let accrued = place.done(&till, accrue.command).await?;
    // 5 % of 212.50 and of 87.50.
    same("points to be earned", accrued.totals.cashback, Some(Kopecks(1_501)))?;
    place.done(&till, order.confirm(act()).command).await?;
    place.has("points when the order was collected", 16_501)?;
    let sent = place.sent(Kind::Accrue);
    let told = some("request", sent.last())?;
    holds("the number of the order is sent", told.contains("Value=\"W-17\""))?;

    let order = reserved("W-18", vec![coffee(1)], 2_000).await?;
    same("points, reserved", place.points().1, Some(Kopecks(14_501)))?;
    place.done(&till, order.cancel(act()).command).await?;
    place.has("points of an order that nobody came for", 16_501)
}

/// Row 27.
pub(super) async fn favourites(place: &Place) -> Check {
    let till = place.till()?;
    let favourites = place.logged_in(PHONE)?.favourites();
    let sets = favourites.sets(&SetRange::default()).await?;
    let set = some("set of favourite goods", sets.first())?;
    let id = set.id.to_string();
    let price = async || -> Result<Option<Kopecks>, Failed> {
        let sold = sale(place.now(), Some(card()?), vec![coffee(1)], Vec::new());
        let answer = place.done(&till, Command::Calculate { sale: sold, wish: None }).await?;
        Ok(answer.lines.first().and_then(|line| line.amount))
    };
    let (full, off) = (Some(Kopecks(10_000)), Some(Kopecks(8_500)));
    same("the price of goods that nobody chose", price().await?, full)?;
    let choices = favourites.choices(&id, Some("коф")).await?;
    let chosen = some("goods to choose", choices.first())?;
    favourites.choose(&id, 1, &chosen.code).await?;
    same("the price of chosen goods", price().await?, off)?;
    favourites.choose(&id, 1, "SKU-1001").await?;
    same("the price when others are chosen", price().await?, full)?;
    let operator = place.logged_in("operator")?.favourites_of(Person("1".into()));
    operator.choose(&id, 1, "SKU-1003").await?;
    same("the price when an operator chose", price().await?, off)?;
    favourites.clear(&id, 1).await?;
    same("the price when the cell is empty", price().await?, full)?;
    let fixed = set.goods.iter().find(|cell| !cell.changeable);
    let fixed = some("cell that cannot be changed", fixed)?.position;
    let refused = favourites.choose(&id, fixed, "SKU-1003").await;
    same("a fixed cell", code(refused), "ChangeNotAllowed".to_owned())?;
    same("a fixed cell", code(favourites.clear(&id, fixed).await), "ChangeNotAllowed".to_owned())
}

fn code<T>(answer: Result<T, ApiError>) -> String {
    match answer {
        Err(ApiError::Refused { code, .. }) => code.to_string(),
        Err(other) => other.to_string(),
        Ok(_) => "done".to_owned(),
    }
}

/// Row 28.
pub(super) async fn registration(place: &Place) -> Check {
    const NEW: &str = "79991112233";
    let till = place.till()?;
    let phone = shown(IdentifierKind::Phone, "+7 999 111-22-33")?;
    place.refused(&till, Command::Balance { guest: phone.clone() }, "201").await?;
    let registration = begun(place, &phone).await?;
    let open = unfinished(&registration).await?;
    same("open steps", open, vec![StepKind::AcceptOffer, StepKind::Phone])?;
    registration.accept_offer().await?;
    same("open steps", unfinished(&registration).await?, vec![StepKind::Phone])?;
    registration.send_code().await?;
    let sent = place.house.with(|store| {
        let mut messages = store.public.messages.iter();
        messages.rfind(|it| it.phone == NEW).map(|it| it.code.expose_secret().to_owned())
    });
    let sent = some("message to the phone", sent)?;
    let wrong = if sent == "000000" { "000001" } else { "000000" };
    let refused = registration.confirm_phone(&Pin::new(wrong), None).await;
    same("a wrong code", code(refused), "WrongConfirmCode".to_owned())?;
    registration.confirm_phone(&Pin::new(&sent), None).await?;
    same("the end", registration.try_finish().await?, Finished::Completed)?;
    earns_at_once(place, &till, phone.clone()).await?;
    let again = begin(place, &phone).await?;
    holds("who is registered is told so", matches!(again, Begun::AlreadyCompleted))
}

async fn earns_at_once(place: &Place, till: &Loymax, guest: Identifier) -> Check {
    let sold = sale(place.now(), Some(guest.clone()), vec![coffee(1)], Vec::new());
    place.done(till, Command::Calculate { sale: sold.clone(), wish: None }).await?;
    let pays = vec![pay("Cash", 10_000)];
    place.done(till, Command::Accrue { sale: sold.clone(), pays }).await?;
    place.done(till, Command::Confirm { purchase: sold.purchase }).await?;
    same("points of the newcomer", place.balance(till, guest).await?, Some(Kopecks(500)))
}

async fn begin(place: &Place, phone: &Identifier) -> Result<Begun, Failed> {
    let newcomer = Newcomer { login: phone.clone(), password: None, cvc: None, without_call: true };
    let application = place.api("till-app")?.session(Grant::Application);
    Ok(application.begin_registration(&newcomer).await?)
}

async fn begun(place: &Place, phone: &Identifier) -> Result<Registration, Failed> {
    match begin(place, phone).await? {
        Begun::Started(registration) => Ok(registration),
        other => Err(Failed::new(format!("the registration does not begin: {other:?}"))),
    }
}

async fn unfinished(registration: &Registration) -> Result<Vec<StepKind>, Failed> {
    match registration.try_finish().await? {
        Finished::Unfinished(steps) => Ok(steps.into_iter().map(|step| step.kind).collect()),
        Finished::Completed => Ok(Vec::new()),
    }
}

/// Row 29.
pub(super) async fn issue(place: &Place) -> Check {
    let till = place.till()?;
    let (blank, second) = ("2990000000026", "2990000000033");
    // Guest 2 has no card of plastic.
    let guest = Some(shown(IdentifierKind::Phone, "79990000002")?);
    let new = shown(IdentifierKind::CardBarcode, blank)?;
    let command = Command::Card { guest, old: None, new: new.clone() };
    let answer = place.done(&till, command).await?;
    same("the state that is told", answer.guest.find(&["Status"]), Some("Activated"))?;
    same("the state of the card", state(place, blank), Some(CardState::Activated))?;
    let points = place.balance(&till, new).await?;
    same("points by the new card", points, Some(Kopecks(10_000)))?;
    // A blank card for somebody who is not known yet.
    let new = shown(IdentifierKind::CardBarcode, second)?;
    place.done(&till, Command::Card { guest: None, old: None, new: new.clone() }).await?;
    same("the state of the other card", state(place, second), Some(CardState::Issued))?;
    same("points by it", place.balance(&till, new).await?, Some(Kopecks::ZERO))
}

/// Row 30.
pub(super) async fn replace(place: &Place) -> Check {
    let till = place.till()?;
    sold_once(place, &till).await?;
    let new = shown(IdentifierKind::CardBarcode, "2990000000026")?;
    let command = Command::Card { guest: Some(card()?), old: None, new: new.clone() };
    place.done(&till, command).await?;
    let points = place.balance(&till, new).await?;
    same("points by the new card", points, Some(Kopecks(25_500)))?;
    place.refused(&till, Command::Balance { guest: card()? }, "205").await?;
    same("the old card", state(place, CARD), Some(CardState::Replaced))?;
    let (owner, moves) = place.house.with(|store| {
        let owner = store.cards.get("2990000000026").and_then(|card| card.owner);
        let earned = |it: &&tillway::sim::loymax::house::Move| it.what == Moved::Accrued;
        (owner, store.moves.iter().filter(earned).filter(|it| Some(it.client) == owner).count())
    });
    same("the owner of the new card", owner, Some(ClientId::DEMO))?;
    same("movements of points that it has", moves, 1)?;
    let virtual_card = shown(IdentifierKind::CardNumber, "9900000000012")?;
    let next = shown(IdentifierKind::CardBarcode, "2990000000033")?;
    let command = Command::Card { guest: Some(virtual_card), old: None, new: next };
    place.refused(&till, command, "226").await
}

async fn sold_once(place: &Place, till: &Loymax) -> Check {
    let sold: Sale = sale(place.now(), Some(card()?), vec![coffee(1)], Vec::new());
    let pays = vec![pay("Cash", 10_000)];
    place.done(till, Command::Accrue { sale: sold.clone(), pays }).await?;
    place.done(till, Command::Confirm { purchase: sold.purchase }).await?;
    Ok(())
}

fn state(place: &Place, number: &str) -> Option<CardState> {
    place.house.with(|store| store.cards.get(number).map(|card| card.state))
}
