//! The simulated terminal keeps the rules of its bank, and lies only when it is told to.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response};
use tillway_core::port::{Clock, Spawner, Task};
use tillway_core::{Kopecks, Timestamp};
use tillway_sim::dualconnector::{Answer, Decide, Kind, Letters, Settings, Step, Terminal};
use tillway_transport::HttpTransport;

#[derive(Clone, Copy, Debug)]
struct PausedClock(tokio::time::Instant);

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp { utc_ms: 1_773_573_727_000, offset_min: 180 }.after(self.ticks())
    }

    fn ticks(&self) -> Duration {
        self.0.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the clock of the tests is tokio's")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[derive(Clone, Copy, Debug)]
struct TokioSpawner;

impl Spawner for TokioSpawner {
    #[expect(clippy::disallowed_methods, reason = "this is the spawner of the tests")]
    fn spawn(&self, _: &'static str, task: Task) {
        tokio::spawn(task);
    }
}

struct Bench {
    clock: PausedClock,
    terminal: Terminal,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        let clock = PausedClock(tokio::time::Instant::now());
        let terminal = Terminal::new(settings, Arc::new(clock), Arc::new(TokioSpawner));
        Self { clock, terminal }
    }

    async fn post(&self, body: String) -> Response<Bytes> {
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = "http://dualconnector:9015/".parse().unwrap();
        self.terminal.send(request).await.unwrap()
    }

    /// What is answered to fields, in UTF-8.
    async fn ask(&self, fields: &[(u16, &str)]) -> String {
        let field = |(id, value): &(u16, &str)| format!("<field id=\"{id:02}\">{value}</field>");
        let fields: String = fields.iter().map(field).collect();
        let body =
            format!("<?xml version=\"1.0\"?><request>{fields}<timeout>1</timeout></request>");
        String::from_utf8_lossy(self.post(body).await.body()).into_owned()
    }

    async fn sell(&self, kopecks: &str, number: &str) -> String {
        self.ask(&[(0, kopecks), (4, "643"), (25, "1"), (26, number), (27, "00012345")]).await
    }

    async fn undo(&self, code: &str, kopecks: &str, reference: &str) -> String {
        let fields = [(0, kopecks), (14, reference), (25, code), (26, "9"), (27, "00012345")];
        self.ask(&fields).await
    }
}

/// A field of an answer.
fn field(answer: &str, id: u16) -> Option<&str> {
    let (_, from) = answer.split_once(&format!("<field id=\"{id}\">"))?;
    from.split("</field>").next()
}

fn status(answer: &str) -> &str {
    field(answer, 39).unwrap_or(answer)
}

fn utf8() -> Settings {
    let letters =
        Letters { are: "utf-8".to_owned(), declared: "utf-8".to_owned(), content_type: None };
    Settings { letters, ..Settings::default() }
}

fn run<F: Future>(test: F) -> F::Output {
    let builder = &mut tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(test)
}

#[test]
fn only_post_to_the_root_is_heard() {
    run(async {
        let bench = Bench::new(utf8());
        for (method, uri) in [(Method::GET, "http://d/"), (Method::POST, "http://d/path")] {
            let mut request = Request::new(Bytes::new());
            *request.method_mut() = method;
            *request.uri_mut() = uri.parse().unwrap();
            assert_eq!(bench.terminal.send(request).await.unwrap().status(), 404);
        }
        for body in ["", "<request>", "<request><field>1</field></request>", "<other></other>"] {
            let answer = bench.post(body.to_owned()).await;
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            assert!(text.contains("<errorcode>4<"), "{body}: {text}");
        }
    });
}

#[test]
fn a_terminal_is_found_out_and_others_are_refused() {
    run(async {
        let bench = Bench::new(utf8());
        let found = bench.ask(&[(25, "26")]).await;
        assert_eq!((status(&found), field(&found, 27)), ("1", Some("00012345")));
        let other = bench.ask(&[(25, "26"), (27, "1")]).await;
        assert_eq!(status(&other), "16");
        assert_eq!(status(&bench.ask(&[(0, "1"), (25, "1")]).await), "16");
    });
}

#[test]
fn a_batch_is_undone_by_its_rules() {
    run(async {
        let bench = Bench::new(Settings { refund_needs_old_batch: true, ..utf8() });
        let sold = bench.sell("12500", "417").await;
        assert_eq!((status(&sold), field(&sold, 26)), ("1", Some("417")));
        let rrn = field(&sold, 14).unwrap().to_owned();
        for (code, kopecks, reference, want) in [
            ("29", "12500", rrn.as_str(), "16"), // the batch is open
            ("4", "12501", &rrn, "16"),
            ("4", "2500", &rrn, "16"), // a part needs the whole
            ("4", "12500", "607499999999", "16"),
            ("53", "12499", "", "16"),
            ("53", "12500", "", "1"),
            ("53", "12500", "", "16"), // twice
            ("4", "1", &rrn, "16"),
        ] {
            let answer = bench.undo(code, kopecks, reference).await;
            assert_eq!(status(&answer), want, "{code} {kopecks}: {answer}");
        }
        let sold = bench.sell("12500", "418").await;
        let rrn = field(&sold, 14).unwrap().to_owned();
        let part = [(0, "2500"), (1, "12500"), (14, &rrn), (25, "4"), (27, "00012345")];
        assert_eq!(status(&bench.ask(&part).await), "1");
        assert_eq!(status(&bench.ask(&[(25, "59"), (27, "00012345")]).await), "1");
        assert_eq!(status(&bench.undo("4", "10000", &rrn).await), "16");
        assert_eq!(status(&bench.undo("29", "10001", &rrn).await), "16");
        assert_eq!(status(&bench.undo("29", "10000", &rrn).await), "1");
        assert_eq!(status(&bench.undo("71", "5", "").await), "1");
        let kinds: Vec<_> = bench.terminal.bank().iter().map(|m| (m.kind, m.amount.0)).collect();
        use Kind::{Cancel, Pay, Refund};
        let all = [(Pay, 12_500), (Cancel, 12_500), (Pay, 12_500), (Cancel, 2_500)];
        assert_eq!(kinds, [&all[..], &[(Refund, 10_000), (Refund, 5)]].concat());
    });
}

#[test]
fn an_emergency_cancel_may_need_the_number() {
    run(async {
        let bench = Bench::new(Settings { emergency_checks_number: true, ..utf8() });
        bench.sell("100", "417").await;
        assert_eq!(status(&bench.undo("53", "100", "").await), "16");
        let named = [(0, "100"), (25, "53"), (26, "417"), (27, "00012345")];
        assert_eq!(status(&bench.ask(&named).await), "1");
    });
}

#[test]
fn qb11_one_operation_at_a_time_and_it_ends_without_its_client() {
    run(async {
        let bench = Bench::new(utf8());
        let gives_up = bench.clock.sleep(Duration::from_secs(1));
        let first = futures::future::select(Box::pin(bench.sell("100", "1")), gives_up).await;
        assert!(matches!(first, futures::future::Either::Right(_)));
        drop(first);
        let busy = bench.ask(&[(25, "26"), (27, "00012345")]).await;
        assert!(busy.contains("<errorcode>3<"), "{busy}");
        bench.clock.sleep(Duration::from_secs(5)).await;
        assert_eq!(bench.terminal.bank().len(), 1);
        assert_eq!(status(&bench.sell("200", "2").await), "1");
    });
}

#[test]
fn who_restarts_is_away_and_forgets_who_waits() {
    run(async {
        let bench = Bench::new(utf8());
        let restart = async {
            bench.clock.sleep(Duration::from_secs(1)).await;
            bench.terminal.restart(Duration::from_secs(30));
        };
        let (lost, ()) = futures::future::join(bench.sell("100", "1"), restart).await;
        assert_eq!(status(&lost), "0");
        assert!(bench.sell("100", "1").await.contains("<errorcode>13<"));
        bench.clock.sleep(Duration::from_secs(30)).await;
        assert_eq!(status(&bench.sell("300", "1").await), "1");
        assert_eq!(bench.terminal.bank()[0].amount, Kopecks(300));
    });
}

#[test]
fn qb11_steps_come_true() {
    run(async {
        let bench = Bench::new(utf8());
        for (decide, want, moved) in [
            (Decide::Approve, "1", 1),
            (Decide::Partial, "2", 1),
            (Decide::Offline, "17", 1),
            (Decide::decline(), "16", 0),
            (Decide::Abort, "53", 0),
            (Decide::NoLink, "34", 0),
            (Decide::Undefined { taken: true }, "0", 1),
            (Decide::Undefined { taken: false }, "0", 0),
        ] {
            let before = bench.terminal.bank().len();
            bench.terminal.push(Step::of(decide.clone()));
            assert_eq!(status(&bench.sell("100", "1").await), want, "{decide:?}");
            assert_eq!(bench.terminal.bank().len() - before, moved, "{decide:?}");
        }
        for (answer, want) in [
            (Answer::Half, (false, true)),
            (Answer::NoStatus, (true, false)),
            (Answer::Foreign, (true, true)),
            (Answer::Whole, (true, true)),
        ] {
            let before = bench.terminal.bank().len();
            bench.terminal.push(Step::heard(answer));
            let told = bench.sell("100", "1").await;
            let seen = (told.ends_with("</response>"), told.contains("<field id=\"39\">1<"));
            assert_eq!(seen, want, "{answer:?}: {told}");
            assert_eq!(bench.terminal.bank().len() - before, 1);
        }
    });
}

#[test]
fn reports_and_copies() {
    run(async {
        let bench = Bench::new(utf8());
        let report = |mode| vec![(25, "63"), (27, "00012345"), (65, mode)];
        let last = [(25, "63"), (27, "00012345"), (64, "1"), (65, "22")];
        assert_eq!(status(&bench.ask(&last).await), "16");
        assert!(bench.ask(&report("21")).await.contains("ОТЧЕТ ЗАВЕРШЕН"));
        let sold = bench.sell("125000", "1").await;
        let rrn = field(&sold, 14).unwrap().to_owned();
        let full = bench.ask(&report("21")).await;
        assert!(full.contains(&rrn) && full.contains("1'250.00"), "{full}");
        assert!(!bench.ask(&report("20")).await.contains(&rrn));
        let copy = bench.ask(&last).await;
        assert_eq!((field(&copy, 14), field(&copy, 34)), (Some(rrn.as_str()), Some("1")));
        let reconciled = bench.ask(&[(25, "59"), (27, "00012345")]).await;
        assert!(reconciled.contains("ИТОГИ СОВПАЛИ"), "{reconciled}");
        let again = bench.ask(&[(25, "59"), (27, "00012345")]).await;
        assert!(status(&again) == "1" && again.contains("ОТЧЕТ ЗАВЕРШЕН"), "{again}");
    });
}

#[test]
fn a_person_sees_the_tape_and_says_the_next_step() {
    run(async {
        let bench = Bench::new(Settings { control: true, ..utf8() });
        let call = async |method: &Method, path: &str, body: &'static str| {
            let mut request = Request::new(Bytes::from(body));
            *request.method_mut() = method.clone();
            *request.uri_mut() = format!("http://dualconnector:9015{path}").parse().unwrap();
            let answer = bench.terminal.send(request).await.unwrap();
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            (answer.status().as_u16(), text)
        };
        let step = r#"{"decide":"takenAndLost"}"#;
        assert_eq!(call(&Method::POST, "/sim/step", step).await, (200, "{}".to_owned()));
        assert_eq!(status(&bench.sell("12500", "417").await), "0");
        let (_, tape) = call(&Method::GET, "/sim/tape", "").await;
        assert!(tape.starts_with("ОПЛАТА, коп. 12500, номер 417: 0 ТАЙМАУТ"), "{tape}");
        assert!(tape.contains("  СУММА 125.00 RUB"), "{tape}");
        assert_eq!(call(&Method::POST, "/sim/step", r#"{"decide":"decline"}"#).await.0, 200);
        bench.sell("100", "418").await;
        let (lines, all) = bench.terminal.shown_since(1);
        let expected =
            ["ОПЛАТА, коп. 100, номер 418: 16 НЕДОСТАТОЧНО СРЕДСТВ", "  банк денег не двигал"];
        assert_eq!((lines, all), (expected.map(str::to_owned).to_vec(), 2));
        assert_eq!(bench.terminal.shown_since(2), (Vec::new(), 2));
        for (method, path, body, expected) in [
            (Method::POST, "/sim/step", r#"{"decide":"maybe"}"#, 400),
            (Method::POST, "/sim/step", r#"{"cardMs":3600001}"#, 400),
            (Method::GET, "/sim/step", "", 405),
            (Method::GET, "/sim/other", "", 404),
        ] {
            assert_eq!(call(&method, path, body).await.0, expected, "{path} {body}");
        }
        let silent = Bench::new(utf8());
        assert_eq!(status(&silent.sell("100", "1").await), "1");
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = "http://dualconnector:9015/sim/tape".parse().unwrap();
        assert_eq!(silent.terminal.send(request).await.unwrap().status(), 404);
    });
}
