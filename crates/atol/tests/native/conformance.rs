//! The suite of fiscal registers on the native way: JSON tasks, and single commands.

use std::sync::Arc;
use std::time::Duration;

use tillway_atol::native::Receipts;
use tillway_atol::task;
use tillway_core::Timestamp;
use tillway_core::fiscal::{DocumentKind, ReceiptKind, Registered};
use tillway_core::port::fiscal::Fiscal;
use tillway_core::port::{Clock, FiscalRegister, async_trait};
use tillway_device::Mode;
use tillway_sim::atol::{Body, Document, Fault, Memory, Point, Print};
use tillway_testkit::fiscal::{Piece, Printed, Trouble, Venue};
use tillway_testkit::fiscal_conformance;

use crate::harness::Table;
use crate::support::shop::Shop;

/// A table whose register prints operations, or does not.
struct Stall {
    table: Table,
    receipts: Receipts,
    shared: bool,
}

fn stall(receipts: Receipts, shared: bool) -> Stall {
    Stall { table: Table::new(), receipts, shared }
}

impl std::fmt::Debug for Stall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stall({:?}, shared: {})", self.receipts, self.shared)
    }
}

#[async_trait]
impl Venue for Stall {
    async fn connect(&mut self) -> Arc<dyn FiscalRegister> {
        let mut config = self.table.config(self.receipts);
        config.shared = self.shared;
        Arc::new(self.table.start_with(config, Mode::Inline))
    }

    async fn advance(&mut self, by: Duration) {
        self.table.register.lock().advance(by);
    }

    async fn befall(&mut self, trouble: Trouble) {
        let mut register = self.table.register.lock();
        let next = |calls| Fault::Link { calls };
        match trouble {
            Trouble::LostRequest => register.inject(Point::P3, next(1)),
            Trouble::LostAnswer => register.inject(Point::P6, next(u32::MAX)),
            Trouble::Unplugged => register.link(false),
            Trouble::PowerOff => register.power(false),
            Trouble::PowerBefore => register.inject(Point::P3, Fault::Power),
            Trouble::PowerAfter => register.inject(Point::P4, Fault::Power),
            Trouble::NoPaper => register.printer.paper = 0,
            Trouble::PaperEnds => register.inject(Point::P5, Fault::Paper),
            // The driver knows no ids.
            Trouble::ForgottenIds => {}
            Trouble::OtherMemory => register.memory = Memory::new("9999078900005678"),
        }
    }

    async fn mend(&mut self) {
        let mut register = self.table.register.lock();
        register.printer.paper = 100_000;
        register.link(true);
        register.power(true);
    }

    async fn write_as_another(&mut self, what: &Fiscal) {
        let task = task::fiscal(what, &task::Context::default()).unwrap();
        self.table.register.process_json(&task).unwrap();
    }

    fn documents(&self) -> Vec<Registered> {
        let register = self.table.register.lock();
        register.memory.documents().map(|document| registered(document, &register.memory)).collect()
    }

    fn tape(&self) -> Vec<Piece> {
        let piece = |piece: &tillway_sim::atol::Piece| Piece {
            of: printed(piece.of),
            lines: piece.lines.clone(),
            torn: piece.torn,
        };
        self.table.register.lock().printer.tape().iter().map(piece).collect()
    }
}

fn registered(document: &Document, memory: &Memory) -> Registered {
    let kind = match &document.body {
        Body::OpenShift => DocumentKind::OpenShift,
        Body::CloseShift { .. } => DocumentKind::CloseShift,
        Body::Exchange => DocumentKind::Exchange,
        Body::Receipt(sale) => {
            let kind = ReceiptKind::from_tag(sale.kind).unwrap();
            if sale.correction {
                DocumentKind::Correction(kind)
            } else {
                DocumentKind::Receipt(kind)
            }
        }
    };
    let total = match &document.body {
        Body::Receipt(sale) => Some(sale.total),
        _ => None,
    };
    Registered {
        sign: Some(document.sign),
        at: Some(Timestamp::utc(document.at)),
        memory: Some(memory.serial.as_str().into()),
        shift: Some(document.shift),
        total,
        ..Registered::new(kind, document.number)
    }
}

fn printed(of: Print) -> Printed {
    match of {
        Print::Document(number) => Printed::Document(number),
        Print::Copy(number) => Printed::Copy(number),
        Print::Annulled => Printed::Annulled,
        Print::ReportX => Printed::ReportX,
        Print::Text => Printed::Text,
    }
}

fiscal_conformance!(json, || stall(Receipts::Json, false), lacks: [Ids, Operations]);
fiscal_conformance!(json_shared, || stall(Receipts::Json, true), lacks: [Ids]);
fiscal_conformance!(low_level, || stall(Receipts::LowLevel, false), lacks: [Ids, Operations]);
fiscal_conformance!(low_level_shared, || stall(Receipts::LowLevel, true), lacks: [Ids]);

fn guarded(receipts: Receipts) -> Shop<Stall> {
    let stall = stall(receipts, false);
    let clock = Arc::clone(&stall.table.clock) as Arc<dyn Clock>;
    Shop::new(stall, clock)
}

// A guarded register knows every id, though the driver knows none.
fiscal_conformance!(guarded_json, || guarded(Receipts::Json), lacks: [Operations]);
fiscal_conformance!(guarded_low_level, || guarded(Receipts::LowLevel), lacks: [Operations]);
