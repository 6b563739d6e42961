//! Rows 1 to 6 and 16: how a guest is found.

use secrecy::ExposeSecret;
use tillway::core::Kopecks;
use tillway::core::loyalty::IdentifierKind;
use tillway::core::port::processing::{Class, Command};
use tillway::layers::loyalty::{Reason, Settled};
use tillway::loymax::Loymax;
use tillway::memory::MemoryStore;
use tillway::sim::loymax::house::{
    Card, ClientId, Effect, KeyKind, Kind, Mask, Offer, Percent, Which,
};

use super::check::{Check, holds, same, some};
use super::place::{CARD, PHONE, Place, card, shown};
use crate::shop::{cheese, coffee, example, pay, sale, tea};

const POINTS: Option<Kopecks> = Some(Kopecks(25_000));

/// Row 1.
pub(super) async fn card_barcode(place: &Place) -> Check {
    let till = place.till()?;
    let found = place.balance(&till, card()?).await?;
    same("points by the barcode of a card", found, POINTS)?;
    place.house.with(|store| -> Check {
        store.masks.push(Mask::try_new(KeyKind::CardBarCode, 90, "00[0-9]{11}", "$0")?);
        let zeros = Card { barcode: Some("0029900000018".into()), ..Card::blank("2990000000071") };
        store.add_card(zeros.of(ClientId::DEMO));
        Ok(())
    })?;
    let scanned = shown(IdentifierKind::CardBarcode, " 0029900000018\r\n")?;
    same("points by zeros in front", place.balance(&till, scanned).await?, POINTS)?;
    let sent = place.sent(Kind::Balance);
    let last = some("request", sent.last())?;
    holds("zeros in front are sent", last.contains("Value=\"0029900000018\""))?;
    unknown_card(place, till).await
}

/// Nobody is found, and the sale goes on.
async fn unknown_card(place: &Place, till: Loymax) -> Check {
    let unknown = shown(IdentifierKind::CardBarcode, "2990000009999")?;
    let command = Command::Balance { guest: unknown.clone() };
    place.refused(&till, command, "201").await?;
    let loyalty = place.loyalty(till, &MemoryStore::new())?;
    let at = place.now();
    let mut sold = sale(at, Some(unknown), vec![tea(1)], Vec::new());
    let refused = loyalty.calculate(&sold, None, None).await.err();
    let reason = refused.map(|why| why.reason);
    same("an unknown card", reason, Some(Reason::Refused(Class::UnknownGuest)))?;
    sold.guest = None;
    sold.cheque = loyalty.calculate(&sold, None, None).await?.cheque;
    same("the sum without a card", sold.cheque.total()?, Kopecks(30_000))?;
    let accrued = loyalty.accrue(&sold, &[pay("Cash", 30_000)], None).await?;
    holds("the sale goes on", matches!(accrued, Settled::Done(_)))?;
    let confirmed = loyalty.confirm(&sold.purchase, None).await?;
    holds("the sale is confirmed", matches!(confirmed, Settled::Done(_)))
}

/// Row 2.
pub(super) async fn stripe(place: &Place) -> Check {
    let till = place.till()?;
    let tracks = [
        (IdentifierKind::Track2, ";2990000000019=29121010000?\r\n", "2990000000019=29121010000"),
        (
            IdentifierKind::Track1,
            "%B2990000000019^TEST/GUEST^2912101?",
            "B2990000000019^TEST/GUEST^2912101",
        ),
        (IdentifierKind::Track3, ";012990000000019?7", "012990000000019"),
    ];
    for (kind, raw, value) in tracks {
        let found = place.balance(&till, shown(kind, raw)?).await?;
        same(&format!("points by {kind:?}"), found, POINTS)?;
        let sent = place.sent(Kind::Balance);
        let last = some("request", sent.last())?;
        let bare = last.contains(&format!("Value=\"{value}\""));
        holds(&format!("{kind:?} is sent without its sentinels"), bare)?;
    }
    Ok(())
}

/// Row 3.
pub(super) async fn phone(place: &Place) -> Check {
    let till = place.till()?;
    for said in ["+7 (999) 000-00-01", "89990000001", "9990000001"] {
        let found = place.balance(&till, shown(IdentifierKind::Phone, said)?).await?;
        same(&format!("points by {said}"), found, POINTS)?;
    }
    let sent = place.sent(Kind::Balance);
    same("requests", sent.len(), 3)?;
    let one = sent.iter().all(|body| body.contains(&format!("Value=\"{PHONE}\"")));
    holds("a phone is one value, however it was said", one)
}

/// Row 4.
pub(super) async fn qr(place: &Place) -> Check {
    let cards = place.logged_in(PHONE)?.cards();
    let all = cards.list().await?;
    let own = some("card of the guest", all.iter().find(|it| &*it.number == CARD))?;
    let code = cards.qr(&own.id).await?;
    let fresh = || shown(IdentifierKind::Qr, code.content.expose_secret());
    let till = place.till()?;
    same("points by a QR code", place.balance(&till, fresh()?).await?, POINTS)?;
    place.later(code.lives.as_secs().saturating_add(1));
    place.refused(&till, Command::Balance { guest: fresh()? }, "201").await
}

/// Row 5.
pub(super) async fn masks(place: &Place) -> Check {
    let mask = |order, pattern, to| Mask::try_new(KeyKind::CardNumber, order, pattern, to);
    let (one, many) = (("55(00019)", "29900000$1"), ("55[0-9]{5}", "2990000000057"));
    let set = |one_at, many_at| -> Check {
        let both = vec![mask(many_at, many.0, many.1)?, mask(one_at, one.0, one.1)?];
        place.house.with(|store| store.masks = both);
        Ok(())
    };
    let till = place.till()?;
    let ask = async |value| place.balance(&till, shown(IdentifierKind::CardBarcode, value)?).await;
    set(1, 2)?;
    same("the first mask, rewritten", ask("5500019").await?, POINTS)?;
    same("the second mask", ask("5500020").await?, Some(Kopecks(5_000)))?;
    set(2, 1)?;
    same("the masks in another order", ask("5500019").await?, Some(Kopecks(5_000)))?;
    let nobody = shown(IdentifierKind::CardBarcode, "6600019")?;
    place.refused(&till, Command::Balance { guest: nobody }, "201").await
}

/// Row 6.
pub(super) async fn no_card(place: &Place) -> Check {
    place.house.with(|store| {
        let off = vec![Effect::Discount(Percent::of(10))];
        let which = Which::Goods(vec!["SKU-1003".to_owned()]);
        store.offers.insert(60, Offer { which, ..Offer::new(60, "Кофе -10%", off) });
    });
    let till = place.till()?;
    let mut sold = sale(place.now(), None, vec![coffee(1), cheese(2)], Vec::new());
    let calculated =
        place.done(&till, Command::Calculate { sale: sold.clone(), wish: None }).await?;
    sold.cheque = sold.cheque.discounted(&calculated)?;
    same("the sum with a common offer", sold.cheque.total()?, Kopecks(19_000))?;
    let pays = vec![pay("Cash", 19_000)];
    let accrued = place.done(&till, Command::Accrue { sale: sold.clone(), pays }).await?;
    same("what could be earned", accrued.totals.cashback, Some(Kopecks(950)))?;
    place.done(&till, Command::Confirm { purchase: sold.purchase.clone() }).await?;
    for kind in [Kind::Calculate, Kind::Accrue, Kind::Confirm] {
        let sent = place.sent(kind);
        same(&format!("messages of {kind:?}"), sent.len(), 1)?;
        holds("nobody is named", !sent.iter().any(|body| body.contains("<Identifier")))?;
    }
    holds("no points move", place.house.with(|store| store.moves.is_empty()))?;
    place.has("points of a guest who was not there", 25_000)
}

/// Row 16.
pub(super) async fn balance(place: &Place) -> Check {
    let till = place.till()?;
    let (points, _) = place.points();
    same("the books of the processing", points, POINTS)?;
    same("points", place.balance(&till, card()?).await?, points)?;
    let mut sold = sale(place.now(), Some(card()?), example(), Vec::new());
    let calculated =
        place.done(&till, Command::Calculate { sale: sold.clone(), wish: None }).await?;
    same("points by a calculation", calculated.balance, points)?;
    sold.cheque = sold.cheque.discounted(&calculated)?;
    let amount = Kopecks(10_000);
    place.done(&till, Command::Pay { sale: sold.clone(), amount, pin: None }).await?;
    let free = Some(Kopecks(15_000));
    same("points, some of them reserved", place.balance(&till, card()?).await?, free)?;
    same("the books", place.points(), (points, free))?;
    place.done(&till, Command::Cancel { purchase: sold.purchase }).await?;
    place.has("points, released", 25_000)
}
