//! Rows 21 to 23: what the cashier reads, and what the guest is given.

use std::sync::{Arc, Mutex, PoisonError};

use tillway::core::Kopecks;
use tillway::core::fiscal::SlipItem;
use tillway::core::loyalty::Carrier;
use tillway::core::loyalty::print::{Sheets, SlipSource, Style};
use tillway::loymax::dialect::Letters;
use tillway::loymax::{input, texts};
use tillway::memory::MemoryStore;

use super::check::{Check, Failed, holds, same, some};
use super::place::{CASHIER, Place, TILL, card};
use crate::desk::{Deal, Desk, Names, Screen};
use crate::shop::{example, pay, sale};

/// The four messages of the worked example on the receipt, in the order of its commands.
const ON_RECEIPT: [&str; 4] =
    ["Ваша скидка: 30.00", "Списано: 100.00", "Начислено: 13.51", "Баланс: 163.51"];

/// Row 21.
pub(super) async fn cashier(place: &Place) -> Check {
    let screen = Arc::new(Heard::default());
    let desk = desk(place, &screen, Letters::Utf8, texts::style())?;
    holds("the balance is told", desk.balance(card()?).await.is_some())?;
    sold(place, &desk).await?;
    let expected = [
        "Баланс: 250.00",
        "Скидка 30.00. Можно списать 111.00",
        "Списано: 100.00",
        "Начислено: 13.51",
    ];
    let heard = screen.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let first: Vec<&str> = heard.iter().take(4).map(String::as_str).collect();
    same("what the cashier reads", first, expected.to_vec())
}

/// Row 22.
pub(super) async fn receipt(place: &Place) -> Check {
    for letters in [Letters::Utf8, Letters::Windows1251] {
        let place = place.another().await?;
        let lines = printed(&place, letters, texts::style()).await?.0;
        let found: Vec<&str> =
            lines.iter().map(String::as_str).filter(|line| ON_RECEIPT.contains(line)).collect();
        same(&format!("messages on the receipt, {letters:?}"), found, ON_RECEIPT.to_vec())?;
    }
    Ok(())
}

/// Row 23.
pub(super) async fn slip(place: &Place) -> Check {
    let (lines, deal) = printed(place, Letters::Utf8, texts::style()).await?;
    let moved = some("payment with points", deal.moved())?;
    let code = some("authorisation code", moved.authorisation.as_deref())?;
    let number = some("number of the operation", moved.transaction)?;
    for expected in [
        "СПИСАНИЕ БАЛЛОВ".to_owned(),
        "Кафе Ромашка".to_owned(),
        format!("Касса: {TILL}"),
        format!("Кассир: {CASHIER}"),
        "Карта: *********0019".to_owned(),
        "Сумма: 100,00".to_owned(),
        "Баллы: 100,00".to_owned(),
        format!("Операция: {number}"),
        format!("Код авторизации: {code}"),
    ] {
        holds(&format!("{expected:?} is on the slip of the till"), lines.contains(&expected))?;
    }
    let style = Style { slips: SlipSource::Server, ..texts::style() };
    let (lines, _) = printed(&place.another().await?, Letters::Utf8, style).await?;
    let whole = lines.iter().map(String::as_str).eq(ON_RECEIPT);
    holds("the processing's slip is its message, as it came, and nothing else", whole)
}

/// The lines below the receipt of the worked example.
async fn printed(
    place: &Place,
    letters: Letters,
    style: Style,
) -> Result<(Vec<String>, Deal), Failed> {
    let desk = desk(place, &Arc::new(Heard::default()), letters, style)?;
    let deal = sold(place, &desk).await?;
    let sheets = Sheets::below_receipt(Vec::new(), &desk.prints(&deal, place.now()));
    holds("all of it fits below the receipt", sheets.rest.items.is_empty())?;
    let text = |item: &SlipItem| match item {
        SlipItem::Text(text) => Some(text.to_string()),
        _ => None,
    };
    Ok((sheets.notes.iter().filter_map(text).collect(), deal))
}

fn desk(
    place: &Place,
    screen: &Arc<Heard>,
    letters: Letters,
    style: Style,
) -> Result<Desk, Failed> {
    let till = place.till_with(|config| config.dialect.letters = letters)?;
    let loyalty = place.loyalty(till, &MemoryStore::new())?;
    let names = Names {
        shop: "Кафе Ромашка".to_owned(),
        till: TILL.to_owned(),
        cashier: CASHIER.to_owned(),
    };
    let screen: Arc<dyn Screen> = Arc::<Heard>::clone(screen);
    Ok(Desk::new(loyalty, screen, names, style))
}

/// The worked example, to the end.
async fn sold(place: &Place, desk: &Desk) -> Result<Deal, Failed> {
    let coupon = input::coupon(Carrier::Number, "SPRING-20")?;
    let sale = sale(place.now(), Some(card()?), example(), vec![coupon]);
    let mut deal = Deal::new(sale);
    holds("discounts are granted", desk.total(&mut deal, None).await)?;
    holds("points are taken", desk.pay(&mut deal, Kopecks(10_000), None).await)?;
    same("what is left to pay", deal.due()?, Kopecks(27_000))?;
    let pays = [pay("Cash", 20_000), pay("Card", 7_000)];
    holds("points are earned", desk.accrue(&mut deal, &pays).await)?;
    holds("the sale is confirmed", desk.confirm(&mut deal).await)?;
    Ok(deal)
}

/// A screen that remembers.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Screen for Heard {
    fn show(&self, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    }
}
