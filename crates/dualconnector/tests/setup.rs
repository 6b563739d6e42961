//! What cannot be right is a clear error, and nothing is sent.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use support::{ADDRESS, Inside, PausedClock, TokioSpawner, Way, run};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::port::CardTerminal;
use tillway_core::port::terminal::{
    AMOUNT_MAX, Attempt, Fault, MoneyOutcome, Operation, Original, Reason, ReconcileOutcome,
};
use tillway_dualconnector::{Config, ConfigError, DualConnector, Waits};
use tillway_sim::dualconnector::{Decide, Settings, Step};
use tillway_transport::Runtime;
use tillway_transport::client::{ClientConfig, HyperClient};

#[test]
fn addresses_are_checked_and_never_show_a_password() {
    for (address, good) in [
        ("http://127.0.0.1:9015", true),
        ("http://10.0.0.7:9015/", true),
        ("http://[::1]:9015", true),
        ("https://terminal-7:443", true),
        ("127.0.0.1:9015", false),
        ("ftp://127.0.0.1", false),
        ("http://", false),
        ("http://host/path", false),
        ("http://host/?a=1", false),
        ("http://user:pass@host:9015", false),
        ("", false),
    ] {
        let checked = Config::new(address).check();
        assert_eq!(checked.is_ok(), good, "{address}");
        if let Err(error) = checked {
            assert!(!error.to_string().contains("pass"), "{error}");
        }
    }
}

#[test]
fn values_are_checked() {
    let base = || Config::new(ADDRESS);
    let waits = |waits: Waits| Config { waits, ..base() };
    let usual = Waits::default();
    for (config, error) in [
        (base(), None),
        (Config { terminal: Some("".into()), ..base() }, Some(ConfigError::BadTerminal)),
        (Config { terminal: Some("1 2".into()), ..base() }, Some(ConfigError::BadTerminal)),
        (Config { terminal: Some("00012345".into()), ..base() }, None),
        (Config { currency: 0, ..base() }, Some(ConfigError::BadCurrency { currency: 0 })),
        (
            waits(Waits { probe: Duration::ZERO, ..usual }),
            Some(ConfigError::BadWait { wait: "probe" }),
        ),
        (
            waits(Waits { reconcile: Duration::from_secs(3_601), ..usual }),
            Some(ConfigError::BadWait { wait: "reconcile" }),
        ),
        (
            waits(Waits { late: Duration::from_secs(179), ..usual }),
            Some(ConfigError::LateBeforeDeadline),
        ),
    ] {
        assert_eq!(config.check().err(), error);
    }
}

fn attempt(clock: PausedClock) -> Attempt {
    use tillway_core::port::Clock;
    Attempt { id: Uuid::from_u128(417), at: clock.now() }
}

fn of(reference: Option<&str>) -> Original {
    Original {
        amount: Kopecks(12_500),
        returned: Kopecks::ZERO,
        reference: reference.map(Into::into),
        authorisation: None,
        attempt: Attempt { id: Uuid::from_u128(1), at: support::BEGIN },
        confirmed: false,
    }
}

#[test]
fn what_cannot_be_asked_is_not_sent() {
    run(async {
        let inside = Inside::new(Way::Direct, Settings::default());
        let config = Config {
            terminal: Some("00012345".into()),
            partial_cancel: false,
            ..Config::new(ADDRESS)
        };
        let terminal = inside.adapter(config);
        let pay = |amount| Operation::Pay { amount: Kopecks(amount) };
        let refund = |reference| Operation::Refund { of: of(reference), amount: Kopecks(12_500) };
        let rows = [
            (pay(0), "amount 0: more than 0, at most 21474836.47"),
            (pay(-1), "amount -0.01"),
            (pay(AMOUNT_MAX.0 + 1), "amount 21474836.48"),
            (refund(None), "reference of the payment"),
            (refund(Some("")), "reference of the payment"),
            (refund(Some("6074122077150")), "reference of the payment"),
            (refund(Some("60741220771<")), "reference of the payment"),
            (
                Operation::Cancel { of: of(Some("607412207715")), amount: Kopecks(1) },
                "the bank cancels no parts",
            ),
        ];
        for (what, words) in rows {
            match terminal.perform(&attempt(inside.clock), &what).await {
                MoneyOutcome::Declined(decline) => {
                    assert_eq!(decline.reason, Reason::NotStarted, "{what:?}");
                    assert!(decline.text.as_str().contains(words), "{decline:?}");
                }
                other => panic!("{what:?}: {other:?}"),
            }
        }
        assert_eq!(inside.device.requests(), 0);
        // The largest amount has room.
        let paid = terminal.perform(&attempt(inside.clock), &pay(AMOUNT_MAX.0)).await;
        assert!(matches!(paid, MoneyOutcome::Approved(_)), "{paid:?}");
    });
}

/// A port where nobody listens, over real sockets.
#[test]
fn a_refused_port_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = PausedClock::new();
        let http = Arc::new(HyperClient::new(&ClientConfig::default(), Runtime::tokio()));
        let spawner = Arc::new(TokioSpawner);
        let config = Config::new(address.as_str());
        let terminal = DualConnector::try_new(config, http, Arc::new(clock), spawner).unwrap();
        let error = terminal.probe().await.unwrap_err();
        assert_eq!(error.fault, Fault::Link);
        assert!(error.text.as_str().contains(&address), "{error}");
        let pay = Operation::Pay { amount: Kopecks(100) };
        match terminal.perform(&attempt(clock), &pay).await {
            MoneyOutcome::Declined(decline) => assert_eq!(decline.reason, Reason::NotStarted),
            other => panic!("{other:?}"),
        }
        let refused = terminal.reconcile().await;
        assert!(matches!(refused, ReconcileOutcome::Refused(_)), "{refused:?}");
    });
}

#[test]
fn another_service_or_terminal_is_told() {
    run(async {
        let inside = Inside::new(Way::Http, Settings::default());
        let named =
            |terminal: &str| Config { terminal: Some(terminal.into()), ..Config::new(ADDRESS) };
        let other = inside.adapter(named("00054321")).probe().await.unwrap_err();
        assert_eq!(other.fault, Fault::Refused, "{other}");
        inside.device.push_other(Step::of(Decide::ServiceError(13)));
        let unplugged = inside.adapter(named("00012345")).probe().await.unwrap_err();
        assert_eq!(unplugged.fault, Fault::Link, "{unplugged}");
        inside.device.push_other(Step::heard(tillway_sim::dualconnector::Answer::Http(404)));
        let foreign = inside.adapter(named("00012345")).probe().await.unwrap_err();
        assert_eq!(foreign.fault, Fault::Garbled, "{foreign}");
        assert!(foreign.text.as_str().contains("HTTP 404"), "{foreign}");
        let found = inside.adapter(Config::new(ADDRESS)).probe().await.unwrap();
        assert_eq!(found.terminal.as_deref(), Some("00012345"));
        assert_eq!(found.serial.as_deref(), Some("PX0000417"));
    });
}
