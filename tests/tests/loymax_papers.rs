//! What a Loymax processing says, from its XML to the tape of an ATOL register (loymax.md 11, rows
//! 11, 12, 22 and 23).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use tillway_atol::{AtolWeb, DeviceId, WebConfig};
use tillway_core::fiscal::{
    Line, Measure, Method, Object, Paid, Quantity, Receipt, ReceiptKind, Tender, VatRate,
};
use tillway_core::id::Uuid;
use tillway_core::loyalty::print::{Answers, Sheets, SlipHead, SlipSource, Style};
use tillway_core::loyalty::{Answer, Cheque, Goods, receipt as join};
use tillway_core::money::Kopecks;
use tillway_core::port::fiscal::{Attempt, Fiscal, FiscalOutcome};
use tillway_core::port::processing::{Kind, Outcome, Sealed, SentLine};
use tillway_core::port::{Clock, FiscalRegister, IdSource};
use tillway_core::time::Timestamp;
use tillway_loymax::{Dialect, judge, texts};
use tillway_sim::atol::web::{self, Generation, WebServer};
use tillway_sim::atol::{Piece, Print, Register, Settings, SharedRegister};
use tillway_sim::ids::SeededIds;

const CALCULATE: &str = include_str!("../../crates/loymax/fixtures/answers/calculate.xml");
const PAY: &str = include_str!("../../crates/loymax/fixtures/answers/pay.xml");
const ACCRUE: &str = include_str!("../../crates/loymax/fixtures/answers/accrue.xml");
const CONFIRM: &str = include_str!("../../crates/loymax/fixtures/answers/confirm.xml");

/// The morning of 2026-03-02 on the wall of the register.
const MORNING: i64 = 1_772_442_000_000;

const HEAD: SlipHead<'_> = SlipHead {
    shop: "Кафе «Ёлка»",
    till: "TILL-0007",
    cashier: Some("Кассир 1"),
    at: Timestamp { utc_ms: 1_773_478_920_000, offset_min: 180 },
    refund: false,
};

/// A clock that stands: nothing here waits.
#[derive(Debug)]
struct Standing;

#[async_trait]
impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::utc(MORNING)
    }

    fn ticks(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}

/// A register behind its web server, with an open shift.
struct Shop {
    server: WebServer,
    register: AtolWeb,
}

impl Shop {
    fn open() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(Standing);
        let device = SharedRegister::new(Register::new(Settings::default(), MORNING));
        let server = WebServer::new(web::WebConfig::new(Generation::V2Java), Arc::clone(&clock));
        let server = server.device("kiosk1", "Киоск у входа", device);
        let mut config = WebConfig::new("http://127.0.0.1:16732");
        config.device = Some(DeviceId::try_new("kiosk1").unwrap());
        config.rates = Some(VatRate::ALL.to_vec());
        let ids: Arc<dyn IdSource> = Arc::new(SeededIds::new(22));
        let register = AtolWeb::try_new(config, Arc::new(server.clone()), clock, ids).unwrap();
        let shop = Self { server, register };
        shop.write(1, &Fiscal::OpenShift(None));
        shop
    }

    fn write(&self, id: u128, what: &Fiscal) -> u32 {
        let before = block_on(self.register.mark()).unwrap();
        let attempt = Attempt { id: Uuid::from_u128(id), before };
        match block_on(self.register.register(&attempt, what)) {
            FiscalOutcome::Written(document) => document.number,
            other => panic!("{other:?}"),
        }
    }

    /// The only piece of tape of this kind.
    fn tape(&self, print: Print) -> Vec<String> {
        let tape = self.server.with("kiosk1", |register| register.printer.tape().to_vec()).unwrap();
        let found: Vec<&Piece> = tape.iter().filter(|piece| piece.of == print).collect();
        assert_eq!(found.len(), 1, "{tape:?}");
        found[0].lines.iter().map(|line| line.trim().to_owned()).collect()
    }
}

/// How an answer travels.
type Way = fn(&str) -> Vec<u8>;

fn utf8(xml: &str) -> Vec<u8> {
    xml.as_bytes().to_vec()
}

/// Letters of this test's own, so that no mistake of the adapter's is its own proof.
fn windows_1251(xml: &str) -> Vec<u8> {
    let declared = match xml.contains("<?xml") {
        true => xml.replace("encoding=\"utf-8\"", "encoding=\"windows-1251\""),
        false => format!("<?xml version=\"1.0\" encoding=\"windows-1251\"?>{xml}"),
    };
    let byte = |letter: char| match letter {
        '\0'..='\u{7f}' => u32::from(letter),
        'А'..='я' => u32::from(letter) - u32::from('А') + 0xC0,
        'ё' => 0xB8,
        other => panic!("{other}"),
    };
    declared.chars().map(|letter| u8::try_from(byte(letter)).unwrap()).collect()
}

fn quantity(micro: i64) -> Quantity {
    Quantity::from_micro(micro).unwrap()
}

/// Tea and cheese, the example of loymax.md 7, as they are told to the processing.
fn cheque() -> Cheque {
    let line = |position, goods, micro, amount| tillway_core::loyalty::Line {
        position,
        goods,
        name: None,
        price: None,
        quantity: quantity(micro),
        amount: Kopecks(amount),
        discount: None,
        cashback: None,
        correction: None,
        promo: false,
        price_min: None,
        params: Vec::new(),
    };
    let tea = line(1, Goods::Code("SKU-1001".into()), 2_000_000, 30_000);
    let cheese = line(2, Goods::Barcode("4600000000015".into()), 1_250_000, 10_000);
    Cheque { number: None, at: Timestamp::default(), lines: vec![tea, cheese] }
}

/// What the law wants to know of them.
fn goods() -> Vec<(u32, Line)> {
    let line = |name: &str, price, micro| Line {
        name: name.into(),
        price: Kopecks(price),
        quantity: quantity(micro),
        amount: Kopecks::ZERO,
        vat: VatRate::Vat22,
        method: Method::FullPayment,
        object: Object::Commodity,
        measure: Measure::Piece,
        mark: None,
    };
    vec![(1, line("Чай", 15_000, 2_000_000)), (2, line("Сыр", 8_990, 1_250_000))]
}

/// The answer as the adapter reads it.
fn answer(way: Way, kind: Kind, xml: &str, lines: Vec<SentLine>) -> Answer {
    let (purchase, at) = (None, Timestamp::default());
    let (id, body, beside) = (Uuid::nil(), Vec::new(), Vec::new());
    let sealed = Sealed { id, kind, purchase, at, body, beside, lines };
    match judge::outcome(&Dialect::default(), &sealed, &way(xml)) {
        Outcome::Done(answer) => *answer,
        other => panic!("{kind:?}: {other:?}"),
    }
}

/// A sale whose lines and notes are what the processing said: its receipt, and what is printed
/// after it.
fn sold(way: Way, style: &Style) -> (Vec<String>, Vec<String>) {
    let calculated = answer(way, Kind::Calculate, CALCULATE, Sealed::lines_of(&cheque()));
    let cheque = cheque().discounted(&calculated).unwrap();
    let sent = || Sealed::lines_of(&cheque);
    let paid = answer(way, Kind::Pay, PAY, sent());
    let accrued = answer(way, Kind::Accrue, ACCRUE, sent());
    let confirmed = answer(way, Kind::Confirm, CONFIRM, Vec::new());
    let lines = join::lines(goods(), &cheque, Some(&paid), Kopecks(100)).unwrap();
    let before = Answers {
        calculated: Some(&calculated),
        moved: Some(&paid),
        accrued: Some(&accrued),
        confirmed: None,
    };
    let sheets = Sheets::below_receipt(Vec::new(), &before.print(style, &HEAD));
    assert_eq!(sheets.rest.items, []);
    let pay = |tender, amount| Paid { tender, amount: Kopecks(amount) };
    let receipt = Receipt {
        kind: ReceiptKind::Sell,
        basis: None,
        taxation: None,
        operator: None,
        contact: None,
        place: None,
        lines: lines.into_iter().map(|(_, line)| line).collect(),
        paid: vec![pay(Tender::Cash, 20_000), pay(Tender::Card, 7_000)],
        electronic: false,
        notes: sheets.notes,
    };
    let shop = Shop::open();
    let number = shop.write(2, &Fiscal::Receipt(Box::new(receipt)));
    let after = Answers { confirmed: Some(&confirmed), ..before }.print_after_receipt(style);
    block_on(shop.register.print(&Sheets::slip(&after).unwrap())).unwrap();
    (shop.tape(Print::Document(number)), shop.tape(Print::Text))
}

/// The lines stand on the tape in this order, each once.
#[track_caller]
fn in_order(tape: &[String], lines: &[&str]) {
    let at = |line: &&str| {
        let found: Vec<_> =
            tape.iter().enumerate().filter(|(_, printed)| printed == line).collect();
        assert_eq!(found.len(), 1, "{line}: {tape:#?}");
        found[0].0
    };
    let places: Vec<usize> = lines.iter().map(at).collect();
    assert!(places.is_sorted(), "{tape:#?}");
}

#[test]
fn discount_withdrawal_accrual_and_balance_are_on_the_receipt() {
    for way in [utf8 as Way, windows_1251] {
        let (receipt, after) = sold(way, &texts::style());
        let messages =
            ["Ваша скидка: 30.00", "Списано: 100.00", "Начислено: 13.51", "Баланс: 163.51"];
        in_order(&receipt, &messages);
        // The processing's amounts are those of the lines: 270.00 − 87.50 and 100.00 − 12.50.
        let amount = |sum: &str| receipt.iter().filter(|line| line.ends_with(sum)).count();
        assert_eq!((amount("=182.50"), amount("=87.50")), (1, 1), "{receipt:#?}");
        assert!(receipt.iter().any(|line| line.starts_with("ИТОГ") && line.ends_with("=270.00")));
        in_order(&after, &["Скидка 20% на сыр", "Действует до: 2026-04-14"]);
        in_order(&after, &["[EAN13 2200000001238]", "[QR LMXC:NEXT-000123]"]);
    }
}

#[test]
fn the_slip_is_the_tills_or_the_servers() {
    let (receipt, _) = sold(utf8, &texts::style());
    let slip = [
        "Баланс: 163.51",
        "СПИСАНИЕ БАЛЛОВ",
        "Касса: TILL-0007",
        "14.03.2026 12:02",
        "Карта: *********0019",
        "Сумма: 100,00",
        "Операция: 5002",
        "Код авторизации: 314159",
    ];
    in_order(&receipt, &slip);
    let (receipt, _) = sold(utf8, &Style { slips: SlipSource::Server, ..texts::style() });
    in_order(&receipt, &["Списано: 100.00"]);
    assert!(!receipt.iter().any(|line| line.contains("314159")), "{receipt:#?}");
}
