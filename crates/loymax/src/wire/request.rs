//! What is sent.

use tillway_core::Kopecks;
use tillway_core::loyalty::{
    Carrier as Read, Cheque, Coupon, Goods, Identifier, IdentifierKind, Line, Param, ParamKind, Pay,
};
use tillway_core::port::processing::{Command, Operation, SealError, Sealed};

use super::element::{Element, Xml};
use super::number::{amount, moment, quantity};
use crate::dialect::{Carrier, Coupons, Dialect, Identifiers, Part, Word};

/// Makes the message of an operation, for the till of that name: one command, the same bytes every
/// time.
///
/// # Errors
/// As [`seal`](tillway_core::port::LoyaltyProcessing::seal).
pub fn seal(dialect: &Dialect, device: &str, operation: &Operation) -> Result<Sealed, SealError> {
    let command = &operation.command;
    command.check()?;
    let unknown = match command {
        Command::CancelOne { .. } => !dialect.cancel_one,
        Command::Card { .. } => !dialect.cards,
        _ => false,
    };
    if unknown {
        return Err(SealError::Unsupported);
    }
    let kind = command.kind();
    let [container, request, _] = dialect.command(kind);
    let mut xml = Xml::new(dialect);
    let root = Element::new(dialect, Word::XmlRequest);
    let (root_name, container) = (root.name(), Element::named(dialect, container));
    let container_name = container.name();
    xml.open(root);
    xml.text(Word::Version, dialect.word(Word::VersionNumber));
    xml.open(container);
    let mut element = Element::named(dialect, request);
    head(&mut element, dialect, device, operation)?;
    let parts: Vec<Part> =
        dialect.parts(kind).iter().copied().filter(|part| has(command, *part)).collect();
    if parts.is_empty() {
        xml.empty(element);
    } else {
        xml.open(element);
        for part in parts {
            write_part(&mut xml, dialect, command, part)?;
        }
        xml.close(request);
    }
    xml.close(container_name);
    xml.close(root_name);
    Ok(Sealed {
        id: operation.id,
        kind,
        purchase: command.purchase().cloned(),
        at: operation.at,
        body: xml.bytes(dialect.letters),
        beside: Vec::new(),
        lines: command.cheque().map(Sealed::lines_of).unwrap_or_default(),
    })
}

fn head(
    element: &mut Element<'_>,
    dialect: &Dialect,
    device: &str,
    operation: &Operation,
) -> Result<(), SealError> {
    let command = &operation.command;
    element.put(Word::ElementId, "1")?;
    element.put(Word::OperationId, &operation.id.simple().to_string())?;
    element.put(Word::OperationDate, &moment(operation.at))?;
    if dialect.send_device {
        element.put(Word::DeviceLogicalId, device)?;
    }
    element.put_some(Word::PurchaseId, command.purchase().map(|purchase| purchase.as_str()))?;
    let nobody = matches!(command, Command::Balance { .. } | Command::Confirm { .. });
    element.put_some(Word::Cashier, operation.cashier.as_deref().filter(|_| !nobody))?;
    match command {
        Command::Calculate { wish, .. } => put_amount(element, Word::PaymentAmount, *wish),
        Command::Pay { amount, pin, .. } => {
            put_amount(element, Word::Amount, Some(*amount))?;
            element.put_some(Word::PinCode, pin.as_ref().map(|pin| pin.expose()))
        }
        Command::CancelOne { operation, .. } => {
            element.put(Word::CancelOperationId, &operation.simple().to_string())
        }
        Command::Refund { of, transaction, .. } => {
            element.put_some(Word::RefundPurchaseId, of.as_ref().map(|of| of.as_str()))?;
            let transaction = transaction.map(|number| number.to_string());
            element.put_some(Word::RefundTransactionId, transaction.as_deref())
        }
        Command::Card { old, .. } => element.put_some(Word::OldCardNumber, old.as_deref()),
        _ => Ok(()),
    }
}

fn put_amount(
    element: &mut Element<'_>,
    word: Word,
    value: Option<Kopecks>,
) -> Result<(), SealError> {
    element.put_some(word, value.map(amount).as_deref())
}

fn guest(command: &Command) -> Option<&Identifier> {
    match command {
        Command::Balance { guest } => Some(guest),
        Command::Card { guest, .. } => guest.as_ref(),
        other => other.sale().and_then(|sale| sale.guest.as_ref()),
    }
}

/// Empty lists are left out.
fn has(command: &Command, part: Part) -> bool {
    let sale = command.sale();
    match part {
        Part::Identifier => guest(command).is_some(),
        Part::NewIdentifier => matches!(command, Command::Card { .. }),
        Part::Cheque => sale.is_some(),
        Part::Coupons => sale.is_some_and(|sale| !sale.coupons.is_empty()),
        Part::Pays => matches!(command, Command::Accrue { pays, .. } if !pays.is_empty()),
        Part::Params => sale.is_some_and(|sale| !sale.params.is_empty()),
    }
}

fn write_part(
    xml: &mut Xml<'_>,
    dialect: &Dialect,
    command: &Command,
    part: Part,
) -> Result<(), SealError> {
    let sale = command.sale();
    match (part, command) {
        (Part::Identifier, _) => {
            guest(command).map_or(Ok(()), |guest| identifier(xml, dialect, Word::Identifier, guest))
        }
        (Part::NewIdentifier, Command::Card { new, .. }) => {
            identifier(xml, dialect, Word::NewIdentifier, new)
        }
        (Part::Pays, Command::Accrue { pays, .. }) => {
            list(xml, dialect, Word::Pays, pays, |xml, pay| write_pay(xml, dialect, pay))
        }
        (Part::Cheque, _) => sale.map_or(Ok(()), |sale| write_cheque(xml, dialect, &sale.cheque)),
        (Part::Coupons, _) => sale.map_or(Ok(()), |sale| {
            let one = |xml: &mut Xml<'_>, coupon: &Coupon| write_coupon(xml, dialect, coupon);
            list(xml, dialect, Word::Coupons, &sale.coupons, one)
        }),
        (Part::Params, _) => sale.map_or(Ok(()), |sale| write_params(xml, dialect, &sale.params)),
        _ => Ok(()),
    }
}

fn list<T>(
    xml: &mut Xml<'_>,
    dialect: &Dialect,
    word: Word,
    items: &[T],
    write: impl Fn(&mut Xml<'_>, &T) -> Result<(), SealError>,
) -> Result<(), SealError> {
    xml.open(Element::new(dialect, word));
    items.iter().try_for_each(|item| write(xml, item))?;
    xml.close(dialect.word(word));
    Ok(())
}

fn identifier(
    xml: &mut Xml<'_>,
    dialect: &Dialect,
    word: Word,
    guest: &Identifier,
) -> Result<(), SealError> {
    let typed = dialect.identifiers == Identifiers::Typed;
    let kind = match guest.kind {
        // No mask tells the digest of a phone from other text.
        IdentifierKind::PhoneHash => Word::PhoneHash,
        _ if !typed => Word::Auto,
        IdentifierKind::CardNumber => Word::CardNumber,
        IdentifierKind::CardBarcode => Word::CardBarCode,
        IdentifierKind::Track1 => Word::CardTrack1,
        IdentifierKind::Track2 => Word::CardTrack2,
        IdentifierKind::Track3 => Word::CardTrack3,
        IdentifierKind::Phone => Word::Phone,
        IdentifierKind::Qr => Word::QrCode,
        _ => Word::Auto,
    };
    let mut element = Element::new(dialect, word);
    element.put(Word::Type, dialect.word(kind))?;
    element.put(Word::Value, &guest.value)?;
    xml.empty(element);
    Ok(())
}

fn write_cheque(xml: &mut Xml<'_>, dialect: &Dialect, cheque: &Cheque) -> Result<(), SealError> {
    let mut element = Element::new(dialect, Word::Cheque);
    element.put_some(Word::ChequeNumber, cheque.number.as_deref())?;
    element.put(Word::ChequeDate, &moment(cheque.at))?;
    xml.open(element);
    cheque.lines.iter().try_for_each(|line| write_line(xml, dialect, line))?;
    xml.close(dialect.word(Word::Cheque));
    Ok(())
}

fn write_line(xml: &mut Xml<'_>, dialect: &Dialect, line: &Line) -> Result<(), SealError> {
    let mut element = Element::new(dialect, Word::ChequeLine);
    element.put(Word::PosId, &line.position.to_string())?;
    match &line.goods {
        Goods::Code(code) => element.put(Word::GoodsId, code)?,
        Goods::Barcode(code) => element.put(Word::Barcode, code)?,
    }
    element.put_some(Word::Name, line.name.as_deref())?;
    put_amount(&mut element, Word::Price, line.price)?;
    element.put(Word::Quantity, &quantity(line.quantity))?;
    put_amount(&mut element, Word::Amount, Some(line.amount))?;
    put_amount(&mut element, Word::Discount, line.discount)?;
    put_amount(&mut element, Word::Cashback, line.cashback)?;
    put_amount(&mut element, Word::Correction, line.correction)?;
    let param = |word, kind, value: String| Param {
        name: dialect.word(word).into(),
        kind,
        value: value.into(),
    };
    let mut params = Vec::new();
    let yes = dialect.word(Word::True);
    match (line.promo, dialect.promo) {
        (false, _) => {}
        (true, Carrier::Param) => {
            params.push(param(Word::IsPromo, ParamKind::Text, yes.to_owned()));
        }
        (true, Carrier::Attribute) => element.put(Word::IsPromo, yes)?,
    }
    match (line.price_min.map(amount), dialect.price_min) {
        (None, _) => {}
        (Some(price), Carrier::Param) => {
            params.push(param(Word::MinPrice, ParamKind::Decimal, price));
        }
        (Some(price), Carrier::Attribute) => element.put(Word::MinPrice, &price)?,
    }
    params.extend(line.params.iter().cloned());
    if params.is_empty() {
        xml.empty(element);
        return Ok(());
    }
    xml.open(element);
    write_params(xml, dialect, &params)?;
    xml.close(dialect.word(Word::ChequeLine));
    Ok(())
}

fn write_coupon(xml: &mut Xml<'_>, dialect: &Dialect, coupon: &Coupon) -> Result<(), SealError> {
    let word = match coupon.carrier {
        _ if dialect.coupons == Coupons::Number => Word::Number,
        Read::Barcode => Word::LabelBarcode,
        Read::Qr => Word::LabelQr,
        Read::Track1 => Word::Strip1,
        Read::Track2 => Word::Strip2,
        Read::Track3 => Word::Strip3,
        _ => Word::Number,
    };
    let mut element = Element::new(dialect, Word::Coupon);
    element.put(word, &coupon.value)?;
    xml.empty(element);
    Ok(())
}

fn write_pay(xml: &mut Xml<'_>, dialect: &Dialect, pay: &Pay) -> Result<(), SealError> {
    let mut element = Element::new(dialect, Word::Pay);
    element.put(Word::Type, &pay.kind)?;
    put_amount(&mut element, Word::Amount, Some(pay.amount))?;
    element.put_some(Word::Details, pay.details.as_deref())?;
    xml.empty(element);
    Ok(())
}

fn write_params(xml: &mut Xml<'_>, dialect: &Dialect, params: &[Param]) -> Result<(), SealError> {
    list(xml, dialect, Word::Params, params, |xml, param| {
        let kind = match param.kind {
            ParamKind::Text => Word::KindText,
            ParamKind::Decimal => Word::KindDecimal,
        };
        let mut element = Element::new(dialect, Word::Param);
        element.put(Word::Name, &param.name)?;
        element.put(Word::Type, dialect.word(kind))?;
        element.put(Word::Value, &param.value)?;
        xml.empty(element);
        Ok(())
    })
}
