//! A day of a register, over every generation of the web server.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use futures::executor::block_on;
use support::house::{House, Plan};
use support::{receipt, sale};
use tillway_atol::{Credentials, Generation as Found, WebConfig};
use tillway_core::fiscal::{
    Basis, BasisKind, DocumentKind, Mark, Operator, Receipt, ReceiptKind, Registered, Tender,
};
use tillway_core::money::Kopecks;
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome, ShiftState, Slip, SlipItem};
use tillway_core::time::Timestamp;
use tillway_sim::atol::web::Generation;
use tillway_sim::atol::{Body, Code, Print};

fn each(test: impl Fn(Generation)) {
    for generation in Generation::ALL {
        test(generation);
    }
}

#[test]
fn the_generation_is_found_and_the_device_is_known() {
    each(|generation| {
        let house = House::new(generation);
        let device = block_on(house.register.probe()).unwrap();
        let v1 = generation.is_v1();
        assert_eq!(house.register.generation(), Some(if v1 { Found::V1 } else { Found::V2 }));
        assert_eq!((&*device.model, &*device.memory), ("ATOL SIM", "9999078900001234"));
        assert_eq!((&*device.serial, device.width), ("00106500000001", Some(42)));
        assert_eq!(&*device.driver, if v1 { "" } else { "10.10.8.0" }, "{generation:?}");
        assert_eq!(house.register.capabilities().format.as_deref(), Some("1.2"));
    });
}

#[test]
fn a_day_of_a_kiosk() {
    each(|generation| {
        let house = House::new(generation);
        let register = &house.register;
        let shift = || block_on(register.shift()).unwrap();
        assert_eq!(shift().state, ShiftState::Closed);
        let operator = Operator { name: "Иванова Ёлка".into(), vatin: None };
        assert_eq!(house.written(&Fiscal::OpenShift(Some(operator.clone()))), 1);
        assert_eq!((shift().state, shift().number), (ShiftState::Open, 1));

        assert_eq!(house.sell(36_000), 2);
        let back = Fiscal::Receipt(Box::new(receipt(ReceiptKind::SellReturn, 10_050)));
        assert_eq!(house.written(&back), 3);
        let basis = Basis { kind: BasisKind::Own, date: (2026, 3, 1), number: Some("К-7".into()) };
        let late = Receipt { basis: Some(basis), ..receipt(ReceiptKind::Sell, 700) };
        assert_eq!(house.written(&Fiscal::Receipt(Box::new(late))), 4);
        assert_eq!(house.written(&Fiscal::Exchange(None)), 5);

        let totals = block_on(register.totals()).unwrap();
        let sim = house.sim(|register| register.totals().clone());
        assert_eq!((totals.shift, totals.sell.sum), (1, sim.kinds[0].sum), "{generation:?}");
        assert_eq!(totals.sell_return.sum, Kopecks(10_050));
        assert_eq!(totals.sell_return.count, sim.kinds[1].count);
        assert_eq!(totals.sell.paid[0].tender, Tender::Card);
        block_on(register.report_x(Some(&operator))).unwrap();
        assert_eq!(block_on(register.exchange()).unwrap().unsent, 0);
        let status = block_on(register.status()).unwrap();
        assert!(status.paper && status.fiscal && status.memory && !status.cover_open);

        let sold = block_on(register.document(2)).unwrap().unwrap();
        assert_eq!(sold.kind, DocumentKind::Receipt(ReceiptKind::Sell));
        assert_eq!((sold.total, sold.shift), (Some(Kopecks(36_000)), Some(1)));
        let signed = house.sim(|register| register.memory.document(2).unwrap().sign);
        assert_eq!(sold.sign, Some(signed));
        assert_eq!(block_on(register.document(99)).unwrap(), None);

        assert_eq!(house.written(&Fiscal::CloseShift(Some(operator))), 6);
        assert_eq!((shift().state, shift().number), (ShiftState::Closed, 1));
        house.check();
    });
}

#[test]
fn what_a_register_tells_of_a_receipt_is_what_its_memory_has() {
    each(|generation| {
        let house = House::open(generation);
        let attempt = house.attempt();
        let outcome = house.register(&attempt, &sale(36_005));
        let told = match outcome {
            FiscalOutcome::Written(document) => document,
            other => panic!("{other:?}"),
        };
        let kept = block_on(house.register.document(told.number)).unwrap().unwrap();
        assert_eq!((told.kind, told.number, told.sign), (kept.kind, kept.number, kept.sign));
        assert_eq!((told.total, told.shift, told.receipt), (kept.total, kept.shift, kept.receipt));
        assert_eq!(told.at, kept.at);
        assert_eq!(tillway_core::fiscal::qr(&told), {
            let (memory, registration) = (told.memory.clone(), told.registration.clone());
            tillway_core::fiscal::qr(&Registered { memory, registration, ..kept })
        });
    });
}

#[test]
fn f21_shifts_open_expire_and_close_once() {
    each(|generation| {
        let house = House::new(generation);
        assert_eq!(house.refused(&sale(100)).cause, Cause::ShiftClosed);
        assert_eq!(house.refused(&Fiscal::CloseShift(None)).cause, Cause::ShiftClosed);
        house.written(&Fiscal::OpenShift(None));
        assert_eq!(house.refused(&Fiscal::OpenShift(None)).cause, Cause::ShiftOpen);
        house.sell(100);
        house.wait(Duration::from_secs(24 * 3_600));
        assert_eq!(block_on(house.register.shift()).unwrap().state, ShiftState::Expired);
        assert_eq!(house.refused(&sale(200)).cause, Cause::ShiftExpired);
        let receipts = house.attempt();
        match house.register(&receipts, &Fiscal::CloseShift(None)) {
            FiscalOutcome::Written(closed) => {
                assert_eq!((closed.receipts, closed.shift), (Some(1), Some(1)), "{generation:?}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(house.refused(&Fiscal::CloseShift(None)).cause, Cause::ShiftClosed);
        house.written(&Fiscal::OpenShift(None));
        house.sell(200);
        let kinds: Vec<_> = house.sim(|register| {
            let documents = register.memory.documents();
            documents.map(|document| matches!(document.body, Body::Receipt(_))).collect()
        });
        assert_eq!(kinds, [false, true, false, false, true]);
        house.check();
    });
}

#[test]
fn the_shift_may_expire_between_the_question_and_the_receipt() {
    for code in [Code::SHIFT_EXPIRED, Code::FN_SHIFT_EXPIRED] {
        let mut plan = Plan::new(Generation::V2WebRequests);
        plan.settings.expired_code = code;
        // The answer to the question leaves at 24 hours less a second; the receipt prints longer.
        let house = plan.build();
        house.written(&Fiscal::OpenShift(None));
        let attempt = house.attempt();
        let opened = house.sim(|register| register.shift().opened.unwrap());
        let now = house.sim(|register| register.now());
        let rest = opened + 24 * 3_600 * 1_000 - now - 1_000;
        house.wait(Duration::from_millis(u64::try_from(rest).unwrap()));
        let outcome = house.register(&attempt, &sale(100));
        match outcome {
            FiscalOutcome::NotWritten(error) => {
                assert_eq!((error.cause, error.code), (Cause::ShiftExpired, Some(code.0)));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(house.receipts(), []);
    }
}

#[test]
fn prints_that_are_not_fiscal() {
    each(|generation| {
        let house = House::open(generation);
        house.sell(100);
        let items = vec![
            SlipItem::Title("Заказ К-42".into()),
            SlipItem::Text("Суп дня   190,00 ё 🍲".into()),
            SlipItem::Cut,
            SlipItem::Qr("https://example.org".into()),
            SlipItem::Barcode("4600000000017".into()),
        ];
        block_on(house.register.print(&Slip { items })).unwrap();
        block_on(house.register.print_again(2)).unwrap();
        let printed: Vec<_> = house.sim(|register| {
            let tape = register.printer.tape().iter();
            tape.map(|piece| piece.of).skip(2).collect()
        });
        assert_eq!(printed, [Print::Text, Print::Text, Print::Copy(2)], "{generation:?}");
        assert_eq!(block_on(house.register.print_again(99)).unwrap_err().code, Some(123));
        block_on(house.register.continue_print()).unwrap();
        block_on(house.register.annul_receipt()).unwrap();
        assert_eq!(house.mark().last, 2);
        house.written(&Fiscal::CloseShift(None));
        let refused = block_on(house.register.report_x(None)).unwrap_err();
        assert_eq!(refused.cause, Cause::ShiftClosed);
    });
}

#[test]
fn nothing_to_print_on_is_done() {
    let mut plan = Plan::new(Generation::V2Java);
    plan.settings.nothing_to_print_is_81 = true;
    let house = plan.build();
    block_on(house.register.continue_print()).unwrap();
}

#[test]
fn f20_a_shared_register_has_the_attempt_in_its_receipts() {
    each(|generation| {
        let mut plan = Plan::new(generation);
        plan.adapter.shared = true;
        let house = plan.build();
        assert!(house.register.capabilities().operations);
        house.written(&Fiscal::OpenShift(None));
        let attempt = house.attempt();
        house.register(&attempt, &sale(100));
        let kept = block_on(house.register.document(2)).unwrap().unwrap();
        assert_eq!(kept.operation, Some(tillway_atol::task::operation(attempt.id)));
    });
}

#[test]
fn a_driver_that_does_not_know_22_percent_is_told_so() {
    let mut plan = Plan::new(Generation::V2WebRequests);
    plan.settings.driver = "10.10.7.0".into();
    plan.settings.driver_rates.retain(|rate| !rate.ends_with("22"));
    plan.adapter.rates = None;
    let house = plan.build();
    house.written(&Fiscal::OpenShift(None));
    let mut lunch = receipt(ReceiptKind::Sell, 100);
    lunch.lines[0].vat = tillway_core::fiscal::VatRate::Vat22;
    let refused = house.refused(&Fiscal::Receipt(Box::new(lunch.clone())));
    assert_eq!(&*refused.text, "lines[0].vat: the register does not know the rate vat22");

    // Somebody says that it does: the driver refuses before it touches the register.
    let mut plan = Plan::new(Generation::V2WebRequests);
    plan.settings.driver_rates.retain(|rate| !rate.ends_with("22"));
    let house = plan.build();
    house.written(&Fiscal::OpenShift(None));
    let refused = house.refused(&Fiscal::Receipt(Box::new(lunch)));
    assert_eq!((refused.cause, refused.code), (Cause::BadTask, Some(501)));
}

#[test]
fn users_and_devices() {
    let newest = Generation::V2WebRequests;
    let with = |change: fn(&mut WebConfig)| {
        let mut plan = Plan::new(newest);
        change(&mut plan.adapter);
        plan.build()
    };
    let house = with(|config| config.credentials = Some(Credentials::new("kiosk", "wrong")));
    assert_eq!(block_on(house.register.shift()).unwrap_err().cause, Cause::Setup);
    let (memory, at) = ("9999078900001234".into(), Timestamp::default());
    let before = Mark { memory, last: 0, at, operations: None };
    for what in [Fiscal::OpenShift(None), sale(100)] {
        match house.register(&support::attempt(7, before.clone()), &what) {
            FiscalOutcome::NotWritten(error) => assert_eq!(error.cause, Cause::Setup),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(house.sim(|register| register.memory.last()), 0);
    let house = with(|config| config.credentials = None);
    assert_eq!(block_on(house.register.probe()).unwrap_err().cause, Cause::Setup);
    let house = with(|config| {
        config.device = Some(tillway_atol::DeviceId::try_new("kiosk2").unwrap());
    });
    assert_eq!(block_on(house.register.shift()).unwrap_err().cause, Cause::Setup);
    let house = with(|config| config.device = None);
    assert!(block_on(house.register.shift()).is_ok(), "the default device");
}
