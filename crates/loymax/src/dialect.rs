//! Every name and choice of the wire (loymax.md 15), so that one that a vendor or a customer
//! corrects is changed here alone.

mod words;

use std::borrow::Cow;
use std::collections::BTreeMap;

use tillway_core::port::processing::{Class, Kind};

pub use self::words::Word;
use crate::errors::{Code, ErrorRow, TABLE};

/// How the wire is spoken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dialect {
    /// Names that differ from [`Word::usual`].
    pub renamed: BTreeMap<Word, Box<str>>,
    /// The letters of requests, and of answers that declare none.
    pub letters: Letters,
    /// Whether the till names itself in each message, besides its login.
    pub send_device: bool,
    /// Whether amounts leave out decimals that are zero: `3999` and `2398.5` were seen as well as
    /// two decimals each time.
    pub short_amounts: bool,
    /// How a guest is named.
    pub identifiers: Identifiers,
    /// How a coupon is named.
    pub coupons: Coupons,
    /// Where the minimal price of a line stands.
    pub price_min: Carrier,
    /// Where the promo flag of a line stands.
    pub promo: Carrier,
    /// Whether an answer under another operation id is taken.
    pub other_ids: OtherIds,
    /// Whether one payment can be taken back without its purchase.
    pub cancel_one: bool,
    /// Whether cards can be issued and replaced.
    pub cards: bool,
    /// Children of requests in another order, or others, than [`parts`].
    pub parts: BTreeMap<Kind, Vec<Part>>,
    /// What codes mean.
    pub errors: Cow<'static, [ErrorRow]>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            renamed: BTreeMap::new(),
            letters: Letters::Utf8,
            send_device: true,
            short_amounts: false,
            identifiers: Identifiers::Auto,
            coupons: Coupons::Number,
            price_min: Carrier::Param,
            promo: Carrier::Param,
            other_ids: OtherIds::Unsigned,
            cancel_one: false,
            cards: true,
            parts: BTreeMap::new(),
            errors: Cow::Borrowed(TABLE),
        }
    }
}

impl Dialect {
    /// A name on the wire.
    pub fn word(&self, word: Word) -> &str {
        self.renamed.get(&word).map_or(word.usual(), AsRef::as_ref)
    }

    /// The names of a command: what holds it, its request, its answer.
    pub fn command(&self, kind: Kind) -> [&str; 3] {
        command(kind).map(|word| self.word(word))
    }

    /// Which children a request has, in order.
    pub fn parts(&self, kind: Kind) -> &[Part] {
        self.parts.get(&kind).map_or(parts(kind), Vec::as_slice)
    }

    /// What a code means.
    pub fn class(&self, code: u32) -> Class {
        let row = self.errors.iter().find(|row| row.number == code);
        row.map_or(Class::Other, |row| row.class)
    }

    /// What a code means, said by number or by name.
    pub fn class_of(&self, code: &Code) -> Class {
        match code {
            Code::Number(number) => self.class(*number),
            Code::Name(name) => self.class_named(name).unwrap_or(Class::Other),
        }
    }

    /// What a code means by its name; `None` when it is not in the table.
    pub fn class_named(&self, name: &str) -> Option<Class> {
        let row = self.errors.iter().find(|row| row.name.eq_ignore_ascii_case(name));
        row.map(|row| row.class)
    }
}

/// The letters of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Letters {
    /// UTF-8.
    Utf8,
    /// windows-1251; other characters are sent as references.
    Windows1251,
}

/// How a guest is named.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Identifiers {
    /// The processing finds out what a value is, by its masks. The only way that was seen.
    Auto,
    /// The kind is said.
    Typed,
}

/// How a coupon is named.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Coupons {
    /// By its number, wherever that was read.
    Number,
    /// By an attribute for each place it was read from.
    Labelled,
}

/// Whether the only answer to a message of one command is taken for its answer when it names
/// another operation, or none. Some were seen so (loymax.md 6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OtherIds {
    /// Where answers are not signed. An old answer has a good signature too: where signatures are
    /// checked, its id alone tells it from the one that is waited for.
    Unsigned,
    /// Always.
    Taken,
    /// Never: the outcome is in doubt.
    Refused,
}

/// Where something about a line stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Carrier {
    /// In a parameter.
    Param,
    /// In an attribute of the line, of the same name.
    Attribute,
}

/// A child of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The guest.
    Identifier,
    /// The new card.
    NewIdentifier,
    /// The cheque.
    Cheque,
    /// The coupons.
    Coupons,
    /// The payments.
    Pays,
    /// The parameters.
    Params,
}

/// The orders that were seen working (loymax.md 7). *Available* must have no coupons.
pub fn parts(kind: Kind) -> &'static [Part] {
    use Part::{Cheque, Coupons, Identifier, NewIdentifier, Params, Pays};
    match kind {
        Kind::Balance => &[Identifier],
        Kind::Calculate => &[Identifier, Cheque, Coupons, Params],
        Kind::Available => &[Cheque, Identifier, Params],
        Kind::Pay => &[Cheque, Identifier, Coupons, Params],
        Kind::Accrue => &[Identifier, Cheque, Coupons, Pays, Params],
        Kind::Confirm | Kind::Cancel | Kind::CancelOne => &[],
        Kind::Refund => &[Identifier, Cheque, Params],
        Kind::Card => &[Identifier, NewIdentifier],
    }
}

fn command(kind: Kind) -> [Word; 3] {
    use Word as W;
    match kind {
        Kind::Balance => [W::Balances, W::BalanceRequest, W::BalanceResponse],
        Kind::Calculate => [W::Calculates, W::CalculateRequest, W::CalculateResponse],
        Kind::Available => {
            [W::AvailableAmounts, W::AvailableAmountRequest, W::AvailableAmountResponse]
        }
        Kind::Pay => [W::Payments, W::PaymentRequest, W::PaymentResponse],
        Kind::Accrue => [W::Discounts, W::DiscountRequest, W::DiscountResponse],
        Kind::Confirm => {
            [W::ConfirmPurchases, W::ConfirmPurchaseRequest, W::ConfirmPurchaseResponse]
        }
        Kind::Cancel => [W::CancelPurchases, W::CancelPurchaseRequest, W::CancelPurchaseResponse],
        Kind::CancelOne => {
            [W::CancelOperations, W::CancelOperationRequest, W::CancelOperationResponse]
        }
        Kind::Refund => [W::Refunds, W::RefundRequest, W::RefundResponse],
        Kind::Card => [W::CardReplaces, W::CardReplaceRequest, W::CardReplaceResponse],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_is_changed_in_one_place() {
        let mut dialect = Dialect::default();
        assert_eq!(dialect.word(Word::PreferenceValue), "PrerefenceValue");
        dialect.renamed.insert(Word::PreferenceValue, "PreferenceValue".into());
        assert_eq!(dialect.word(Word::PreferenceValue), "PreferenceValue");
    }

    #[test]
    fn commands_are_told_apart() {
        let dialect = Dialect::default();
        let all: BTreeSet<_> = Kind::ALL.iter().flat_map(|kind| dialect.command(*kind)).collect();
        assert_eq!(all.len(), 30);
        assert!(!dialect.parts(Kind::Available).contains(&Part::Coupons));
        assert_eq!((dialect.class(218), dialect.class(999)), (Class::WrongOrder, Class::Other));
    }
}
