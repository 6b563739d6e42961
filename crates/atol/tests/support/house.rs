//! A simulated register behind a simulated web server, and the adapter in front of it.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use secrecy::SecretString;
use tillway_atol::{AtolWeb, Credentials, DeviceId, WebConfig};
use tillway_core::fiscal::{Mark, VatRate};
use tillway_core::port::fiscal::{Attempt, Fiscal, FiscalOutcome, Found, RegisterError};
use tillway_core::port::{Clock, FiscalRegister, IdSource};
use tillway_layers::Guarded;
use tillway_sim::atol::web::{self, Generation, Latency, WebServer};
use tillway_sim::atol::{Body, Print, Register, Settings, SharedRegister, broken_rule};
use tillway_sim::ids::SeededIds;
use tillway_transport::HttpTransport;

use super::journal::Journal;
use super::{JumpingClock, sale};

pub(crate) const DEVICE: &str = "kiosk1";
const USER: &str = "kiosk";
const PASSWORD: &str = "s3cret-of-the-kiosk";

/// Midnight of 2026-03-02 and nine hours, on the wall of the register.
pub(crate) const MORNING: i64 = 1_772_442_000_000;

/// One register, its server, and the adapter.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) clock: Arc<JumpingClock>,
    pub(crate) ids: SeededIds,
    pub(crate) server: WebServer,
    pub(crate) register: Arc<AtolWeb>,
    pub(crate) journal: Journal,
    /// The same register, guarded.
    pub(crate) guarded: Guarded<dyn FiscalRegister>,
}

/// What is changed before the house is built.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) server: web::WebConfig,
    pub(crate) adapter: WebConfig,
    /// Of the ids: two programs must not give the same.
    pub(crate) seed: u64,
    pub(crate) clock: Arc<JumpingClock>,
}

impl Plan {
    pub(crate) fn new(generation: Generation) -> Self {
        let mut adapter = WebConfig::new("http://127.0.0.1:16732");
        if !generation.is_v1() {
            adapter.device = Some(DeviceId::try_new(DEVICE).unwrap());
            adapter.credentials = Some(Credentials::new(USER, PASSWORD));
        }
        adapter.rates = Some(VatRate::ALL.to_vec());
        let mut server = web::WebConfig::new(generation);
        server.latency = Latency::REAL;
        let clock = Arc::default();
        Self { settings: Settings::default(), server, adapter, seed: 1, clock }
    }

    pub(crate) fn build(self) -> House {
        self.build_behind(|server| Arc::new(server))
    }

    /// With something between the adapter and the server.
    pub(crate) fn build_behind(
        self,
        network: impl FnOnce(WebServer) -> Arc<dyn HttpTransport>,
    ) -> House {
        let clock = self.clock;
        let newest = self.server.generation == Generation::V2WebRequests;
        let register = SharedRegister::new(Register::new(self.settings, MORNING));
        let server = WebServer::new(self.server, Arc::clone(&clock) as Arc<dyn Clock>).device(
            DEVICE,
            "Киоск у входа",
            register,
        );
        if newest {
            server.user(USER, SecretString::from(PASSWORD));
        }
        let ids = Arc::new(SeededIds::new(self.seed));
        let http = network(server.clone());
        let register =
            AtolWeb::try_new(self.adapter, http, Arc::clone(&clock) as Arc<dyn Clock>, ids)
                .unwrap();
        let (register, journal) = (Arc::new(register), Journal::default());
        let ids = SeededIds::new(self.seed + 1);
        let device = Arc::clone(&register) as Arc<dyn FiscalRegister>;
        let guarded = journal.guard(device, Arc::clone(&clock) as Arc<dyn Clock>, &ids);
        House { clock, ids, server, register, journal, guarded }
    }
}

impl House {
    pub(crate) fn new(generation: Generation) -> Self {
        Plan::new(generation).build()
    }

    /// With an open shift.
    pub(crate) fn open(generation: Generation) -> Self {
        let house = Self::new(generation);
        house.written(&Fiscal::OpenShift(None));
        house
    }

    /// The program is started anew, at a register that is shared with others or not.
    pub(crate) fn restarted_with(&self, shared: bool) -> Guarded<dyn FiscalRegister> {
        let generation = self.register.generation().unwrap();
        let mut adapter = WebConfig::new("http://127.0.0.1:16732");
        adapter.device = Some(DeviceId::try_new(DEVICE).unwrap());
        (adapter.generation, adapter.shared) = (generation, shared);
        let clock = || Arc::clone(&self.clock) as Arc<dyn Clock>;
        let http = Arc::new(self.server.clone());
        let ids = Arc::new(SeededIds::new(1 << 32));
        let device = AtolWeb::try_new(adapter, http, clock(), Arc::clone(&ids) as _).unwrap();
        self.journal.guard(Arc::new(device), clock(), &*ids)
    }

    /// The simulated register.
    pub(crate) fn sim<T>(&self, act: impl FnOnce(&mut Register) -> T) -> T {
        self.server.with(DEVICE, act).unwrap()
    }

    pub(crate) fn mark(&self) -> Mark {
        block_on(self.register.mark()).unwrap()
    }

    /// A new attempt, from where the memory stands.
    pub(crate) fn attempt(&self) -> Attempt {
        Attempt { id: self.ids.fresh(), before: self.mark() }
    }

    pub(crate) fn register(&self, attempt: &Attempt, what: &Fiscal) -> FiscalOutcome {
        block_on(self.register.register(attempt, what))
    }

    pub(crate) fn find(&self, attempt: &Attempt, what: &Fiscal) -> Found {
        block_on(self.register.find(attempt, what))
    }

    /// Writes a document, without any trouble, and answers with its number.
    pub(crate) fn written(&self, what: &Fiscal) -> u32 {
        match self.register(&self.attempt(), what) {
            FiscalOutcome::Written(document) => document.number,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn refused(&self, what: &Fiscal) -> RegisterError {
        match self.register(&self.attempt(), what) {
            FiscalOutcome::NotWritten(error) => error,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn sell(&self, kopecks: i64) -> u32 {
        self.written(&sale(kopecks))
    }

    pub(crate) fn wait(&self, duration: Duration) {
        block_on(self.clock.sleep(duration));
    }

    /// The receipts of the memory: number and total in kopecks.
    pub(crate) fn receipts(&self) -> Vec<(u32, i64)> {
        let of = |document: &tillway_sim::atol::Document| match &document.body {
            Body::Receipt(sale) => Some((document.number, sale.total.0)),
            _ => None,
        };
        self.sim(|register| register.memory.documents().filter_map(of).collect())
    }

    /// How often each document came out of the printer whole, in the order of the memory.
    pub(crate) fn papers(&self) -> Vec<(u32, usize)> {
        self.sim(|register| {
            let whole = |number| {
                let tape = register.printer.tape().iter().filter(|piece| !piece.torn);
                tape.filter(|piece| piece.of == Print::Document(number)).count()
            };
            let numbers = register.memory.documents().map(|document| document.number);
            numbers.map(|number| (number, whole(number))).collect()
        })
    }

    /// Plugs everything in, and starts what has died.
    pub(crate) fn repair(&self) {
        if self.server.is_down() {
            self.server.restart(true);
        }
        self.sim(|register| {
            register.printer.paper = 10_000;
            register.printer.cover_open = false;
            register.power(true);
            register.link(true);
        });
    }

    /// Prints on and asks until it is known what became of an attempt.
    pub(crate) fn settle(&self, attempt: &Attempt, what: &Fiscal) -> Found {
        self.settle_with(&*self.register, attempt, what)
    }

    /// As [`House::settle`], through another way to the register.
    pub(crate) fn settle_with(
        &self,
        register: &dyn FiscalRegister,
        attempt: &Attempt,
        what: &Fiscal,
    ) -> Found {
        for _ in 0..100 {
            let _still_blocked = block_on(register.continue_print());
            match block_on(register.find(attempt, what)) {
                Found::NotYet(_) => self.wait(Duration::from_secs(3)),
                found => return found,
            }
        }
        panic!("{attempt:?} was not settled")
    }

    /// Nothing is torn, and no rule of the register is broken.
    pub(crate) fn check(&self) {
        block_on(self.register.continue_print()).unwrap();
        assert_eq!(self.sim(|register| broken_rule(register)), None);
    }
}
