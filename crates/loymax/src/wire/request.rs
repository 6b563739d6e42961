//! What is sent.

use tillway_core::loyalty::{
    Carrier as Read, Cheque, Coupon, Goods, Identifier, IdentifierKind, Line, Param, ParamKind, Pay,
};
use tillway_core::port::processing::{Command, Operation, SealError, Sealed};

use super::element::Xml;
use super::number::{amount, moment};
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
    let mut xml = Xml::new(dialect, about(command));
    xml.begin(Word::XmlRequest);
    xml.open();
    xml.text(Word::Version, dialect.word(Word::VersionNumber))?;
    xml.begin_named(container);
    xml.open();
    xml.begin_named(request);
    head(&mut xml, dialect, device, operation)?;
    let mut parts = dialect.parts(kind).iter().filter(|part| has(command, **part)).peekable();
    if parts.peek().is_none() {
        xml.empty();
    } else {
        xml.open();
        for part in parts {
            write_part(&mut xml, dialect, command, *part)?;
        }
        xml.close_named(request);
    }
    xml.close_named(container);
    xml.close(Word::XmlRequest);
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

/// Enough for most messages of so many lines.
fn about(command: &Command) -> usize {
    let lines = command.cheque().map_or(0, |cheque| cheque.lines.len());
    lines.saturating_mul(192).saturating_add(768)
}

fn head(
    xml: &mut Xml<'_>,
    dialect: &Dialect,
    device: &str,
    operation: &Operation,
) -> Result<(), SealError> {
    let command = &operation.command;
    xml.put(Word::ElementId, "1")?;
    xml.put(Word::OperationId, &operation.id.simple().to_string())?;
    xml.put(Word::OperationDate, &moment(operation.at))?;
    if dialect.send_device {
        xml.put(Word::DeviceLogicalId, device)?;
    }
    xml.put_some(Word::PurchaseId, command.purchase().map(|purchase| purchase.as_str()))?;
    let nobody = matches!(command, Command::Balance { .. } | Command::Confirm { .. });
    xml.put_some(Word::Cashier, operation.cashier.as_deref().filter(|_| !nobody))?;
    match command {
        Command::Calculate { wish, .. } => {
            xml.put_amount(Word::PaymentAmount, *wish);
            Ok(())
        }
        Command::Pay { amount, pin, .. } => {
            xml.put_amount(Word::Amount, Some(*amount));
            xml.put_some(Word::PinCode, pin.as_ref().map(|pin| pin.expose()))
        }
        Command::CancelOne { operation, .. } => {
            xml.put(Word::CancelOperationId, &operation.simple().to_string())
        }
        Command::Refund { of, transaction, .. } => {
            xml.put_some(Word::RefundPurchaseId, of.as_ref().map(|of| of.as_str()))?;
            let transaction = transaction.map(|number| number.to_string());
            xml.put_some(Word::RefundTransactionId, transaction.as_deref())
        }
        Command::Card { old, .. } => xml.put_some(Word::OldCardNumber, old.as_deref()),
        _ => Ok(()),
    }
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
        (Part::Pays, Command::Accrue { pays, .. }) => list(xml, Word::Pays, pays, write_pay),
        (Part::Cheque, _) => sale.map_or(Ok(()), |sale| write_cheque(xml, dialect, &sale.cheque)),
        (Part::Coupons, _) => sale.map_or(Ok(()), |sale| {
            let one = |xml: &mut Xml<'_>, coupon: &Coupon| write_coupon(xml, dialect, coupon);
            list(xml, Word::Coupons, &sale.coupons, one)
        }),
        (Part::Params, _) => sale.map_or(Ok(()), |sale| write_params(xml, dialect, &sale.params)),
        _ => Ok(()),
    }
}

fn list<T>(
    xml: &mut Xml<'_>,
    word: Word,
    items: &[T],
    write: impl Fn(&mut Xml<'_>, &T) -> Result<(), SealError>,
) -> Result<(), SealError> {
    xml.begin(word);
    xml.open();
    items.iter().try_for_each(|item| write(xml, item))?;
    xml.close(word);
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
    xml.begin(word);
    xml.put(Word::Type, dialect.word(kind))?;
    xml.put(Word::Value, &guest.value)?;
    xml.empty();
    Ok(())
}

fn write_cheque(xml: &mut Xml<'_>, dialect: &Dialect, cheque: &Cheque) -> Result<(), SealError> {
    xml.begin(Word::Cheque);
    xml.put_some(Word::ChequeNumber, cheque.number.as_deref())?;
    xml.put(Word::ChequeDate, &moment(cheque.at))?;
    xml.open();
    cheque.lines.iter().try_for_each(|line| write_line(xml, dialect, line))?;
    xml.close(Word::Cheque);
    Ok(())
}

fn write_line(xml: &mut Xml<'_>, dialect: &Dialect, line: &Line) -> Result<(), SealError> {
    xml.begin(Word::ChequeLine);
    xml.put_number(Word::PosId, line.position);
    match &line.goods {
        Goods::Code(code) => xml.put(Word::GoodsId, code)?,
        Goods::Barcode(code) => xml.put(Word::Barcode, code)?,
    }
    xml.put_some(Word::Name, line.name.as_deref())?;
    xml.put_amount(Word::Price, line.price);
    xml.put_quantity(Word::Quantity, line.quantity);
    xml.put_amount(Word::Amount, Some(line.amount));
    xml.put_amount(Word::Discount, line.discount);
    xml.put_amount(Word::Cashback, line.cashback);
    xml.put_amount(Word::Correction, line.correction);
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
        (true, Carrier::Attribute) => xml.put(Word::IsPromo, yes)?,
    }
    match (line.price_min.map(amount), dialect.price_min) {
        (None, _) => {}
        (Some(price), Carrier::Param) => {
            params.push(param(Word::MinPrice, ParamKind::Decimal, price));
        }
        (Some(price), Carrier::Attribute) => xml.put(Word::MinPrice, &price)?,
    }
    params.extend(line.params.iter().cloned());
    if params.is_empty() {
        xml.empty();
        return Ok(());
    }
    xml.open();
    write_params(xml, dialect, &params)?;
    xml.close(Word::ChequeLine);
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
    xml.begin(Word::Coupon);
    xml.put(word, &coupon.value)?;
    xml.empty();
    Ok(())
}

fn write_pay(xml: &mut Xml<'_>, pay: &Pay) -> Result<(), SealError> {
    xml.begin(Word::Pay);
    xml.put(Word::Type, &pay.kind)?;
    xml.put_amount(Word::Amount, Some(pay.amount));
    xml.put_some(Word::Details, pay.details.as_deref())?;
    xml.empty();
    Ok(())
}

fn write_params(xml: &mut Xml<'_>, dialect: &Dialect, params: &[Param]) -> Result<(), SealError> {
    list(xml, Word::Params, params, |xml, param| {
        let kind = match param.kind {
            ParamKind::Text => Word::KindText,
            ParamKind::Decimal => Word::KindDecimal,
        };
        xml.begin(Word::Param);
        xml.put(Word::Name, &param.name)?;
        xml.put(Word::Type, dialect.word(kind))?;
        xml.put(Word::Value, &param.value)?;
        xml.empty();
        Ok(())
    })
}
