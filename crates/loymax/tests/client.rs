//! The client against a peer on a real socket: what each fault means.
#![allow(clippy::unwrap_used, reason = "tests")]

mod keys;
mod peer;
mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::loyalty::Pin;
use tillway_core::port::LoyaltyProcessing;
use tillway_core::port::processing::{Class, Command, Kind, Level, Operation, Outcome, Sealed};
use tillway_loymax::dialect::OtherIds;
use tillway_loymax::sign::{Profile, Signatures};
use tillway_loymax::{Config, Dialect, ProbeError, Waits};

use keys::{certificate, identity};
use peer::{Act, NOW, answer, fixture, header, listener, serve, till};
use support::{TILL, operation};

const PASSWORD: &str = "correct-horse";

fn config(url: &str) -> Config {
    Config { dialect: support::dialect(), ..Config::new(url, TILL, PASSWORD) }
}

fn signing(url: &str, profile: Profile) -> Config {
    let signatures = Signatures::new(profile, &identity("till"), &[certificate("processing")]);
    Config { signatures, ..config(url) }
}

/// An answer that the processing signed, or somebody else did.
fn signed(profile: Profile, by: &str, body: &[u8]) -> Act {
    let (mut body, mut headers) = (body.to_vec(), HeaderMap::new());
    profile.signer(&identity(by)).sign(&mut body, &mut headers).unwrap();
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        format!("{name}: {}\r\n", value.to_str().unwrap())
    };
    answer("200 OK", &headers.iter().map(line).collect::<String>(), &body)
}

/// Sends the message of this kind to a peer that does this.
async fn told(
    config: impl FnOnce(&str) -> Config,
    kind: Kind,
    act: Act,
) -> (Outcome, String, Vec<u8>) {
    let (listener, url) = listener().await;
    let till = till(config(&url));
    let message = till.seal(&operation(kind)).unwrap();
    let (outcome, mut seen) = tokio::join!(till.send(&message), serve(listener, vec![act]));
    let (head, body) = seen.pop().unwrap();
    assert_eq!(body, message.body);
    (outcome, head, body)
}

fn doubt(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::InDoubt(text) => text.as_str(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_goes_out_as_it_was_sealed() {
    let yes = answer("200 OK", "Content-Type: text/plain\r\n", &fixture("answers/pay.xml"));
    let (outcome, head, _) = told(config, Kind::Pay, yes).await;
    let Outcome::Done(answer) = outcome else { panic!("{outcome:?}") };
    assert_eq!(answer.amount, Some(Kopecks(10_000)));
    assert!(head.starts_with("POST /XmlExchange/demo/TILL-0007/ HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(&head, "authorization"), Some("Basic VElMTC0wMDA3OmNvcnJlY3QtaG9yc2U="));
    assert_eq!(header(&head, "content-type"), Some("application/xml; charset=utf-8"));
}

#[tokio::test]
async fn a_repeat_from_an_earlier_run_is_the_same_to_the_byte() {
    for profile in [Profile::None, Profile::DetachedBody, Profile::EnvelopedXmlDsig] {
        let (listener, url) = listener().await;
        let waits = Waits { write: Duration::from_millis(30), ..Waits::default() };
        let first = till(Config { waits, ..signing(&url, profile) });
        let message = first.seal(&operation(Kind::Confirm)).unwrap();
        let stored = minicbor::to_vec(&message).unwrap();
        let again: Sealed = minicbor::decode(&stored).unwrap();
        let second = till(signing(&url, profile));
        assert_eq!(second.seal(&operation(Kind::Confirm)).unwrap(), message);
        let act = signed(profile, "processing", &fixture("answers/confirm.xml"));
        let acts = vec![Act::Hold, act];
        let sends = async {
            let outcome = first.send(&message).await;
            (outcome, second.send(&again).await)
        };
        let ((lost, found), seen) = tokio::join!(sends, serve(listener, acts));
        assert!(doubt(&lost).contains("time is over"), "{lost:?}");
        assert!(matches!(found, Outcome::Done(_)), "{profile:?} {found:?}");
        let [one, other] = seen.as_slice() else { panic!("{}", seen.len()) };
        assert_eq!(one, other);
    }
}

#[tokio::test]
async fn nobody_there_is_not_reached() {
    let (listener, url) = listener().await;
    drop(listener);
    let till = till(config(&url));
    let message = till.seal(&operation(Kind::Pay)).unwrap();
    let outcome = till.send(&message).await;
    assert!(matches!(outcome, Outcome::Unreached(_)), "{outcome:?}");
    let probe = till.probe(Uuid::from_u128(1)).await;
    assert!(matches!(probe, Err(ProbeError::Unreached(_))), "{probe:?}");
}

#[tokio::test]
async fn what_is_no_answer_is_in_doubt() {
    let pay = fixture("answers/pay.xml");
    let half = &pay[..200];
    let cut = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", pay.len());
    let huge = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 5 * 1024 * 1024);
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    let endless =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned() + &chunk.repeat(6);
    let text = String::from_utf8(pay.clone()).unwrap();
    let lie = encoding_rs::WINDOWS_1251.encode(&text).0.into_owned();
    let rows = [
        (Act::Say(Vec::new()), "broke"),
        (Act::Say(b"HTTP/1.1 2".to_vec()), "broke"),
        (Act::Say(b"220 ready\r\n\r\n".to_vec()), "broke"),
        (Act::Say([cut.as_bytes(), half].concat()), "broke"),
        (Act::Say(huge.into_bytes()), "too large"),
        (Act::Say(endless.into_bytes()), "too large"),
        (answer("200 OK", "", half), "not all of it"),
        (answer("200 OK", "", b""), "no xml"),
        (answer("200 OK", "", b"<html></html>"), "no response"),
        (answer("200 OK", "", &lie), "letters"),
        (answer("200 OK", "", &fixture("answers/balance.xml")), "another message"),
        (answer("500 Oops", "", &pay), "http status 500"),
        (answer("503 Busy", "", b""), "http status 503"),
        (answer("404 Not Found", "", &pay), "http status 404"),
        (answer("302 Found", "Location: /login\r\n", b""), "http status 302"),
    ];
    for (act, part) in rows {
        let (outcome, ..) = told(config, Kind::Pay, act).await;
        assert!(doubt(&outcome).contains(part), "{part}: {outcome:?}");
    }
}

#[tokio::test]
async fn silence_is_in_doubt_when_its_time_is_over() {
    let millis = Duration::from_millis;
    let rows = [
        (Kind::Balance, Waits { read: millis(30), ..Waits::default() }),
        (Kind::Pay, Waits { write: millis(30), ..Waits::default() }),
    ];
    for (kind, waits) in rows {
        let hasty = |url: &str| Config { waits, ..config(url) };
        let (outcome, ..) = told(hasty, kind, Act::Hold).await;
        assert!(doubt(&outcome).contains("time is over"), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_setting() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let (outcome, ..) = told(config, Kind::Pay, answer(status, "", b"<html/>")).await;
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        assert_eq!((refusal.class, refusal.code.as_ref()), (Class::Settings, &status[..3]));
    }
}

#[tokio::test]
async fn letters_of_windows_go_both_ways() {
    let windows = |url: &str| {
        let letters = tillway_loymax::dialect::Letters::Windows1251;
        Config { dialect: Dialect { letters, ..support::dialect() }, ..config(url) }
    };
    let text = String::from_utf8(fixture("answers/pay.xml")).unwrap();
    let text = text.replace("utf-8", "windows-1251");
    let (bytes, ..) = encoding_rs::WINDOWS_1251.encode(&text);
    let (outcome, head, body) = told(windows, Kind::Pay, answer("200 OK", "", &bytes)).await;
    let Outcome::Done(answer) = outcome else { panic!("{outcome:?}") };
    assert_eq!(answer.for_receipt.as_ref(), "Списано: 100.00");
    assert_eq!(header(&head, "content-type"), Some("application/xml; charset=windows-1251"));
    assert!(body.windows(3).any(|part| part == [0xD7, 0xE0, 0xE9]), "Чай");
}

#[tokio::test]
async fn an_answer_counts_when_the_processing_signed_it() {
    let yes = fixture("answers/pay.xml");
    for profile in [Profile::DetachedBody, Profile::EnvelopedXmlDsig] {
        let with = |url: &str| signing(url, profile);
        let (outcome, head, body) =
            told(with, Kind::Pay, signed(profile, "processing", &yes)).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{profile:?}: {outcome:?}");
        let mut headers = HeaderMap::new();
        for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let processing = profile.verifier(&[certificate("till")]);
        assert_eq!(processing.verify(&body, &headers, NOW), Ok(()), "{profile:?}");

        let Act::Say(bytes) = signed(profile, "processing", &yes) else { unreachable!() };
        let changed: Vec<u8> = String::from_utf8(bytes).unwrap().replace("87.50", "87.51").into();
        let rows = [
            (answer("200 OK", "", &yes), "not signed"),
            (signed(profile, "foreign", &yes), "not known"),
            (signed(profile, "till", &yes), "not known"),
            (Act::Say(changed), "not of this message"),
        ];
        for (act, part) in rows {
            let (outcome, ..) = told(with, Kind::Pay, act).await;
            assert!(doubt(&outcome).contains(part), "{profile:?} {part}: {outcome:?}");
        }
    }
}

/// An old answer has a good signature too.
#[tokio::test]
async fn a_signed_answer_to_another_message_is_not_used() {
    let yes = String::from_utf8(fixture("answers/pay.xml")).unwrap();
    let old = yes.replace("OperationID=\"77aa", "OperationID=\"00aa");
    assert_ne!(old, yes);
    let unnamed = yes.replace("OperationID=", "Operation=");
    for (profile, other_ids, used) in [
        (Profile::None, OtherIds::Unsigned, true),
        (Profile::None, OtherIds::Refused, false),
        (Profile::DetachedBody, OtherIds::Unsigned, false),
        (Profile::DetachedBody, OtherIds::Taken, true),
        (Profile::EnvelopedXmlDsig, OtherIds::Unsigned, false),
    ] {
        let with = |url: &str| {
            let config = signing(url, profile);
            Config { dialect: Dialect { other_ids, ..config.dialect }, ..config }
        };
        for body in [&old, &unnamed] {
            let act = signed(profile, "processing", body.as_bytes());
            let (outcome, ..) = told(with, Kind::Pay, act).await;
            let text = format!("{profile:?} {other_ids:?}: {outcome:?}");
            assert_eq!(matches!(outcome, Outcome::Done(_)), used, "{text}");
            assert!(used || doubt(&outcome).contains("another message"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_probe_says_what_to_look_at() {
    let unknown = br#"<XMLResponse><ErrorCode>0</ErrorCode><Balances><BalanceResponse
        ErrorCode="201" ErrorMessage="?"/></Balances></XMLResponse>"#;
    let device = br#"<XMLResponse><ErrorCode>202</ErrorCode></XMLResponse>"#;
    type Row = (Act, fn(&Result<(), ProbeError>) -> bool);
    let rows: [Row; 4] = [
        (answer("200 OK", "", unknown), Result::is_ok),
        (
            answer("200 OK", "", device),
            |it| matches!(it, Err(ProbeError::Refused(no)) if no.class == Class::Settings),
        ),
        (answer("401 No", "", b""), |it| matches!(it, Err(ProbeError::Refused(_)))),
        (answer("200 OK", "", b"<html/>"), |it| matches!(it, Err(ProbeError::Unclear(_)))),
    ];
    for (act, right) in rows {
        let (listener, url) = listener().await;
        let till = till(config(&url));
        let (found, seen) =
            tokio::join!(till.probe(Uuid::from_u128(1)), serve(listener, vec![act]));
        assert!(right(&found), "{found:?}");
        let body = String::from_utf8(seen.into_iter().next().unwrap().1).unwrap();
        assert!(body.contains(r#"Value="0000000000000""#), "{body}");
    }
}

#[tokio::test]
async fn a_till_says_what_it_takes_part_in() {
    let config = Config { level: Level::Middle, blind_refund: true, ..config("http://h/x") };
    let able = till(config).capabilities();
    assert_eq!((able.level, able.cancel_one, able.cards), (Level::Middle, true, true));
    assert!(able.blind_refund);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_secret_is_logged_and_a_forgery_is() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let refused = br#"<XMLResponse><ErrorCode>0</ErrorCode><Payments><PaymentResponse
        ErrorCode="211" ErrorMessage="PIN 4711 of 2990000000019 is wrong"/></Payments></XMLResponse>"#;
    let profile = Profile::DetachedBody;
    let shown = tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let (listener, url) = listener().await;
            let till = till(signing(&url, profile));
            let Command::Pay { sale, amount, .. } = operation(Kind::Pay).command else { panic!() };
            let command = Command::Pay { sale, amount, pin: Some(Pin::new("4711")) };
            let operation = Operation { command, ..operation(Kind::Pay) };
            let message = till.seal(&operation).unwrap();
            assert!(String::from_utf8_lossy(&message.body).contains("4711"));
            let acts = vec![
                signed(profile, "processing", &fixture("answers/pay.xml")),
                signed(profile, "processing", refused),
                signed(profile, "foreign", &fixture("answers/pay.xml")),
                answer("401 No", "", b"correct-horse"),
                answer("500 No", "", b"2990000000019"),
                Act::Say(Vec::new()),
            ];
            let sends = async {
                let mut outcomes = Vec::new();
                for _ in 0..6 {
                    outcomes.push(till.send(&message).await);
                }
                outcomes
            };
            let (outcomes, _) = tokio::join!(sends, serve(listener, acts));
            format!("{till:?} {message:?} {:?}", &outcomes[2..])
        })
    });
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("alarm: an answer is not signed by the processing"), "{logged}");
    assert_eq!(logged.matches("ERROR").count(), 2, "{logged}");
    let key = keys::key_pem("till");
    let secrets = ["4711", "299000000", PASSWORD, "VElMTC0wMDA3Om", "PinCode"];
    let lines = key.lines().filter(|line| !line.starts_with('-'));
    for secret in secrets.into_iter().chain(lines) {
        assert!(!logged.contains(secret), "{secret}: {logged}");
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
