//! What must not stand in a text that is kept: phones, and what the guest of the sale showed.
//!
//! A processing may repeat any of it in the text of a refusal, and that text is evidence: it is
//! stored in clear and shown. [`Masked`] knows card numbers; the rest is known here.

use tillway_core::loyalty::{Identifier, Sale};
use tillway_core::pan::Masked;
use tillway_core::port::processing::{Command, Outcome, Refusal};

use super::content::Again;

/// What is left to be read of a phone or of what was shown.
const SHOWN: usize = 4;
/// What is shorter is no name of anybody.
const NAME_MIN: usize = 5;

/// What the guest of a sale showed, with what a text may repeat of it.
#[derive(Default)]
pub(super) struct Private(Vec<Box<str>>);

impl Private {
    pub(super) fn of(command: &Command) -> Self {
        let mut private = Self::default();
        match command {
            Command::Balance { guest } => private.guest(guest),
            Command::Card { guest, old, new } => {
                guest.iter().chain([new]).for_each(|one| private.guest(one));
                private.0.extend(old.clone());
            }
            Command::Pay { pin, .. } => {
                private.0.extend(pin.as_ref().map(|pin| pin.expose().into()));
            }
            _ => {}
        }
        command.sale().into_iter().for_each(|sale| private.sale(sale));
        private
    }

    pub(super) fn add(&mut self, again: &Again) {
        if let Again::Card(guest, old, new) = again {
            guest.iter().chain([new]).for_each(|one| self.guest(one));
            self.0.extend(old.clone());
        }
        again.sale().into_iter().for_each(|sale| self.sale(sale));
    }

    fn sale(&mut self, sale: &Sale) {
        sale.guest.iter().for_each(|guest| self.guest(guest));
        self.0.extend(sale.coupons.iter().map(|coupon| coupon.value.clone()));
    }

    fn guest(&mut self, guest: &Identifier) {
        self.0.push(guest.value.clone());
    }

    /// An outcome whose texts name nobody.
    pub(super) fn hidden(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Refused(Refusal { class, code, text }) => {
                let (code, text) = (self.hide(&code).as_str().into(), self.hide(text.as_str()));
                Outcome::Refused(Refusal { class, code, text })
            }
            Outcome::Unreached(text) => Outcome::Unreached(self.hide(text.as_str())),
            Outcome::InDoubt(text) => Outcome::InDoubt(self.hide(text.as_str())),
            // Answers are covered where they are kept.
            done @ Outcome::Done(_) => done,
        }
    }

    pub(super) fn hide(&self, text: &str) -> Masked {
        let mut hidden = text.to_owned();
        for value in self.0.iter().filter(|value| value.chars().count() >= NAME_MIN) {
            hidden = hidden.replace(value.as_ref(), &starred(value, |_| true));
        }
        Masked::new(&without_phones(&hidden))
    }
}

/// Stars for all but the last few of those characters that count.
fn starred(text: &str, counts: impl Fn(char) -> bool) -> String {
    let count = text.chars().filter(|one| counts(*one)).count();
    let mut left = count.saturating_sub(SHOWN);
    let star = |one: char| {
        if left > 0 && counts(one) {
            left = left.saturating_sub(1);
            return '*';
        }
        one
    };
    text.chars().map(star).collect()
}

/// A text with stars in its phones: eleven digits that begin with a seven or an eight, or ten that
/// begin with a nine, whatever people write between them.
fn without_phones(text: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut left = text;
    while let Some(start) = left.find(|one: char| one.is_ascii_digit()) {
        let (before, from) = left.split_at(start);
        hidden.push_str(before);
        let group = from.find(|one: char| !one.is_ascii_digit()).unwrap_or(from.len());
        let phone = phone_length(from);
        let (run, rest) = from.split_at(phone.unwrap_or(group));
        let digit = |one: char| one.is_ascii_digit();
        hidden.push_str(&if phone.is_some() { starred(run, digit) } else { run.to_owned() });
        left = rest;
    }
    hidden.push_str(left);
    hidden
}

/// How long the phone is that a text begins with; at most two signs stand between its digits.
fn phone_length(text: &str) -> Option<usize> {
    let mut wanted = match text.chars().next()? {
        '7' | '8' => 11_u32,
        '9' => 10,
        _ => return None,
    };
    let mut between = 0_u32;
    for (at, one) in text.char_indices() {
        match one {
            '0'..='9' => (wanted, between) = (wanted.saturating_sub(1), 0),
            ' ' | '-' | '(' | ')' if between < 2 => between = between.saturating_add(1),
            _ => return None,
        }
        if wanted == 0 {
            let end = at.saturating_add(1);
            let more = text.get(end..)?.starts_with(|next: char| next.is_ascii_digit());
            return (!more).then_some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use tillway_core::loyalty::IdentifierKind;

    use super::*;

    fn hide(value: &str, text: &str) -> String {
        let guest = Identifier { kind: IdentifierKind::Phone, value: value.into() };
        Private::of(&Command::Balance { guest }).hide(text).as_str().to_owned()
    }

    #[test]
    fn a_text_names_no_phone() {
        let rows = [
            ("Клиент 79990000001 не найден", "Клиент *******0001 не найден"),
            ("+7 (999) 000-00-01: лимит", "+* (***) ***-00-01: лимит"),
            ("8 999 000 00 01", "* *** *** 00 01"),
            ("тел. 9990000001.", "тел. ******0001."),
            ("RRN 407414220712, касса 00012345", "RRN 407414220712, касса 00012345"),
            ("Операция 5001 от 2026-03-14 12:00", "Операция 5001 от 2026-03-14 12:00"),
            ("7 999 000 00 01 (79990000001)", "* *** *** 00 01 (*******0001)"),
            ("799900000012 и 7999000000", "799900000012 и 7999000000"),
            ("карта 2200000000000012", "карта ************0012"),
        ];
        for (text, expected) in rows {
            assert_eq!(hide("79990000009", text), expected);
        }
    }

    #[test]
    fn a_text_does_not_repeat_what_was_shown() {
        assert_eq!(
            hide("LMXQR1.57.123456", "QR LMXQR1.57.123456 истёк"),
            "QR ************3456 истёк"
        );
        assert_eq!(hide("12", "Строка 12"), "Строка 12");
        assert_eq!(hide("1234567", "Карта 1234567: блок"), "Карта ***4567: блок");
    }
}
