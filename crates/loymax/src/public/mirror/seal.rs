//! What is sent: a method and a path, and a body.

use http::Method;
use minicbor::{Decode, Encode};
use tillway_core::loyalty::{Cheque, Coupon, Goods, Identifier, Line, Param, ParamKind, Pay, Sale};
use tillway_core::port::processing::{Command, Kind, Operation, SealError, Sealed};

use crate::dialect::{Dialect, Word};
use crate::public::json::Object;
use crate::public::words::{Call, Name, Words};
use crate::wire::number::{amount, moment};

/// Makes the message of an operation: the same bytes every time. Method and path stand beside the
/// body, with the guest in whose name it is sent.
///
/// # Errors
/// As [`seal`](tillway_core::port::LoyaltyProcessing::seal): cards are no command of the mirror.
pub fn seal(words: &Words, dialect: &Dialect, operation: &Operation) -> Result<Sealed, SealError> {
    let command = &operation.command;
    command.check()?;
    let call = call(command.kind()).ok_or(SealError::Unsupported)?;
    let purchase = command.purchase().map(|purchase| purchase.as_str()).unwrap_or_default();
    let one = match command {
        Command::CancelOne { operation, .. } => operation.simple().to_string(),
        _ => String::new(),
    };
    let (method, path) = words.place(call, &[purchase, &one]);
    let guest = match command {
        Command::Balance { guest } => Some(guest),
        other => other.sale().and_then(|sale| sale.guest.as_ref()),
    };
    let place = Stored { method: method.as_str().into(), path: path.into(), guest: guest.cloned() };
    Ok(Sealed {
        id: operation.id,
        kind: command.kind(),
        purchase: command.purchase().cloned(),
        at: operation.at,
        body: body(words, dialect, operation).into_bytes(),
        // Writing to memory does not fail.
        beside: minicbor::to_vec(&place).unwrap_or_default(),
        lines: command.cheque().map(Sealed::lines_of).unwrap_or_default(),
    })
}

/// The method of a message and its path below the base; `None` for a message that is not the
/// mirror's.
pub fn place(sealed: &Sealed) -> Option<(Method, Box<str>)> {
    Place::of(sealed).map(|place| (place.method, place.path))
}

/// Where a message goes, and in whose name.
pub(super) struct Place {
    pub(super) method: Method,
    pub(super) path: Box<str>,
    pub(super) guest: Option<Identifier>,
}

impl Place {
    /// `None` for a message that is not ours.
    pub(super) fn of(sealed: &Sealed) -> Option<Self> {
        let stored: Stored = minicbor::decode(&sealed.beside).ok()?;
        let method = Method::from_bytes(stored.method.as_bytes()).ok()?;
        Some(Self { method, path: stored.path, guest: stored.guest })
    }
}

#[derive(Decode, Encode)]
struct Stored {
    #[n(0)]
    method: Box<str>,
    #[n(1)]
    path: Box<str>,
    #[n(2)]
    guest: Option<Identifier>,
}

fn call(kind: Kind) -> Option<Call> {
    Some(match kind {
        Kind::Balance => Call::ProcessingBalance,
        Kind::Calculate => Call::ProcessingCalculate,
        Kind::Available => Call::ProcessingAvailable,
        Kind::Pay => Call::ProcessingPayment,
        Kind::Accrue => Call::ProcessingBonus,
        Kind::Confirm => Call::ProcessingConfirm,
        Kind::Cancel => Call::ProcessingCancel,
        Kind::CancelOne => Call::ProcessingCancelOne,
        Kind::Refund => Call::ProcessingRefund,
        Kind::Card => return None,
    })
}

fn body(words: &Words, dialect: &Dialect, operation: &Operation) -> String {
    let mut body = Object::new(words);
    body.text(Name::OperationId, &operation.id.simple().to_string());
    body.text(Name::OperationDate, &moment(operation.at));
    let command = &operation.command;
    if let Some(sale) = command.sale() {
        body.text_some(Name::Cashier, operation.cashier.as_deref());
        body.object(Name::Cheque, cheque(words, dialect, &sale.cheque));
        let told = matches!(command.kind(), Kind::Calculate | Kind::Pay | Kind::Accrue);
        if told && !sale.coupons.is_empty() {
            body.list(Name::Coupons, &sale.coupons, |one| coupon(words, one));
        }
        told_besides(&mut body, words, sale);
    }
    match command {
        Command::Calculate { wish, .. } => body.amount_some(Name::PaymentAmount, *wish),
        Command::Pay { amount, pin, .. } => {
            body.amount_some(Name::Amount, Some(*amount));
            body.text_some(Name::PinCode, pin.as_ref().map(|pin| pin.expose()));
        }
        Command::Accrue { pays, .. } if !pays.is_empty() => {
            body.list(Name::Pays, pays, |one| pay(words, one));
        }
        Command::Refund { of, transaction, .. } => {
            body.text_some(Name::RefundPurchaseId, of.as_ref().map(|of| of.as_str()));
            if let Some(number) = transaction {
                body.number(Name::RefundTransactionId, *number);
            }
        }
        _ => {}
    }
    body.end()
}

fn told_besides(body: &mut Object<'_>, words: &Words, sale: &Sale) {
    if !sale.params.is_empty() {
        body.object(Name::Params, params(words, &sale.params));
    }
}

fn cheque<'w>(words: &'w Words, dialect: &Dialect, cheque: &Cheque) -> Object<'w> {
    let mut object = Object::new(words);
    object.text_some(Name::Number, cheque.number.as_deref());
    object.text(Name::Date, &moment(cheque.at));
    object.list(Name::Lines, &cheque.lines, |one| line(words, dialect, one));
    object
}

fn line(words: &Words, dialect: &Dialect, line: &Line) -> String {
    let mut object = Object::new(words);
    object.number(Name::Position, line.position);
    match &line.goods {
        Goods::Code(code) => object.text(Name::GoodsId, code),
        Goods::Barcode(code) => object.text(Name::Barcode, code),
    }
    object.text_some(Name::NameOf, line.name.as_deref());
    object.amount_some(Name::Price, line.price);
    object.quantity(Name::Quantity, line.quantity);
    object.amount_some(Name::Amount, Some(line.amount));
    object.amount_some(Name::Discount, line.discount);
    object.amount_some(Name::Cashback, line.cashback);
    object.amount_some(Name::Correction, line.correction);
    let told = |word: Word, kind, value: String| Param {
        name: dialect.word(word).into(),
        kind,
        value: value.into(),
    };
    let promo = line.promo.then(|| dialect.word(Word::True).to_owned());
    let promo = promo.map(|yes| told(Word::IsPromo, ParamKind::Text, yes));
    let least = line.price_min.map(|least| told(Word::MinPrice, ParamKind::Decimal, amount(least)));
    let all: Vec<Param> =
        promo.into_iter().chain(least).chain(line.params.iter().cloned()).collect();
    if !all.is_empty() {
        object.object(Name::Params, params(words, &all));
    }
    object.end()
}

fn params<'w>(words: &'w Words, params: &[Param]) -> Object<'w> {
    let mut object = Object::new(words);
    object.list(Name::ParamsList, params, |param| {
        let kind = match param.kind {
            ParamKind::Text => Name::TypeString,
            ParamKind::Decimal => Name::TypeDecimal,
        };
        let mut object = Object::new(words);
        object.text(Name::NameOf, &param.name);
        object.text(Name::Value, &param.value);
        object.text(Name::Type, words.name(kind));
        object.end()
    });
    object
}

fn coupon(words: &Words, coupon: &Coupon) -> String {
    let mut object = Object::new(words);
    object.text(Name::Number, &coupon.value);
    object.end()
}

fn pay(words: &Words, pay: &Pay) -> String {
    let mut object = Object::new(words);
    object.text(Name::Type, &pay.kind);
    object.amount_some(Name::Amount, Some(pay.amount));
    object.text_some(Name::Details, pay.details.as_deref());
    object.end()
}
