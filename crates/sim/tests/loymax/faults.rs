//! What goes wrong when it is told to.

use std::time::Duration;

use http::{HeaderMap, Method};
use tillway_core::Kopecks;
use tillway_sim::loymax::house::{ClientId, Kind};
use tillway_sim::loymax::{Fault, Step};
use tillway_transport::{Cause, TransportError};

use crate::till::{Till, accrue, balance, calculate, message, pay};

fn cause(error: &TransportError) -> (bool, Cause) {
    match error {
        TransportError::NotSent { cause, .. } => (false, *cause),
        TransportError::Unknown { cause, .. } => (true, *cause),
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_do_not_come() {
    let till = Till::new();
    till.ask(&calculate("c1", "p")).await;
    let body = message(&pay("p1", "p", "100.00"));
    let rows = [
        (Fault::Refused, (false, Cause::Connect), 25_000),
        (Fault::LostBefore, (true, Cause::TimedOut), 25_000),
        (Fault::LostAfter, (true, Cause::TimedOut), 15_000),
    ];
    for (fault, expected, available) in rows {
        till.processing.push(Step::next(fault.clone()));
        let error = till.post(body.clone()).await.unwrap_err();
        assert_eq!(cause(&error), expected, "{fault:?}");
        let left = till.processing.house().available(ClientId::DEMO);
        assert_eq!(left, Some(Kopecks(available)), "{fault:?}");
    }
    let again = till.post(body).await.unwrap();
    assert!(String::from_utf8_lossy(again.body()).contains("PayAmount=\"87.50\""));
    let last = till.processing.journal().pop().unwrap();
    assert_eq!((last.commands[0].code, last.commands[0].done), (0, false));
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_wrong() {
    let till = Till::new();
    for (status, done, operations) in [(500, false, 0), (401, false, 0), (503, true, 1)] {
        till.processing.push(Step::next(Fault::Http { status, done }));
        let answer = till.post(message(&balance("b1", "2990000000019"))).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(till.processing.house().with(|store| store.operations.len()), operations);
    }
    let asked = async |fault: Fault, id: &str| {
        till.processing.push(Step::at(Kind::Calculate, fault));
        let answer = till.post(message(&calculate(id, "p"))).await.unwrap();
        String::from_utf8_lossy(answer.body()).into_owned()
    };
    let whole = till.ask(&calculate("w", "p")).await;
    let cut = asked(Fault::Truncated, "c1").await;
    assert!(cut.len() * 2 <= whole.len() + 8 && !cut.contains("</XMLResponse>"));
    let told = asked(Fault::Code(999), "c2").await;
    assert!(told.contains("<CalculateResponse ErrorCode=\"999\""), "{told}");
    let told = asked(Fault::MessageCode(101), "c3").await;
    assert!(told.contains("<ErrorCode>101</ErrorCode>") && !told.contains("Calculate"), "{told}");
    assert!(!asked(Fault::NoVersion, "c4").await.contains("Version>"));
    let told = asked(Fault::Reordered, "c5").await;
    assert!(told.find("PosID=\"2\"") < told.find("PosID=\"1\""), "{told}");
    let told = asked(Fault::Renumbered, "c6").await;
    assert!(told.contains("PosID=\"1001\"") && told.contains("PosID=\"1002\""), "{told}");
    assert!(!asked(Fault::NoCheque, "c7").await.contains("<Cheque>"));
    // What was answered with a number was not done: its id is free.
    assert_eq!(till.processing.journal().last().unwrap().fault, Some(Fault::NoCheque));
    assert!(till.ask(&calculate("c2", "p")).await.contains("CalculateResponse ErrorCode=\"0\""));
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_and_a_clock_of_its_own() {
    let till = Till::new();
    let qr = till.processing.house().with(|store| store.make_qr("2990000000019").text());
    assert!(till.ask(&balance("b1", &qr)).await.contains("BonusAmount=\"250.00\""));
    let before = tokio::time::Instant::now();
    till.processing.push(Step::next(Fault::Slow(Duration::from_secs(20))));
    till.ask(&balance("b2", &qr)).await;
    assert_eq!(before.elapsed(), Duration::from_secs(20));
    till.processing.push(Step::next(Fault::Skew(60_001)));
    let told = till.ask(&balance("b3", &qr)).await;
    assert!(
        told.contains("ErrorCode=\"201\" ErrorMessage=\"Срок действия QR-кода истёк\""),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn people_tell_it_what_goes_wrong() {
    let till = Till::new();
    let tell = async |path: &str, body: &'static str| {
        let answer = till.send(Method::POST, path, HeaderMap::new(), body).await.unwrap();
        (answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap())
    };
    let fault = "{\"fault\":\"http\",\"value\":500,\"at\":\"Accrue\"}";
    assert_eq!(tell("/sim/fault", fault).await.0, 200);
    assert_eq!(tell("/sim/fault", "{\"fault\":\"rain\"}").await.0, 400);
    till.ask(&balance("b1", "2990000000019")).await;
    assert_eq!(till.post(message(&accrue("d1", "p"))).await.unwrap().status(), 500);
    assert_eq!(tell("/sim/seed", "{\"seed\":1,\"permille\":1000}").await.0, 200);
    till.processing.forget_faults();
    let (_, qr) = tell("/sim/qr", "{\"card\":\"2990000000019\"}").await;
    assert!(till.ask(&balance("b2", qr.trim())).await.contains("250.00"));
    let rules = "{\"duplicates\":\"reject\",\"refundType\":\"bonusFirst\"}";
    assert_eq!(tell("/sim/rules", rules).await.0, 200);
    assert!(till.ask(&balance("b2", qr.trim())).await.contains("ErrorCode=\"207\""));
    assert_eq!(tell("/sim/rules", "{\"duplicates\":\"perhaps\"}").await.0, 400);
    assert_eq!(tell("/sim/clock", "{\"advanceMs\":60001}").await.0, 200);
    assert!(till.ask(&balance("b3", qr.trim())).await.contains("ErrorCode=\"201\""));
    let read = till.send(Method::GET, "/sim/tape", HeaderMap::new(), "").await.unwrap();
    let tape = String::from_utf8(read.body().to_vec()).unwrap();
    assert!(tape.contains("TILL-0007: Balance 0 200"), "{tape}");
    assert!(tape.contains("500 [Http { status: 500, done: false }]"), "{tape}");
    let read = till.send(Method::GET, "/sim/house", HeaderMap::new(), "").await.unwrap();
    assert!(String::from_utf8_lossy(read.body()).contains("79990000001: 250.00"));
}
