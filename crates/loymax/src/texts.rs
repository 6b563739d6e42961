//! Words on paper, in Russian, and the marks of codes in messages (loymax.md 11).

use tillway_core::loyalty::print::{Labels, Markers, SlipSource, Style};

/// How a till prints unless its owner says otherwise: slips of its own, Russian words,
/// `[[BARCODE:…]]` and `[[QR:…]]`. Every part can be replaced.
pub fn style() -> Style {
    Style { slips: SlipSource::Till, markers: Markers::default(), labels: labels() }
}

fn labels() -> Labels {
    Labels {
        payment: "СПИСАНИЕ БАЛЛОВ".into(),
        refund: "ВОЗВРАТ БАЛЛОВ".into(),
        till: "Касса".into(),
        cashier: "Кассир".into(),
        card: "Карта".into(),
        amount: "Сумма".into(),
        points: "Баллы".into(),
        transaction: "Операция".into(),
        authorisation: "Код авторизации".into(),
        balance: "Баланс".into(),
        until: "Действует до".into(),
        card_facts: vec!["MaskedNumber".into()],
    }
}
