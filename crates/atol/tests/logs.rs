//! What must never reach a log, an error or a `Debug`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io;
use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use support::house::{House, Plan};
use support::receipt;
use tillway_atol::Credentials;
use tillway_core::fiscal::{MarkCode, Object, ReceiptKind};
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::Fiscal;
use tillway_sim::atol::web::Generation;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn neither_password_nor_marking_code_is_told() {
    const CODE: &str = "0104600000000017215NxYz";
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    let mut told = tracing::subscriber::with_default(subscriber, || {
        let house = House::open(Generation::V2WebRequests);
        let mut marked = receipt(ReceiptKind::Sell, 100);
        marked.lines[0].object = Object::CommodityMarked;
        marked.lines[0].mark = Some(MarkCode { code: CODE.into(), returned: false });
        marked.contact = Some("guest@example.org".into());
        let what = Fiscal::Receipt(Box::new(marked));
        let attempt = house.attempt();
        let outcome = house.register(&attempt, &what);
        let found = house.find(&attempt, &what);

        let mut plan = Plan::new(Generation::V2WebRequests);
        plan.adapter.credentials = Some(Credentials::new("kiosk", "wr0ng-s3cret"));
        let config = format!("{:?}", plan.adapter);
        let stranger = plan.build();
        let refused = block_on(stranger.register.shift()).unwrap_err();
        format!("{outcome:?} {found:?} {house:?} {stranger:?} {config} {refused} {refused:?}")
    });
    told.push_str(&String::from_utf8(lines.0.lock().unwrap().clone()).unwrap());
    assert!(told.contains("a document was sent"), "{told}");
    for secret in ["s3cret", "a2lvc2s6", CODE, "guest@example.org"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}
