//! What whole runs over HTTP write to the log at its most talkative: no key, password, token, PIN,
//! card, phone or coupon. It has a program of its own, because a log is the program's.
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "the log needs a part of it")]
#[path = "days/cut.rs"]
mod cut;
mod keys;
#[allow(dead_code, reason = "the log needs a part of it")]
#[path = "days/till.rs"]
mod till;
#[allow(dead_code, reason = "the log needs a part of it")]
#[path = "days/world.rs"]
mod world;

use std::io::Write;
use std::sync::{Arc, Mutex};

use tillway_core::Kopecks;
use tillway_core::loyalty::{Carrier, Coupon, IdentifierKind, Pin, Sale};
use tillway_core::port::Clock;
use tillway_layers::Loyalty;
use tillway_loymax::input;
use tillway_sim::loymax::Fault as PeerFault;
use tillway_sim::loymax::house::OperationAuth;
use tracing_subscriber::fmt::MakeWriter;

use cut::{Cut, Fuse};
use keys::key_pem;
use till::{cheque, id, sale};
use world::{PASSWORD, TILL, Way, World, card, client, serve};

const PIN: &str = "4711-0815";
const PHONE: &str = "79991110001";
const COUPON: &str = "SPRING-27";

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// A sale with a phone, a PIN and a coupon, while something befalls one of its messages.
async fn sold(world: &World, loyalty: &Loyalty, number: u128) -> String {
    let cheque = cheque(world.clock.now(), 30_000);
    let guest = input::identifier(IdentifierKind::Phone, "+7 (999) 111-00-01").unwrap();
    let coupons = vec![Coupon { carrier: Carrier::Barcode, value: COUPON.into() }];
    let mut told = Sale { guest: Some(guest), coupons, ..sale(number, 1, &cheque) };
    let mut shown = format!("{:?}", loyalty.calculate(&told, None, Some("Анна")).await);
    if let Ok(calculated) = loyalty.calculate(&told, None, Some("Анна")).await {
        told.cheque = calculated.cheque;
    }
    let pin = || Some(Pin::new(PIN));
    let wrong = Some(Pin::new("9876-5432"));
    shown += &format!("{:?}", loyalty.pay(&told, Kopecks(5_000), wrong, None).await);
    shown += &format!("{:?}", loyalty.pay(&told, Kopecks(5_000), pin(), None).await);
    shown += &format!("{:?}", loyalty.accrue(&told, &[], Some("Анна")).await);
    shown += &format!("{:?}", loyalty.confirm(&id(number), None).await);
    shown += &format!("{:?} {:?}", loyalty.standing(&id(number)).await, loyalty.listed().await);
    shown += &format!("{loyalty:?} {told:?} {:?}", world.processing);
    shown
}

#[tokio::test]
async fn nothing_secret_is_logged_or_shown() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut shown = String::new();
    for way in Way::ALL {
        let world = World::new(way);
        world.processing.house().with(|store| {
            store.tills.get_mut(TILL).unwrap().operation_auth = OperationAuth::PinCode;
            store.cards.get_mut(&card(1)).unwrap().pin = Some(PIN.into());
        });
        let address = serve(&world.processing).await;
        let mut cuts = Cut::all(way.signs());
        cuts.push(Cut::Peer(PeerFault::Http { status: 401, done: false }));
        cuts.push(Cut::Peer(PeerFault::Code(201)));
        cuts.push(Cut::Peer(PeerFault::Code(225)));
        for (number, cut) in (1..).zip(cuts) {
            for nth in 0..4 {
                let fuse = Fuse::cutting(nth, cut.clone(), 0);
                let loyalty = world.start_over(client(), &address, &fuse);
                let number = number * 10 + u128::from(nth);
                shown += &sold(&world, &loyalty, number).await;
                world.clock.advance(std::time::Duration::from_secs(301));
                shown += &format!("{:?}", loyalty.drain(100).await);
            }
        }
    }
    let log = log.text();
    assert!(log.contains("alarm") && log.contains("in doubt"), "the log was read");
    assert!(log.contains("TRACE"), "the log is at its most talkative");
    for (where_, text) in [("log", &log), ("debug", &shown)] {
        for secret in secrets() {
            let at = text.find(&secret);
            let near = at.map(|at| text[..at].lines().last().unwrap_or_default().to_owned());
            assert!(at.is_none(), "{where_}: {secret} after {near:?}");
        }
    }
}

/// What must stand nowhere.
fn secrets() -> Vec<String> {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let basic = engine.encode(format!("{TILL}:{PASSWORD}"));
    let of_key = |name: &str| {
        let pem = key_pem(name);
        pem.lines().nth(3).unwrap().to_owned()
    };
    let phones = ["+7 (999) 111-00-01", "9991110001", PHONE].map(str::to_owned);
    let others = [PASSWORD, PIN, "9876-5432", COUPON, "client_secret=demo", "access_token"];
    let mut secrets: Vec<String> = others.map(str::to_owned).into();
    secrets.extend(phones);
    secrets.extend([basic, of_key("till"), of_key("processing"), card(1)]);
    secrets.push("Bearer ".to_owned());
    secrets
}
