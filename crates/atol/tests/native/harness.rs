//! A register on the table, and tillway at its library.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use tillway_atol::native::{Link, NativeConfig, NativeRegister, Receipts};
pub(crate) use tillway_core::fiscal::Receipt;
use tillway_core::fiscal::{
    Line, Measure, Method, Object, Operator, Paid, Quantity, ReceiptKind, Taxation, Tender, VatRate,
};
use tillway_core::port::fiscal::{Attempt, Fiscal, FiscalOutcome, Found};
use tillway_core::port::{Clock, FiscalRegister};
use tillway_core::{Kopecks, Timestamp, id::Uuid};
use tillway_device::Mode;
use tillway_sim::atol::link::LinkServer;
use tillway_sim::atol::{Body, Document, Print, Register, Settings, SharedRegister, broken_rule};
use tokio::sync::watch;

/// 2026-03-02 12:41 on the wall.
pub(crate) const NOON: i64 = 1_772_455_260_000;

/// Pauses are over at once; limits are reached when the test says so.
#[derive(Debug)]
pub(crate) struct TestClock {
    expired: watch::Sender<bool>,
    pauses: Mutex<Vec<Duration>>,
}

impl Default for TestClock {
    fn default() -> Self {
        Self { expired: watch::Sender::new(false), pauses: Mutex::default() }
    }
}

impl TestClock {
    /// Whether limits are reached, those that somebody waits for now among them.
    pub(crate) fn expire(&self, expired: bool) {
        self.expired.send_replace(expired);
    }

    /// The pauses that were made.
    pub(crate) fn pauses(&self) -> Vec<Duration> {
        self.pauses.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::utc(NOON)
    }

    fn ticks(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, duration: Duration) {
        if duration >= Duration::from_secs(10) {
            let _ = self.expired.subscribe().wait_for(|expired| *expired).await;
        } else {
            self.pauses.lock().unwrap().push(duration);
        }
    }
}

/// The register, the line to it, and what of it belongs to the test.
pub(crate) struct Table {
    pub(crate) register: SharedRegister,
    pub(crate) line: LinkServer,
    pub(crate) clock: Arc<TestClock>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let register = SharedRegister::new(Register::new(settings, NOON));
        let line = LinkServer::start("127.0.0.1:0", register.clone()).unwrap();
        Self { register, line, clock: Arc::default() }
    }

    /// With an open shift.
    pub(crate) fn open() -> Self {
        let table = Self::new();
        table.register.lock().open_shift().unwrap();
        table
    }

    pub(crate) fn config(&self, receipts: Receipts) -> NativeConfig {
        let address = self.line.address();
        let link = Link::Tcp { host: address.ip().to_string().into(), port: address.port() };
        let mut config = NativeConfig::new(library(), link);
        config.receipts = receipts;
        config
    }

    /// A program at the register; calls block it.
    pub(crate) fn start(&self, receipts: Receipts) -> NativeRegister {
        self.start_with(self.config(receipts), Mode::Inline)
    }

    /// A program whose register has a thread of its own.
    pub(crate) fn start_thread(&self, receipts: Receipts) -> NativeRegister {
        self.start_with(self.config(receipts), Mode::Thread)
    }

    pub(crate) fn start_with(&self, config: NativeConfig, mode: Mode) -> NativeRegister {
        let clock = Arc::<TestClock>::clone(&self.clock);
        NativeRegister::load_with(config, clock, mode).unwrap()
    }

    /// Tells the library to misbehave towards this register.
    pub(crate) fn tell(&self, words: &str) -> i32 {
        fptr10::control(&library(), &format!("{} {words}", self.line.address())).unwrap()
    }

    /// What the memory has, a letter each: opened, closed, receipts by kind.
    pub(crate) fn journal(&self) -> String {
        let letter = |document: &Document| match &document.body {
            Body::OpenShift => 'o',
            Body::CloseShift { .. } => 'c',
            Body::Receipt(sale) => char::from(b'0' + sale.kind),
            Body::Exchange => 'x',
        };
        self.register.lock().memory.documents().map(letter).collect()
    }

    /// How often each document came out of the printer whole.
    pub(crate) fn papers(&self) -> Vec<usize> {
        let register = self.register.lock();
        let whole = |number| {
            let tape = register.printer.tape().iter().filter(|piece| !piece.torn);
            tape.filter(|piece| piece.of == Print::Document(number)).count()
        };
        register.memory.documents().map(|document| whole(document.number)).collect()
    }

    /// How many receipts came out that were annulled.
    pub(crate) fn annulled(&self) -> usize {
        let register = self.register.lock();
        register.printer.tape().iter().filter(|piece| piece.of == Print::Annulled).count()
    }

    pub(crate) fn holds_its_rules(&self) {
        assert_eq!(broken_rule(&self.register.lock()), None);
    }
}

pub(crate) fn library() -> PathBuf {
    fptr10::library().unwrap()
}

pub(crate) fn line(name: &str, price: i64, count: u32) -> Line {
    let quantity = Quantity::units(count).unwrap();
    Line {
        name: name.into(),
        price: Kopecks(price),
        quantity,
        amount: quantity.times(Kopecks(price)).unwrap(),
        vat: VatRate::Vat22,
        method: Method::FullPayment,
        object: Object::Commodity,
        measure: Measure::Piece,
        mark: None,
    }
}

/// Soup and a drink, 360.00, by card.
pub(crate) fn lunch() -> Receipt {
    Receipt {
        kind: ReceiptKind::Sell,
        basis: None,
        taxation: Some(Taxation::General),
        operator: Some(Operator { name: "Киоск 7".into(), vatin: None }),
        contact: Some("guest@example.org".into()),
        place: None,
        lines: vec![line("Суп дня", 19_000, 1), line("Морс 0,3", 8_500, 2)],
        paid: vec![card(36_000)],
        electronic: false,
        notes: vec!["Заказ К-42".into()],
    }
}

pub(crate) fn card(amount: i64) -> Paid {
    Paid { tender: Tender::Card, amount: Kopecks(amount) }
}

pub(crate) fn receipt(receipt: Receipt) -> Fiscal {
    Fiscal::Receipt(Box::new(receipt))
}

/// A new attempt from where the memory stands.
pub(crate) fn attempt(register: &NativeRegister, number: u128) -> Attempt {
    Attempt { id: Uuid::from_u128(number), before: block_on(register.mark()).unwrap() }
}

/// Writes a document and settles a doubt as the flows do: ask, until there is an answer.
pub(crate) fn settle(register: &NativeRegister, attempt: &Attempt, what: &Fiscal) -> Found {
    match block_on(register.register(attempt, what)) {
        FiscalOutcome::Written(document) => Found::Written(document),
        FiscalOutcome::NotWritten(_) => Found::NotWritten,
        FiscalOutcome::InDoubt(_) => block_on(register.find(attempt, what)),
    }
}
