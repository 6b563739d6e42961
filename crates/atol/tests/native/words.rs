//! Every number and word of a receipt, both ways: what is asked is what the memory has.

use futures::executor::block_on;
use tillway_atol::native::Receipts;
use tillway_core::Kopecks;
use tillway_core::fiscal::{
    Line, Measure, Method, Object, Paid, Place, Quantity, ReceiptKind, Taxation, Tender, VatRate,
};
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::FiscalOutcome;
use tillway_sim::atol::{Body, Item, Sale, Settings};

use crate::harness::{Receipt, Table, attempt, card, lunch, receipt};

const METHODS: [(Method, u8); 7] = [
    (Method::FullPrepayment, 1),
    (Method::Prepayment, 2),
    (Method::Advance, 3),
    (Method::FullPayment, 4),
    (Method::PartialPayment, 5),
    (Method::Credit, 6),
    (Method::CreditPayment, 7),
];

const OBJECTS: [(Object, u8); 10] = [
    (Object::Commodity, 1),
    (Object::Excise, 2),
    (Object::Job, 3),
    (Object::Service, 4),
    (Object::Payment, 10),
    (Object::Another, 13),
    (Object::ExciseUnmarked, 30),
    (Object::ExciseMarked, 31),
    (Object::CommodityUnmarked, 32),
    (Object::CommodityMarked, 33),
];

const MEASURES: [(Measure, u8); 8] = [
    (Measure::Piece, 0),
    (Measure::Gram, 10),
    (Measure::Kilogram, 11),
    (Measure::Milliliter, 40),
    (Measure::Liter, 41),
    (Measure::Hour, 71),
    (Measure::Minute, 72),
    (Measure::Other, 255),
];

const TENDERS: [Tender; 5] =
    [Tender::Cash, Tender::Card, Tender::Prepaid, Tender::Credit, Tender::Other];

const TAXATIONS: [(Taxation, &str); 5] = [
    (Taxation::General, "osn"),
    (Taxation::SimplifiedIncome, "usnIncome"),
    (Taxation::SimplifiedProfit, "usnIncomeOutcome"),
    (Taxation::Agricultural, "esn"),
    (Taxation::Patent, "patent"),
];

/// Two thirds of a kilogram, a discount taken off.
fn tea() -> Line {
    let quantity = Quantity::from_micro(666_667).unwrap();
    let (price, amount) = (Kopecks(9_999), Kopecks(6_001));
    Line { quantity, price, amount, ..lunch().lines[0].clone() }
}

fn sale(line: Line) -> Receipt {
    let paid = vec![card(line.amount.0)];
    Receipt { lines: vec![line], paid, notes: Vec::new(), ..lunch() }
}

/// What the memory has of a receipt that is written this way.
fn kept(table: &Table, receipts: Receipts, asked: &Receipt) -> Sale {
    let register = table.start(receipts);
    let number = u128::from(table.register.lock().memory.last());
    let attempt = attempt(&register, number);
    let outcome = block_on(register.register(&attempt, &receipt(asked.clone())));
    let FiscalOutcome::Written(written) = outcome else { panic!("{asked:?} {outcome:?}") };
    let table = table.register.lock();
    match &table.memory.document(written.number).unwrap().body {
        Body::Receipt(sale) => Sale { number: 0, ..(**sale).clone() },
        other => panic!("{other:?}"),
    }
}

/// Writes a receipt both ways and answers with what the memory has of it.
fn both(table: &Table, asked: &Receipt) -> Sale {
    let [json, low] =
        [Receipts::Json, Receipts::LowLevel].map(|receipts| kept(table, receipts, asked));
    assert_eq!(json, low, "{asked:?}");
    json
}

fn table() -> Table {
    let taxations = TAXATIONS.map(|(_, word)| word.to_owned()).to_vec();
    let table = Table::with(Settings { taxations, ..Settings::default() });
    table.register.lock().open_shift().unwrap();
    table
}

#[test]
fn every_word_of_a_line() {
    let table = table();
    let line = |line: Line| -> Item { both(&table, &sale(line)).items.remove(0) };
    let plain = line(tea());
    let sums = (plain.name.as_str(), plain.price, plain.quantity, plain.amount);
    assert_eq!(sums, ("Суп дня", Kopecks(9_999), 666_667, Kopecks(6_001)));
    for vat in VatRate::ALL {
        assert_eq!(line(Line { vat, ..tea() }).vat, vat.word());
    }
    for (method, tag) in METHODS {
        assert_eq!(line(Line { method, ..tea() }).method, tag);
    }
    for (object, tag) in OBJECTS {
        assert_eq!(line(Line { object, ..tea() }).object, tag);
    }
    for (measure, tag) in MEASURES {
        assert_eq!(line(Line { measure, ..tea() }).measure, tag);
    }
}

#[test]
fn every_word_of_a_receipt() {
    let table = table();
    for kind in [ReceiptKind::Sell, ReceiptKind::SellReturn, ReceiptKind::Buy] {
        assert_eq!(both(&table, &Receipt { kind, ..sale(tea()) }).kind, kind.tag());
    }
    let kind = ReceiptKind::BuyReturn;
    assert_eq!(both(&table, &Receipt { kind, ..sale(tea()) }).kind, 4);
    for (place, tender) in TENDERS.into_iter().enumerate() {
        let rest = card(6_001 - 1_500);
        let paid = vec![Paid { tender, amount: Kopecks(1_500) }, rest];
        let mut expected = [Kopecks::ZERO; 5];
        expected[1] = Kopecks(4_501);
        expected[place] = expected[place].add(Kopecks(1_500)).unwrap();
        assert_eq!(both(&table, &Receipt { paid, ..sale(tea()) }).paid, expected, "{tender:?}");
    }
    for (taxation, word) in TAXATIONS {
        let asked = Receipt { taxation: Some(taxation), ..sale(tea()) };
        assert_eq!(both(&table, &asked).taxation.as_deref(), Some(word));
    }
    let (address, name) = (Some("Москва, Садовая, 1".into()), Some("Зал".into()));
    let place = Some(Place { machine: "0007".into(), address, name });
    let whole = both(&table, &Receipt { place, electronic: true, ..sale(tea()) });
    let texts = [&whole.operator, &whole.contact, &whole.machine, &whole.address, &whole.place];
    let expected = ["Киоск 7", "guest@example.org", "0007", "Москва, Садовая, 1", "Зал"];
    assert_eq!(texts.map(|text| text.as_deref().unwrap_or("")), expected);
    assert!(whole.electronic && whole.total == Kopecks(6_001));
}
