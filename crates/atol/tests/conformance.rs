//! The conformance suite of fiscal registers on the web server's client, in every generation.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use support::JumpingClock;
use support::house::{DEVICE, MORNING, Plan};
use support::net::{Loss, Net};
use support::shop::Shop;
use tillway_atol::task::{self, Context};
use tillway_atol::{AtolWeb, WebConfig};
use tillway_core::fiscal::{DocumentKind, ReceiptKind, Registered};
use tillway_core::port::fiscal::Fiscal;
use tillway_core::port::{Clock, FiscalRegister};
use tillway_core::time::Timestamp;
use tillway_sim::atol::web::{Generation, WebServer};
use tillway_sim::atol::{
    self, Body, Document, Fault, Memory, Point, Print, Register, SharedRegister,
};
use tillway_sim::ids::SeededIds;
use tillway_testkit::fiscal::{Piece, Printed, Trouble, Venue};
use tillway_testkit::fiscal_conformance;
use tillway_transport::HttpTransport;

/// A counter with a simulated register behind a simulated web server.
#[derive(Debug)]
struct Counter {
    clock: Arc<JumpingClock>,
    server: WebServer,
    net: Net,
    adapter: WebConfig,
    runs: u64,
    memories: u32,
}

impl Counter {
    fn new(generation: Generation, shared: bool) -> Self {
        let mut plan = Plan::new(generation);
        plan.adapter.shared = shared;
        plan.adapter.credentials = None;
        let clock: Arc<JumpingClock> = plan.clock;
        let register = SharedRegister::new(Register::new(plan.settings, MORNING));
        let server = WebServer::new(plan.server, Arc::clone(&clock) as Arc<dyn Clock>).device(
            DEVICE,
            "Киоск",
            register,
        );
        let net = Net::new(server.clone());
        Self { clock, server, net, adapter: plan.adapter, runs: 0, memories: 0 }
    }

    fn sim<T>(&self, act: impl FnOnce(&mut Register) -> T) -> T {
        self.server.with(DEVICE, act).unwrap()
    }
}

#[async_trait]
impl Venue for Counter {
    async fn connect(&mut self) -> Arc<dyn FiscalRegister> {
        self.runs += 1;
        let ids = Arc::new(SeededIds::new(self.runs << 32));
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let http: Arc<dyn HttpTransport> = Arc::new(self.net.clone());
        Arc::new(AtolWeb::try_new(self.adapter.clone(), http, clock, ids).unwrap())
    }

    async fn advance(&mut self, by: Duration) {
        self.clock.sleep(by).await;
    }

    async fn befall(&mut self, trouble: Trouble) {
        let inject = |at, fault| self.sim(|register| register.inject(at, fault));
        match trouble {
            Trouble::LostRequest => self.net.lose_document(Loss::Request),
            Trouble::LostAnswer => self.net.lose_document(Loss::Answer),
            Trouble::Unplugged => self.sim(|register| register.link(false)),
            Trouble::PowerOff => self.sim(|register| register.power(false)),
            Trouble::PowerBefore => inject(Point::P3, Fault::Power),
            Trouble::PowerAfter => inject(Point::P4, Fault::Power),
            Trouble::NoPaper => self.sim(|register| register.printer.paper = 0),
            Trouble::PaperEnds => inject(Point::P5, Fault::Paper),
            Trouble::ForgottenIds => {
                self.server.stop();
                self.server.restart(false);
            }
            Trouble::OtherMemory => {
                self.memories += 1;
                let memory = Memory::new(&format!("{:016}", self.memories));
                self.sim(|register| register.memory = memory);
            }
        }
    }

    async fn mend(&mut self) {
        self.net.mend();
        self.sim(|register| {
            register.printer.paper = 10_000;
            register.power(true);
            register.link(true);
        });
    }

    async fn write_as_another(&mut self, what: &Fiscal) {
        let task = task::fiscal(what, &Context::default()).unwrap();
        let done = self.sim(|register| atol::process_json(register, &task));
        assert!(done.is_ok(), "another program: {done:?}");
    }

    fn documents(&self) -> Vec<Registered> {
        self.sim(|register| register.memory.documents().map(registered).collect())
    }

    fn tape(&self) -> Vec<Piece> {
        let piece = |piece: &atol::Piece| Piece {
            of: match piece.of {
                Print::Document(number) => Printed::Document(number),
                Print::Copy(number) => Printed::Copy(number),
                Print::Annulled => Printed::Annulled,
                Print::ReportX => Printed::ReportX,
                Print::Text => Printed::Text,
            },
            lines: piece.lines.clone(),
            torn: piece.torn,
        };
        self.sim(|register| register.printer.tape().iter().map(piece).collect())
    }
}

/// The truth, as the memory of the simulator has it.
fn registered(document: &Document) -> Registered {
    let receipt = |kind| ReceiptKind::from_tag(kind).unwrap();
    let (kind, total) = match &document.body {
        Body::OpenShift => (DocumentKind::OpenShift, None),
        Body::CloseShift { .. } => (DocumentKind::CloseShift, None),
        Body::Exchange => (DocumentKind::Exchange, None),
        Body::Receipt(sale) if sale.correction => {
            (DocumentKind::Correction(receipt(sale.kind)), Some(sale.total))
        }
        Body::Receipt(sale) => (DocumentKind::Receipt(receipt(sale.kind)), Some(sale.total)),
    };
    let offset_min = 180;
    let utc_ms = document.at - i64::from(offset_min) * 60_000;
    Registered {
        at: Some(Timestamp { utc_ms, offset_min }),
        shift: Some(document.shift),
        total,
        ..Registered::new(kind, document.number)
    }
}

use Generation::{V1, V1Flat, V2Java, V2WebRequests};

fiscal_conformance!(v1_flat, || Counter::new(V1Flat, false), lacks: [OpenReceipt, Operations]);
fiscal_conformance!(v1, || Counter::new(V1, false), lacks: [OpenReceipt, Operations]);
fiscal_conformance!(v2_java, || Counter::new(V2Java, false), lacks: [OpenReceipt, Operations]);
fiscal_conformance!(v2_web_requests, || Counter::new(V2WebRequests, false),
    lacks: [OpenReceipt, Operations]);
fiscal_conformance!(shared_v1, || Counter::new(V1, true), lacks: [OpenReceipt]);
fiscal_conformance!(shared_v2, || Counter::new(V2WebRequests, true), lacks: [OpenReceipt]);

fn guarded(generation: Generation) -> Shop<Counter> {
    let counter = Counter::new(generation, false);
    let clock = Arc::clone(&counter.clock) as Arc<dyn Clock>;
    Shop::new(counter, clock)
}

fiscal_conformance!(guarded_v1_flat, || guarded(V1Flat), lacks: [OpenReceipt, Operations]);
fiscal_conformance!(guarded_v2_web_requests, || guarded(V2WebRequests),
    lacks: [OpenReceipt, Operations]);
