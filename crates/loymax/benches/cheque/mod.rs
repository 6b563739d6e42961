//! A calculate of so many lines, and its answer.
#![allow(unreachable_pub, reason = "each bench uses it")]

use tillway_core::Kopecks;
use tillway_core::fiscal::Quantity;
use tillway_core::loyalty::{Goods, Line, Sale};
use tillway_core::port::processing::{Command, Kind, Operation};

use crate::support;

fn line(position: u32) -> Line {
    let goods = Goods::Barcode(format!("46000000{position:05}").into());
    let price = Kopecks(i64::from(position) * 731 + 8_990);
    let quantity = Quantity::from_micro(i64::from(position % 3) * 250_000 + 1_000_000).unwrap();
    Line {
        position,
        goods,
        name: Some(format!("Товар номер {position} & Ко").into()),
        price: Some(price),
        quantity,
        amount: quantity.times(price).unwrap(),
        ..support::tea(0)
    }
}

/// The sale of the worked example with so many lines.
pub fn operation(lines: u32) -> Operation {
    let mut sale: Sale = support::sale(false);
    sale.cheque.lines = (1..=lines).map(line).collect();
    Operation {
        command: Command::Calculate { sale, wish: None },
        ..support::operation(Kind::Calculate)
    }
}

/// Its answer: every line has a discount by one offer.
pub fn answer(lines: u32) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<XMLResponse><Version>3.2</Version>\
         <ErrorCode>0</ErrorCode><Calculates><CalculateResponse ErrorCode=\"0\" \
         DeviceLogicalID=\"TILL-0007\" OperationID=\"5d0f2a7b9c3e4f10a1b2c3d4e5f60718\" \
         TransactionID=\"5001\" Balance=\"250.00\" AvailableBonusAmount=\"111.00\" \
         AvailableAmount=\"111.00\">\n<CashierMessage>Скидка 30.00. Можно списать 111.00\
         </CashierMessage><ChequeMessage>Ваша скидка: 30.00</ChequeMessage><Cheque>",
    );
    for position in 1..=lines {
        let line = line(position);
        let quantity = line.quantity.to_decimal();
        let (amount, off) = (line.amount.0 - 3_000, 3_000);
        let money = |kopecks: i64| format!("{}.{:02}", kopecks / 100, kopecks % 100);
        text.push_str(&format!(
            "\n<ChequeLine PosID=\"{position}\" Barcode=\"46000000{position:05}\" \
             Quantity=\"{quantity:.3}\" Amount=\"{}\" Discount=\"{}\"><AppliedOffers><Offer \
             Id=\"12\" VersionId=\"3\" Name=\"Чай -10%\" \
             ExternalId=\"6a0e2f4c-0000-4000-8000-000000000012\" Quantity=\"2\" \
             PrerefenceValue=\"30.00\" CurrencyAbbreviation=\"руб.\"/></AppliedOffers>\
             </ChequeLine>",
            money(amount),
            money(off),
        ));
    }
    text.push_str("\n</Cheque></CalculateResponse></Calculates></XMLResponse>");
    text
}
