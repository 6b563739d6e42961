//! What comes back, and what it means.

use http::StatusCode;
use serde_json::value::RawValue;
use tillway_core::loyalty::{Answer, Fact, Goods, LineAnswer, Offer, PrintedCoupon, Totals};
use tillway_core::pan::Masked;
use tillway_core::port::processing::{Class, Kind, Outcome, Refusal, Sealed};

use crate::dialect::Dialect;
use crate::errors::Code;
use crate::judge;
use crate::public::envelope::{Envelope, State};
use crate::public::error::said;
use crate::public::json::{Node, Unlike, nodes};
use crate::public::words::{Name, Words};
use crate::wire::{Failure, Reply, ReplyLine, Response, lines_of, shortened};

/// What became of a message that was answered with this status and these bytes. Only an explicit
/// yes is a yes; what is said of the command counts more than what is said of the message.
pub fn outcome(
    dialect: &Dialect,
    words: &Words,
    sealed: &Sealed,
    status: StatusCode,
    bytes: &[u8],
) -> Outcome {
    let http = format!("HTTP {}", status.as_u16());
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return refused(Class::Settings, &http, "");
    }
    let opened = Envelope::open(words, bytes);
    let Ok(envelope) = opened else {
        let what = opened.err().map_or("", |unlike| unlike.0);
        return doubt(&format!("{http}, {what} in the answer cannot be read"));
    };
    let replies = match envelope.data.map(|data| replies(words, sealed.kind, data)) {
        None => Vec::new(),
        Some(Ok(replies)) => replies,
        Some(Err(unlike)) if envelope.state == State::Success => {
            return doubt(&format!("{} in the answer cannot be read", unlike.0));
        }
        // A refusal may bring data of any kind.
        Some(Err(_)) => Vec::new(),
    };
    if envelope.state == State::Success {
        if !status.is_success() {
            return doubt(&http);
        }
        return judge::judged(dialect, sealed, Response { message: None, replies });
    }
    let failed = |reply: &Reply| reply.result.as_ref().is_some_and(|said| !said.code.is_ok());
    let known = dialect.class_named(&envelope.code).is_some();
    let state = envelope.state_name().usual();
    if !known && !replies.iter().any(failed) {
        let text = said(&envelope.words);
        match envelope.state {
            State::Error => return doubt(&format!("{} {text}", envelope.code)),
            State::Validation => return refused(Class::Malformed, state, &faulty(&envelope)),
            State::Success | State::Fail => {}
        }
    }
    let code = if envelope.code.is_empty() { state.into() } else { envelope.code };
    let failure = Failure { code: Code::Name(code), text: envelope.words };
    judge::judged(dialect, sealed, Response { message: Some(failure), replies })
}

fn doubt(text: &str) -> Outcome {
    Outcome::InDoubt(Masked::new(text))
}

fn refused(class: Class, code: &str, text: &str) -> Outcome {
    Outcome::Refused(Refusal { class, code: code.into(), text: Masked::new(text) })
}

fn faulty(envelope: &Envelope<'_>) -> String {
    let named = envelope.faults.iter().map(|fault| format!("{}: {}", fault.field, fault.text));
    let words = said(&envelope.words).as_str().to_owned();
    let all: Vec<String> =
        Some(words).filter(|words| !words.is_empty()).into_iter().chain(named).collect();
    all.join("; ")
}

/// A list of results, or a single one.
fn replies(words: &Words, kind: Kind, data: &RawValue) -> Result<Vec<Reply>, Unlike> {
    let list = if data.get().starts_with('[') {
        nodes(words, data, Name::Data)?
    } else {
        vec![Node::of(words, data, Name::Data)?]
    };
    list.iter().map(|node| reply(kind, node)).collect()
}

fn reply(kind: Kind, node: &Node<'_>) -> Result<Reply, Unlike> {
    let text = node.text(Name::ErrorMessage)?.unwrap_or_default();
    let code = node.text(Name::Code)?.map(Code::Name);
    let cheque = node.node(Name::Cheque)?;
    let lines = cheque.as_ref().map(lines).transpose()?.unwrap_or_default();
    Ok(Reply {
        kind,
        operation: node.text(Name::OperationId)?,
        result: code.map(|code| Failure { code, text: shortened(&text) }),
        answer: answer(kind, node, cheque.as_ref())?,
        lines,
    })
}

fn answer(kind: Kind, node: &Node<'_>, cheque: Option<&Node<'_>>) -> Result<Answer, Unlike> {
    let amount = |name| node.amount(name);
    let balance = amount(Name::Balance)?;
    let (balance, points, money) = match kind {
        Kind::Balance => (balance.or(amount(Name::BonusAmount)?), None, None),
        Kind::Calculate => {
            (balance, amount(Name::AvailableBonusAmount)?, amount(Name::AvailableAmount)?)
        }
        Kind::Available => {
            let points = amount(Name::BonusAmount)?.or(amount(Name::AvailableBonusAmount)?);
            (balance, points, amount(Name::Amount)?.or(amount(Name::AvailableAmount)?))
        }
        _ => (balance, amount(Name::BonusAmount)?, amount(Name::Amount)?),
    };
    let message =
        |name| -> Result<Box<str>, Unlike> { Ok(lines_of(&node.text(name)?.unwrap_or_default())) };
    let facts = node.nodes(Name::IdentificationData)?;
    let totals = cheque.map(totals).transpose()?.unwrap_or_default();
    Ok(Answer {
        transaction: node.integer(Name::TransactionId)?,
        authorisation: node.text(Name::AuthCode)?,
        balance,
        points,
        amount: money,
        currency: node.text(Name::Currency)?,
        guest: tillway_core::loyalty::Facts(facts.iter().map(fact).collect::<Result<_, _>>()?),
        for_cashier: message(Name::CashierMessage)?,
        for_receipt: message(Name::ChequeMessage)?,
        lines: Vec::new(),
        totals,
        coupons: node.nodes(Name::Coupons)?.iter().map(coupon).collect::<Result<_, _>>()?,
        refund_kind: node.text(Name::RefundOperationType)?,
    })
}

fn totals(cheque: &Node<'_>) -> Result<Totals, Unlike> {
    Ok(Totals {
        amount: cheque.amount(Name::TotalAmount)?,
        discount: cheque.amount(Name::TotalDiscount)?,
        cashback: cheque.amount(Name::TotalCashback)?,
    })
}

fn fact(node: &Node<'_>) -> Result<Fact, Unlike> {
    Ok(Fact {
        name: node.text(Name::NameOf)?.unwrap_or_default(),
        value: node.text(Name::Value)?.unwrap_or_default(),
    })
}

fn lines(cheque: &Node<'_>) -> Result<Vec<ReplyLine>, Unlike> {
    cheque.nodes(Name::Lines)?.iter().map(line).collect()
}

fn line(node: &Node<'_>) -> Result<ReplyLine, Unlike> {
    let code = node.text(Name::GoodsId)?.map(Goods::Code);
    let position = node.integer(Name::Position)?.map(u32::try_from).transpose();
    Ok(ReplyLine {
        goods: code.or(node.text(Name::Barcode)?.map(Goods::Barcode)),
        quantity: node.quantity(Name::Quantity),
        line: LineAnswer {
            position: position.map_err(|_| Unlike(Name::Position.usual()))?.unwrap_or_default(),
            amount: node.amount(Name::Amount)?,
            discount: node.amount(Name::Discount)?,
            cashback: node.amount(Name::Cashback)?,
            paid: node.amount(Name::PayAmount)?,
            message: node.text(Name::Message)?,
            offers: node.nodes(Name::AppliedOffers)?.iter().map(offer).collect::<Result<_, _>>()?,
        },
    })
}

/// Offers are told to people; no money hangs on their numbers.
fn offer(node: &Node<'_>) -> Result<Offer, Unlike> {
    Ok(Offer {
        id: node.text(Name::Id)?.unwrap_or_default(),
        name: node.text(Name::NameOf)?.unwrap_or_default(),
        worth: node.amount(Name::PreferenceValue).ok().flatten(),
        unit: node.text(Name::CurrencyAbbreviation)?,
        external_id: node.text(Name::ExternalId)?,
    })
}

fn coupon(node: &Node<'_>) -> Result<PrintedCoupon, Unlike> {
    Ok(PrintedCoupon {
        number: node.text(Name::Number)?.unwrap_or_default(),
        barcode: node.text(Name::BarCode)?,
        qr: node.text(Name::QrContent)?,
        until: node.text(Name::ExpiryDate)?,
        text: lines_of(&node.text(Name::Description)?.unwrap_or_default()),
    })
}
