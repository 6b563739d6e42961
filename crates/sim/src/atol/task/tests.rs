#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use super::*;
use crate::atol::{Body, Fault, Phase, Point, Trouble, broken_rule};

/// 2026-03-02 12:41 on the wall.
const NOON: i64 = 1_772_455_260_000;
const HOUR: Duration = Duration::from_secs(3_600);

const SELL: &str = r#"{"type":"sell","taxationType":"osn","machineNumber":"0007",
 "ignoreNonFiscalPrintErrors":true,"operator":{"name":"Киоск 7"},
 "clientInfo":{"emailOrPhone":"guest@example.org"},
 "items":[
  {"type":"position","name":"Суп дня","price":190.00,"quantity":1,"amount":190.00,
   "tax":{"type":"vat22"},"paymentMethod":"fullPayment","paymentObject":"commodity",
   "measurementUnit":"piece"},
  {"type":"position","name":"Морс 0,3","price":85.00,"quantity":2,"amount":170.00,
   "tax":{"type":"vat22"},"paymentMethod":"fullPayment","paymentObject":"commodity",
   "measurementUnit":"piece"},
  {"type":"text","text":"Заказ К-42","alignment":"center","doubleHeight":true}],
 "payments":[{"type":"electronically","sum":360.00}],"total":360.00}"#;

fn register() -> Register {
    Register::new(Settings::default(), NOON)
}

fn run(register: &mut Register, text: &str) -> Result<String, i32> {
    process_json(register, text).map_err(|refusal| refusal.code.0)
}

/// A task without arguments.
fn plain(register: &mut Register, kind: &str) -> Result<String, i32> {
    run(register, &format!(r#"{{"type":"{kind}"}}"#))
}

/// An open shift at noon, on a register that is seconds later at each document.
fn at_work() -> Register {
    let mut register = register();
    plain(&mut register, "openShift").unwrap();
    register.advance(Duration::from_secs(7));
    register
}

/// Compares with a file of ours; `UPDATE=1` writes it anew.
fn golden(name: &str, text: &str) {
    let file = format!("{}/fixtures/atol/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = format!("{text}\n");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&file).unwrap(), "{name}");
}

#[test]
fn each_task_answers_as_the_note_says() {
    let mut register = register();
    let correction = SELL.replace("\"sell\"", "\"sellReturnCorrection\"").replacen(
        '{',
        r#"{"correctionType":"instruction","correctionBaseDate":"2026.03.01",
            "correctionBaseNumber":"17-4","#,
        1,
    );
    let cash_in = r#"{"type":"cashIn","cashSum":1000.50,"operator":{"name":"Анна"}}"#;
    let cash_out = r#"{"type":"cashOut","cashSum":0.50}"#;
    let tasks = [
        ("getShiftStatus closed", r#"{"type":"getShiftStatus"}"#),
        ("openShift", r#"{"type":"openShift","operator":{"name":"Киоск 7"}}"#),
        ("sell", SELL),
        ("sellReturn", &SELL.replace("\"sell\"", "\"sellReturn\"")),
        ("sellReturnCorrection", &correction),
        ("cashIn", cash_in),
        ("cashOut", cash_out),
        ("getShiftStatus opened", r#"{"type":"getShiftStatus"}"#),
        ("getShiftTotals", r#"{"type":"getShiftTotals"}"#),
        ("getDeviceInfo", r#"{"type":"getDeviceInfo"}"#),
        ("getDeviceStatus", r#"{"type":"getDeviceStatus"}"#),
        ("getFnInfo", r#"{"type":"getFnInfo"}"#),
        ("getFnStatus", r#"{"type":"getFnStatus"}"#),
        ("ofdExchangeStatus", r#"{"type":"ofdExchangeStatus"}"#),
        ("getRegistrationInfo", r#"{"type":"getRegistrationInfo"}"#),
        ("getFnDocument open", r#"{"type":"getFnDocument","fiscalDocumentNumber":1}"#),
        (
            "getFnDocument sell",
            r#"{"type":"getFnDocument","fiscalDocumentNumber":2,"withRawData":true}"#,
        ),
        ("getFnDocument correction", r#"{"type":"getFnDocument","fiscalDocumentNumber":4}"#),
        ("reportX", r#"{"type":"reportX","operator":{"name":"Анна"}}"#),
        ("nonFiscal", r#"{"type":"nonFiscal","items":[{"type":"text","text":"Купон"}]}"#),
        ("continuePrint", r#"{"type":"continuePrint"}"#),
        ("printLastReceiptCopy", r#"{"type":"printLastReceiptCopy"}"#),
        ("printFnDocument", r#"{"type":"printFnDocument","fiscalDocumentNumber":1}"#),
        ("reportOfdExchangeStatus", r#"{"type":"reportOfdExchangeStatus"}"#),
        (
            "validateMarks",
            r#"{"type":"validateMarks","params":[{"imc":"MDEwNA==","imcType":"auto"}]}"#,
        ),
        ("closeShift", r#"{"type":"closeShift","electronically":true}"#),
        ("setDateTime", r#"{"type":"setDateTime","dateTime":"2026.03.02 15:00:00"}"#),
    ];
    let mut said = Vec::new();
    for (name, task) in tasks {
        register.advance(Duration::from_secs(7));
        said.push(format!("{name}\n{}\n", process_json(&mut register, task).unwrap()));
    }
    golden("tasks.txt", &said.join("\n"));
    assert_eq!(broken_rule(&register), None);
}

/// What the driver refuses before it touches the register: 501 and the field.
#[test]
fn what_is_wrong_is_named_and_nothing_is_written() {
    let change = |from: &str, to: &str| {
        assert!(SELL.contains(from), "{from}");
        SELL.replacen(from, to, 1)
    };
    let rows = [
        (String::from("{"), ""),
        (String::from("[]"), "object"),
        (String::from("{}"), "\"type\" отсутствует"),
        (String::from(r#"{"type":"dance"}"#), "\"type\" (\"dance\")"),
        (String::from(r#"{"type":7}"#), "\"type\" (ожидается string)"),
        (change(r#""price":190.00"#, r#""price":190.001"#), "\"items[0].price\" (190.001)"),
        (change(r#""price":190.00"#, r#""price":"190""#), "\"items[0].price\" (ожидается number)"),
        (change(r#""price":190.00"#, r#""price":-1"#), "\"items[0].price\" (-1)"),
        (change(r#""price":190.00,"#, ""), "\"items[0].price\" отсутствует"),
        (change(r#""quantity":1"#, r#""quantity":0"#), "\"items[0].quantity\" (0)"),
        (change(r#""quantity":1"#, r#""quantity":0.0000001"#), "items[0].quantity"),
        (change("vat22", "vat21"), "\"items[0].tax.type\" (\"vat21\")"),
        (change("fullPayment", "later"), "items[0].paymentMethod"),
        (change("commodity", "soup"), "items[0].paymentObject"),
        (change("piece", "bucket"), "items[0].measurementUnit"),
        (change("\"osn\"", "\"usn\""), "taxationType"),
        (change("electronically", "crypto"), "payments[0].type"),
        (change("\"taxationType\"", "\"taxation\""), "Неизвестное поле \"taxation\""),
        (change("\"name\":\"Киоск 7\"", ""), "operator.name"),
        (change("\"alignment\":\"center\"", "\"alignment\":\"up\""), "items[2].alignment"),
        (change("\"total\":360.00", "\"total\":360.005"), "\"total\" (360.005)"),
        (String::from(r#"{"type":"sell","items":[]}"#), "items"),
        (String::from(r#"{"type":"cashIn"}"#), "cashSum"),
        (String::from(r#"{"type":"getFnDocument"}"#), "fiscalDocumentNumber"),
        (String::from(r#"{"type":"setDateTime","dateTime":"2026-03-02"}"#), "dateTime"),
        (String::from(r#"{"type":"getFnStatus","x":1}"#), "Неизвестное поле"),
        (change("\"sell\"", "\"sellCorrection\""), "correctionType"),
    ];
    let mut register = at_work();
    for (task, text) in rows {
        let refusal = process_json(&mut register, &task).unwrap_err();
        assert_eq!(refusal.code, Code::PARSE_ERROR, "{task}");
        assert!(refusal.text.contains(text), "{} should name {text}", refusal.text);
        assert_eq!(validate_json(&register, &task), Err(refusal));
    }
    assert_eq!(register.memory.last(), 1);
    assert_eq!(validate_json(&register, SELL), Ok(()));
    let status = validate_json(&register, r#"{"type":"getFnStatus"}"#).unwrap_err();
    assert_eq!(status.code, Code::VALIDATE_FUNC_NOT_FOUND);
    register.settings.unknown_fields_refused = false;
    run(&mut register, r#"{"type":"getFnStatus","x":1}"#).unwrap();
}

#[test]
fn a_receipt_that_is_too_large_is_refused_before_it_is_sent() {
    let position = r#"{"type":"position","name":"ИМЯ","price":1,"quantity":1,"amount":1}"#;
    let many = |count: usize| {
        let items = vec![position.replace("ИМЯ", &"я".repeat(128)); count].join(",");
        let paid = format!(r#"[{{"type":"cash","sum":{count}}}]"#);
        format!(r#"{{"type":"sell","items":[{items}],"payments":{paid}}}"#)
    };
    let mut register = at_work();
    run(&mut register, &many(137)).unwrap();
    assert_eq!(run(&mut register, &many(139)), Err(501));
    assert_eq!(register.memory.last(), 2);
}

/// What the register refuses, and annuls.
#[test]
fn what_the_register_refuses() {
    let rows = [
        (r#""sum":360.00"#, r#""sum":359.99"#, 66),
        (r#""sum":360.00"#, r#""sum":360.01"#, 52),
        (r#""total":360.00"#, r#""total":358.00"#, 227),
        (r#""total":360.00"#, r#""total":360.01"#, 227),
        (r#""amount":190.00"#, r#""amount":190.01"#, 13),
        ("Суп дня", &"я".repeat(129), 13),
        ("\"osn\"", "\"patent\"", 143),
        ("vat22", "vat118", 144),
        ("electronically", "7", 60),
    ];
    let mut register = at_work();
    for (from, to, code) in rows {
        let task = SELL.replacen(from, to, 1);
        assert_eq!(run(&mut register, &task), Err(code), "{to}");
        assert!(register.open().is_none(), "{to}: annulled");
    }
    assert_eq!(register.memory.last(), 1, "nothing is fiscal");
    let cash_back = SELL.replace("\"sell\"", "\"sellReturn\"").replace("electronically", "cash");
    assert_eq!(run(&mut register, &cash_back), Err(80));
    // A few kopecks off the total are rounding, and cash may exceed it.
    let rounded = SELL.replace("\"total\":360.00", "\"total\":359.50");
    assert_eq!(run(&mut register, &rounded), Err(52), "cards pay no more than the total");
    run(&mut register, &rounded.replace("electronically", "cash")).unwrap();
    assert_eq!(broken_rule(&register), None);
}

#[test]
fn a_driver_without_vat22_refuses_it_as_unknown() {
    let mut register = at_work();
    register.settings.driver_rates.retain(|rate| rate != "vat22");
    assert_eq!(run(&mut register, SELL), Err(501));
    let mut old_firmware = at_work();
    old_firmware.settings.rates.retain(|rate| rate != "vat22");
    assert_eq!(run(&mut old_firmware, SELL), Err(144));
}

#[test]
fn shifts_open_close_and_expire() {
    let mut register = register();
    assert_eq!(plain(&mut register, "closeShift"), Err(73));
    plain(&mut register, "openShift").unwrap();
    assert_eq!(plain(&mut register, "openShift"), Err(83));
    register.advance(HOUR * 24);
    assert!(plain(&mut register, "getShiftStatus").unwrap().contains(r#""state":"expired""#));
    assert_eq!(run(&mut register, SELL), Err(68));
    let clock = r#"{"type":"setDateTime","dateTime":"2026.03.03 15:00:00"}"#;
    assert_eq!(run(&mut register, clock), Err(83));
    let closed = plain(&mut register, "closeShift").unwrap();
    assert!(closed.contains(r#""receiptsCount":0"#), "{closed}");
    let sold = run(&mut register, SELL).unwrap();
    assert!(sold.contains(r#""shiftAutoOpened":true"#), "{sold}");
    let mut strict = Register::new(Settings { opens_shift: false, ..Settings::default() }, NOON);
    assert_eq!(run(&mut strict, SELL), Err(73));
}

/// A task annuls what a program left open (4.3).
#[test]
fn a_task_annuls_what_is_open() {
    let mut register = at_work();
    register.open_receipt(crate::atol::Sale { kind: 1, ..Default::default() }).unwrap();
    run(&mut register, SELL).unwrap();
    assert_eq!(register.memory.last(), 2);
    register.open_receipt(crate::atol::Sale { kind: 1, ..Default::default() }).unwrap();
    plain(&mut register, "getShiftStatus").unwrap();
    assert!(register.open().is_some(), "a question annuls nothing");
    plain(&mut register, "closeShift").unwrap();
    assert_eq!(broken_rule(&register), None);
}

/// The fault table (10.3) as a task sees it: what it answers, how many receipts there are.
#[test]
fn faults_at_every_point_of_a_sale() {
    use Point::{P0, P1, P2, P3, P4, P5, P6};
    let (paper, power) = (Fault::Paper, Fault::Power);
    let link = Fault::Link { calls: 1 };
    let rows = [
        (P0, paper, Err(44), 0),
        (P1, paper, Err(44), 0),
        (P2, paper, Err(44), 0),
        (P3, paper, Err(44), 0),
        (P4, paper, Ok("notPrinted"), 1),
        (P5, paper, Ok("notPrinted"), 1),
        (P6, paper, Ok("fiscalParams"), 1),
        (P0, link, Err(2), 0),
        (P1, link, Err(2), 0),
        (P2, link, Err(241), 0),
        (P3, link, Err(241), 0),
        (P4, link, Err(241), 1),
        (P5, link, Err(241), 1),
        (P6, link, Err(241), 1),
        (P6, Fault::Link { calls: 0 }, Ok("fiscalParams"), 1),
        (P3, Fault::Link { calls: 0 }, Err(241), 0),
        (P0, power, Err(2), 0),
        (P2, power, Err(241), 0),
        (P3, power, Err(241), 0),
        (P4, power, Err(241), 1),
        (P5, power, Err(241), 1),
        (P6, power, Err(241), 1),
        (P3, Fault::Memory { signed: true }, Err(115), 1),
        (P3, Fault::Memory { signed: false }, Err(115), 0),
    ];
    for (point, fault, says, receipts) in rows {
        let mut register = at_work();
        register.inject_when(Trouble { task: Some("sell".into()), ..Trouble::once(point, fault) });
        plain(&mut register, "reportX").unwrap();
        let said = run(&mut register, SELL);
        match (&said, says) {
            (Ok(text), Ok(word)) => assert!(text.contains(word), "{point:?} {fault:?}: {text}"),
            (said, says) => assert_eq!(said.clone().err(), says.err(), "{point:?} {fault:?}"),
        }
        register.link(true);
        register.power(false);
        register.power(true);
        register.printer.paper = 1_000;
        let is_receipt = |d: &&crate::atol::Document| matches!(d.body, Body::Receipt(_));
        let written = register.memory.documents().filter(is_receipt).count();
        assert_eq!(written, receipts, "{point:?} {fault:?}");
        plain(&mut register, "continuePrint").unwrap();
        run(&mut register, SELL).unwrap();
        assert_eq!(broken_rule(&register), None, "{point:?} {fault:?}");
    }
}

#[test]
fn an_unfinished_print_keeps_every_document_back() {
    let rows = [("sell", 177), ("openShift", 175), ("closeShift", 32)];
    for (kind, code) in rows {
        let mut register = if kind == "openShift" { register() } else { at_work() };
        register.inject(Point::P4, Fault::Paper);
        let task = if kind == "sell" { SELL.to_owned() } else { format!(r#"{{"type":"{kind}"}}"#) };
        let said = run(&mut register, &task).unwrap();
        assert!(said.contains(r#""notPrinted":true"#), "{said}");
        for next in [SELL, r#"{"type":"reportX"}"#] {
            assert_eq!(run(&mut register, next), Err(code), "{kind}");
        }
        plain(&mut register, "getFnStatus").unwrap();
        assert_eq!(plain(&mut register, "continuePrint"), Err(44));
        register.printer.paper = 1_000;
        assert_eq!(plain(&mut register, "continuePrint"), Ok(String::new()));
        assert_eq!(broken_rule(&register), None);
    }
}

#[test]
fn the_memory_says_what_it_has() {
    let mut register = at_work();
    run(&mut register, SELL).unwrap();
    let ask = |number| format!(r#"{{"type":"getFnDocument","fiscalDocumentNumber":{number}}}"#);
    assert_eq!(run(&mut register, &ask(3)), Err(123));
    assert!(run(&mut register, &ask(2)).unwrap().contains(r#""1059""#));
    register.memory.online = true;
    register.advance(HOUR * 24 * 31);
    let short = run(&mut register, &ask(2)).unwrap();
    assert!(short.contains(r#""short":true"#) && !short.contains(r#""1059""#), "{short}");
    register.memory.phase = Phase::Missing;
    assert_eq!(plain(&mut register, "getFnStatus"), Err(166));
    assert!(plain(&mut register, "getDeviceStatus").unwrap().contains(r#""fnPresent":false"#));
}

#[test]
fn a_field_that_was_not_read_is_missing() {
    let mut register = at_work();
    register.settings.unread_fields = vec!["fiscalDocumentSign".into(), "total".into()];
    let sold = run(&mut register, SELL).unwrap();
    assert!(!sold.contains("fiscalDocumentSign") && !sold.contains("total"), "{sold}");
    assert!(sold.contains(r#""fiscalDocumentNumber":2"#));
}

#[test]
fn marks_are_checked_as_far_as_a_till_sees() {
    let mut register = at_work();
    register.settings.refused_marks.push("YmFk".into());
    let marked = |mark: &str| {
        let params = format!(r#""imcParams":{{"imc":"{mark}","imcType":"auto"}},"name":"Суп дня""#);
        SELL.replacen(r#""name":"Суп дня""#, &params, 1).replacen(
            '{',
            r#"{"validateMarkingCodes":true,"#,
            1,
        )
    };
    run(&mut register, &marked("Z29vZA==")).unwrap();
    assert_eq!(run(&mut register, &marked("YmFk")), Err(406));
    assert_eq!(run(&mut register, &marked("not base64")), Err(501));
    register.settings.marking_online = false;
    assert_eq!(run(&mut register, &marked("Z29vZA==")), Err(402));
    register.settings.marking_online = true;
    let begin = r#"{"type":"validateMarks","waitForResult":false,"params":[{"imc":"YmFk"}]}"#;
    assert_eq!(plain(&mut register, "getMarkingCodeValidationStatus"), Err(420));
    let said = run(&mut register, begin).unwrap();
    assert!(said.contains(r#""imcCheckResult":false"#), "{said}");
    plain(&mut register, "getMarkingCodeValidationStatus").unwrap();
    plain(&mut register, "declineMarkingCode").unwrap();
    assert_eq!(plain(&mut register, "acceptMarkingCode"), Err(420));
    run(&mut register, r#"{"type":"addMarksToBuffer","params":[{"imc":"Z29vZA=="}]}"#).unwrap();
    for task in ["clearMarkingCodeValidationResult", "pingIsm", "checkMarkingCodeValidationsReady"]
    {
        plain(&mut register, task).unwrap();
    }
    register.settings.format = "1.05".into();
    assert_eq!(plain(&mut register, "pingIsm"), Err(11));
}

#[test]
fn a_mark_is_sold_by_a_sale_and_comes_back_by_a_return() {
    let marked = |kind: &str, status: &str, checked: bool| {
        let params = format!(r#""imcParams":{{"imc":"Z29vZA=="{status}}},"name":"Суп дня""#);
        let kind = format!(r#""type":"{kind}","validateMarkingCodes":{checked}"#);
        let task = SELL.replacen(r#""name":"Суп дня""#, &params, 1);
        task.replacen(r#""type":"sell""#, &kind, 1)
    };
    let rows = [
        ("itemPieceSold", Ok(()), Err(406)),
        ("itemDryForSale", Ok(()), Err(406)),
        ("itemPieceReturn", Err(406), Ok(())),
        ("itemDryReturn", Err(406), Ok(())),
        ("itemStatusUnchanged", Ok(()), Ok(())),
    ];
    for (status, sale, back) in rows {
        let status = format!(r#","itemEstimatedStatus":"{status}""#);
        for (kind, expected) in [("sell", sale), ("sellReturn", back)] {
            for checked in [true, false] {
                let mut register = at_work();
                let before = register.memory.last();
                let done = run(&mut register, &marked(kind, &status, checked)).map(drop);
                assert_eq!(done, expected, "{kind} {status} {checked}");
                let written = u32::from(expected.is_ok());
                assert_eq!(register.memory.last(), before + written, "{kind} {status} {checked}");
            }
        }
    }
    run(&mut at_work(), &marked("sell", "", true)).unwrap();
}

#[test]
fn what_is_known_and_not_imitated_says_so() {
    let mut register = register();
    for task in NOT_IMITATED {
        assert_eq!(plain(&mut register, task), Err(11), "{task}");
    }
    assert!(is_fiscal("closeArchive") && is_fiscal("buyReturnCorrection") && !is_fiscal("reportX"));
}

#[test]
fn without_a_link_nothing_answers() {
    let mut register = at_work();
    register.link(false);
    let tasks = ["getShiftStatus", "getFnStatus", "openShift", "continuePrint", "pingIsm"];
    for task in tasks {
        assert_eq!(plain(&mut register, task), Err(2), "{task}");
    }
    assert_eq!(run(&mut register, SELL), Err(2));
    assert_eq!(run(&mut register, "{"), Err(501), "this is seen without a register");
}
