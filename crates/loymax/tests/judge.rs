//! Answers that are not as they should be.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use tillway_core::port::processing::{Class, Kind, Outcome};
use tillway_loymax::wire::{self, WireError};
use tillway_loymax::{Dialect, judge};

use support::{dialect, sealed};

fn outcome(kind: Kind, xml: &str) -> Outcome {
    judge::outcome(&dialect(), &sealed(kind), xml.as_bytes())
}

fn in_doubt(kind: Kind, xml: &str) -> bool {
    matches!(outcome(kind, xml), Outcome::InDoubt(_))
}

fn payment(attributes: &str, inside: &str) -> String {
    format!(
        "<XMLResponse><ErrorCode>0</ErrorCode><Payments><PaymentResponse {attributes}>{inside}\
         </PaymentResponse></Payments></XMLResponse>"
    )
}

#[test]
fn only_an_explicit_yes_is_a_yes() {
    assert!(matches!(outcome(Kind::Pay, &payment("ErrorCode='0'", "")), Outcome::Done(_)));
    for xml in [
        payment("", ""),
        payment("ErrorCode=''", ""),
        payment("ErrorCode='Ok'", ""),
        payment("ErrorCode='101'", ""),
        payment("ErrorCode='0' Amount='a lot'", ""),
        "<XMLResponse><ErrorCode>0</ErrorCode></XMLResponse>".to_owned(),
        payment("ErrorCode='0'", "").replace("</Payments>", "</Payments><ErrorCode>1</ErrorCode>"),
        "<XMLResponse/>".to_owned(),
        "<html/>".to_owned(),
        String::new(),
    ] {
        assert!(in_doubt(Kind::Pay, &xml), "{xml}");
    }
    assert!(in_doubt(Kind::Confirm, &payment("ErrorCode='0'", "")), "an answer to another command");
    let refused = payment("ErrorCode='0'", "").replace("<ErrorCode>0", "<ErrorCode>204");
    let Outcome::Refused(refusal) = outcome(Kind::Pay, &refused) else { panic!() };
    assert_eq!(refusal.class, Class::TooMuch);
}

#[test]
fn every_cut_of_an_answer_is_in_doubt() {
    let whole = payment("ErrorCode='0' Amount='100.00'", "<ChequeMessage>Чай</ChequeMessage>");
    assert!(matches!(outcome(Kind::Pay, &whole), Outcome::Done(_)));
    for end in 0..whole.len() {
        let cut = judge::outcome(&dialect(), &sealed(Kind::Pay), &whole.as_bytes()[..end]);
        assert!(matches!(cut, Outcome::InDoubt(_)), "{end}: {cut:?}");
    }
}

#[test]
fn a_reply_is_found_by_its_operation() {
    let ours = sealed(Kind::Pay).id;
    let reply =
        |id: &str, code: u32| format!("<PaymentResponse OperationID='{id}' ErrorCode='{code}'/>");
    let batch = |replies: &str| {
        format!("<XMLResponse><ErrorCode>0</ErrorCode><Payments>{replies}</Payments></XMLResponse>")
    };
    let both = batch(&(reply("ff", 204) + &reply(&ours.to_string().to_uppercase(), 0)));
    assert!(matches!(outcome(Kind::Pay, &both), Outcome::Done(_)));
    assert!(matches!(outcome(Kind::Pay, &batch(&reply("ff", 0))), Outcome::Done(_)));
    assert!(in_doubt(Kind::Pay, &batch(&(reply("ff", 0) + &reply("fe", 0)))));
}

fn lines(inside: &str) -> Option<Vec<(u32, i64)>> {
    let xml = payment("ErrorCode='0'", &format!("<Cheque>{inside}</Cheque>"));
    let Outcome::Done(answer) = outcome(Kind::Pay, &xml) else { return None };
    let lines = answer.lines.iter();
    Some(lines.map(|line| (line.position, line.paid.unwrap_or_default().0)).collect())
}

#[test]
fn lines_are_told_by_position_or_by_what_they_are() {
    let tea = |position: u32| {
        format!(
            "<ChequeLine PosID='{position}' GoodsId='SKU-1001' Quantity='2' Amount='270' \
             Discount='30.00' PayAmount='87.50'/>"
        )
    };
    let cheese = |position: u32| {
        format!(
            "<ChequeLine PosID='{position}' Barcode='4600000000015' Quantity='1.250' \
             Amount='100.00' PayAmount='12.50'/>"
        )
    };
    let (first, second) = ((1, 8_750), (2, 1_250));
    assert_eq!(lines(&(tea(1) + &cheese(2))), Some(vec![first, second]));
    assert_eq!(lines(&(cheese(2) + &tea(1))), Some(vec![second, first]));
    assert_eq!(lines(&(cheese(1) + &tea(2))), Some(vec![second, first]), "renumbered");
    assert_eq!(lines(&(tea(10) + &cheese(11))), Some(vec![first, second]), "renumbered");
    assert_eq!(lines("<ChequeLine PosID='2' PayAmount='12.50'/>"), Some(vec![second]));
    assert_eq!(lines(&(tea(1) + &tea(1))), None, "twice");
    assert_eq!(lines(&tea(3).replace("SKU-1001", "SKU-1002")), None, "not sent");
    assert_eq!(lines("<ChequeLine PosID='3' PayAmount='1.00'/>"), None, "nothing to tell it by");
}

#[test]
fn unknown_parts_are_passed_over() {
    let inside = "<GiftCertificates><Cheque><ChequeLine PosID='x'/></Cheque></GiftCertificates>\
        <!-- --><ChequeMessage><![CDATA[a & b]]>\r\n&lt;c&gt;</ChequeMessage>";
    let xml = payment("ErrorCode='0' New='1'", inside).replace("<Payments", "<x:y/><Payments");
    let Outcome::Done(answer) = outcome(Kind::Pay, &xml) else { panic!("{xml}") };
    assert_eq!(answer.for_receipt.as_ref(), "a & b\n<c>");
    assert!(answer.lines.is_empty());
}

#[test]
fn an_answer_has_limits() {
    let read = |xml: &str| wire::read(&Dialect::default(), xml.as_bytes()).unwrap_err();
    let nested = |depth: usize| {
        let (open, close) = ("<a>".repeat(depth), "</a>".repeat(depth));
        format!("<XMLResponse>{open}{close}</XMLResponse>")
    };
    assert!(wire::read(&Dialect::default(), nested(15).as_bytes()).is_ok());
    assert_eq!(read(&nested(16)), WireError::TooMany);
    let many = format!("<XMLResponse>{}</XMLResponse>", "<a/>".repeat(50_000));
    assert_eq!(read(&many), WireError::TooMany);
    assert_eq!(read(&" ".repeat(wire::ANSWER_BYTES_MAX + 1)), WireError::TooLong);
    let entity = "<!DOCTYPE a [<!ENTITY b \"c\">]><XMLResponse/>";
    assert_eq!(read(entity), WireError::Entity);
    assert_eq!(read("<XMLResponse><ErrorMessage>&b;</ErrorMessage></XMLResponse>"), {
        WireError::Entity
    });
    assert_eq!(read("<XMLResponse a='&b;'/>"), WireError::Entity);
    assert_eq!(read("<XMLResponse/><XMLResponse/>"), WireError::Syntax);
}

#[test]
fn nothing_personal_is_shown() {
    let shown = format!("{:?} {:?}", support::operation(Kind::Card), sealed(Kind::Pay));
    for secret in ["79990000001", "2990000000026", "SPRING-20", "2990000000019"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
