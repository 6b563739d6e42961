//! Words of the menu: amounts, quantities, goods.

use tillway::core::Kopecks;
use tillway::core::fiscal::Quantity;
use tillway::core::loyalty::{Goods, Line};

use super::Failure;
use crate::shop;

/// An amount in rubles: `150`, `87.50`, `87,5`.
pub(super) fn amount(text: &str) -> Result<Kopecks, Failure> {
    let amount = Kopecks::parse_rubles(&text.replace(',', ".")).ok();
    let amount = amount.filter(|amount| *amount >= Kopecks::ZERO);
    amount.ok_or_else(|| format!("сумма в рублях, например 87.50, а не «{text}»").into())
}

/// A quantity: `2`, `1.250`.
pub(super) fn quantity(text: &str) -> Result<Quantity, Failure> {
    let wrong = || format!("количество больше нуля, например 1.250, а не «{text}»");
    let text = text.replace(',', ".");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    if part.len() > 6 || whole.is_empty() {
        return Err(wrong().into());
    }
    let digits = format!("{whole}{part:0<6}");
    let micro: i64 = digits.parse().map_err(|_| wrong())?;
    Quantity::from_micro(micro).ok().filter(|_| micro > 0).ok_or_else(|| wrong().into())
}

/// A line of the cheque: code, name, price, quantity, and what is special about it.
pub(super) fn goods(position: u32, barcode: bool, text: &str) -> Result<Line, Failure> {
    let mut words = text.split_whitespace();
    let mut next = |what: &str| {
        words
            .next()
            .ok_or_else(|| format!("не хватает слова: {what}. Например: SKU-1001 Чай 150 2"))
    };
    let (code, name) = (next("код")?, next("имя")?);
    let (price, count) = (amount(next("цена")?)?, quantity(next("количество")?)?);
    let goods = if barcode { Goods::Barcode(code.into()) } else { Goods::Code(code.into()) };
    let mut line = shop::line(position, goods, name, price.0, count);
    for word in words {
        match word.split_once('=') {
            Some(("скидка", sum)) => {
                let off = amount(sum)?;
                line.amount = line.amount.sub(off)?;
                line.discount = Some(off);
            }
            Some(("минцена", sum)) => line.price_min = Some(amount(sum)?),
            None if word == "акция" => line.promo = true,
            _ => return Err(format!("«{word}»: скидка=, минцена= или акция").into()),
        }
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_to_the_kopeck() {
        assert_eq!(amount("87,5").unwrap(), Kopecks(8_750));
        assert!(amount("-1").is_err() && amount("рубль").is_err() && amount("1.234").is_err());
        assert_eq!(quantity("1.250").unwrap().micro(), 1_250_000);
        assert_eq!(quantity("2").unwrap(), Quantity::units(2).unwrap());
        for wrong in ["", "0", "-1", "1.2345678", ".5", "много"] {
            assert!(quantity(wrong).is_err(), "{wrong}");
        }
        let cheese = goods(2, true, "4600000000015 Сыр 89.90 1.250 скидка=12.38 минцена=70 акция");
        let cheese = cheese.unwrap();
        assert_eq!((cheese.amount, cheese.discount), (Kopecks(10_000), Some(Kopecks(1_238))));
        assert_eq!((cheese.price_min, cheese.promo), (Some(Kopecks(7_000)), true));
        for wrong in ["", "SKU-1 Чай", "SKU-1 Чай 150 2 даром", "SKU-1 Чай 150 2 скидка="]
        {
            assert!(goods(1, false, wrong).is_err(), "{wrong}");
        }
    }
}
