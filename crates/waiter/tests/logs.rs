//! W53: what must never reach a log.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io;
use std::sync::{Arc, Mutex};

use support::{ORDER, State, T2, TOKEN, Venue};
use tillway_core::port::TableRefusal;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

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

#[tokio::test(start_paused = true)]
async fn w53_neither_pin_nor_value_nor_token_is_logged() {
    const PIN: &str = "480215";
    const VALUE: &str = "04A1B2C3D4E580";
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let venue = Venue::new(State::default());
    let path = format!("/orders/{ORDER}/checkin");
    let check_in = format!(r#"{{"Value":"{VALUE}","WaiterPin":"{PIN}"}}"#);
    venue.put(&format!("POST {path}"), &check_in).await;
    venue.put(&format!("POST {path}"), &check_in.replace('}', "")).await;
    venue.desks.state().check_in = Err(TableRefusal::BadPin);
    venue.put(&format!("POST {path}"), &check_in).await;
    venue.put(&format!("DELETE {path}"), &format!(r#"{{"WaiterPin":"{PIN}"}}"#)).await;
    let payment = include_str!("../fixtures/payment_request.json");
    venue.pos(&format!("PUT /pos/v1/payments/{T2}"), payment).await;
    let wrong =
        "GET /pos/v1/health HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer till-9-guess\r\n\r\n";
    venue.send(wrong).await;
    drop(guard);

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("14 characters, …E580"), "{log}");
    assert!(log.contains("bad_pin") && log.contains("bad_token"), "{log}");
    for secret in [PIN, VALUE, "B2C3D4E580", TOKEN, "till-9-guess"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let shown = format!("{:?}", venue.service);
    assert!(!shown.contains(TOKEN), "{shown}");
}
