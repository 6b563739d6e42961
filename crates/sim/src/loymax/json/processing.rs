//! The commands of the processing, told in JSON.

use http::{Method, StatusCode};
use sha2::{Digest, Sha256};
use tillway_core::Kopecks;

use super::model::{CommandIn, ResultOut, coupons, params, pays};
use super::{Call, Data, Failed, NOTHING};
use crate::loymax::house::{
    Cheque, Code, Command, Key, KeyKind, Kind, NotDone, Param, Refusal, Reply, Request, Sale, Who,
};

/// `Processing/…`
pub(super) fn route(call: &Call<'_>, segments: &[&str]) -> Data {
    let (kind, purchase, one) = match segments {
        ["Balance"] => (Kind::Balance, "", ""),
        ["Purchases", id, "Calculate"] => (Kind::Calculate, *id, ""),
        ["Purchases", id, "Bonus", "Available"] => (Kind::Available, *id, ""),
        ["Purchases", id, "Bonus", "Payment"] => (Kind::Pay, *id, ""),
        ["Purchases", id, "Bonus"] => (Kind::Accrue, *id, ""),
        ["Purchases", id, "Confirm"] => (Kind::Confirm, *id, ""),
        ["Purchases", id, "Cancel"] => (Kind::Cancel, *id, ""),
        ["Purchases", id, "Refund"] => (Kind::Refund, *id, ""),
        ["Purchases", id, "Operations", one, "Cancel"] => (Kind::CancelOperation, *id, *one),
        _ => return Err(Failed::Status(StatusCode::NOT_FOUND)),
    };
    call.is(&Method::POST)?;
    let mut body: CommandIn = call.body()?;
    if let Some(name) = told_in_vain(kind, &body) {
        return Err(Failed::Invalid(name.into(), "лишнее поле".into()));
    }
    let till = till(call)?;
    let (operation, at) = (core::mem::take(&mut body.operation_id), body.operation_date.0);
    let guest = match call.bearer.who {
        Who::Guest(client) => Some(Key { kind: KeyKind::Guest(client), value: String::new() }),
        Who::Application | Who::Operator => None,
    };
    let cashier = body.cashier.take();
    let command = match command(kind, purchase, one, guest, body)? {
        Ok(command) => command,
        Err(refusal) => return refused(&till, &operation, &refusal),
    };
    let digest = digest(call);
    let request = Request { till: till.clone(), operation, at, cashier, digest, command };
    let currency = call.house.with(|store| store.rules.currency.clone());
    match call.house.perform(&request) {
        Ok(done) => {
            let result = ResultOut::new(&till, &request.operation, "Ok", &done.reply);
            let balance = kind == Kind::Balance;
            written(&if balance { result.in_currency(&currency) } else { result })
        }
        Err(refusal) => refused(&till, &request.operation, &refusal),
    }
}

/// The till of the application.
fn till(call: &Call<'_>) -> Result<String, Failed> {
    let id = &call.bearer.application;
    let found = call.house.with(|store| {
        store.public.applications.get(id).map(|application| application.till.clone())
    });
    found.ok_or(Failed::Status(StatusCode::FORBIDDEN))
}

/// The same for the same message, and for no other.
fn digest(call: &Call<'_>) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix(call.path.as_bytes());
    digest.update([0]);
    digest.update(call.request.body());
    digest.finalize().into()
}

/// A member that the command does not have.
fn told_in_vain(kind: Kind, body: &CommandIn) -> Option<&'static str> {
    use Kind::{Accrue, Available, Calculate, Pay, Refund};
    let sale = [Calculate, Available, Pay, Accrue, Refund];
    let rows: [(bool, &[Kind], &str); 9] = [
        (body.cheque.is_some(), &sale, "cheque"),
        (body.coupons.is_some(), &[Calculate, Pay, Accrue], "coupons"),
        (body.params.is_some(), &sale, "params"),
        (body.payment_amount.is_some(), &[Calculate], "paymentAmount"),
        (body.amount.is_some(), &[Pay], "amount"),
        (body.pin_code.is_some(), &[Pay], "pinCode"),
        (body.pays.is_some(), &[Accrue], "pays"),
        (body.refund_purchase_id.is_some(), &[Refund], "refundPurchaseId"),
        (body.refund_transaction_id.is_some(), &[Refund], "refundTransactionId"),
    ];
    let vain = rows.into_iter().find(|(told, kinds, _)| *told && !kinds.contains(&kind));
    vain.map(|(_, _, name)| name)
}

type Made = Result<Result<Command, Refusal>, Failed>;

/// The command, or the house's own refusal of what a command needs.
fn command(kind: Kind, purchase: &str, one: &str, guest: Option<Key>, body: CommandIn) -> Made {
    let nobody = || Refusal::new(Code::CardHolderNotFound, "Клиент не назван");
    let id = purchase.to_owned();
    let CommandIn { cheque, coupons: shown, params: told, amount, .. } = body;
    let params = params(told).ok_or_else(|| invalid("params"))?;
    let cheque = cheque.map(|cheque| cheque.into_cheque().ok_or_else(|| invalid("cheque")));
    let cheque = cheque.transpose()?;
    let sale = |guest, cheque: Option<Cheque>, params: Vec<Param>| {
        let cheque = cheque.ok_or_else(|| invalid("cheque"))?;
        Ok::<_, Failed>(Sale {
            purchase: id.clone(),
            guest,
            cheque,
            coupons: coupons(shown),
            params,
        })
    };
    let money = |money: Option<super::model::Money>| money.map(|money| money.0);
    Ok(Ok(match kind {
        Kind::Balance => match guest {
            Some(guest) => Command::Balance { guest },
            None => return Ok(Err(nobody())),
        },
        Kind::Calculate => Command::Calculate {
            sale: sale(guest, cheque, params)?,
            wish: money(body.payment_amount),
        },
        Kind::Available => match guest {
            Some(guest) => Command::Available {
                purchase: id,
                guest,
                cheque: cheque.ok_or_else(|| invalid("cheque"))?,
            },
            None => return Ok(Err(nobody())),
        },
        Kind::Pay => {
            let amount: Kopecks = money(amount).ok_or_else(|| invalid("amount"))?;
            if guest.is_none() {
                return Ok(Err(nobody()));
            }
            let pin = body.pin_code.map(Into::into);
            Command::Pay { sale: sale(guest, cheque, params)?, amount, pin }
        }
        Kind::Accrue => {
            Command::Accrue { sale: sale(guest, cheque, params)?, pays: pays(body.pays) }
        }
        Kind::Confirm => Command::Confirm { purchase: id },
        Kind::Cancel => Command::Cancel { purchase: id },
        Kind::CancelOperation => {
            Command::CancelOperation { purchase: id, operation: one.to_owned() }
        }
        Kind::Refund => Command::Refund {
            purchase: id,
            of_purchase: body.refund_purchase_id,
            of_transaction: body.refund_transaction_id,
            guest,
            cheque: cheque.ok_or_else(|| invalid("cheque"))?,
        },
        Kind::Card => return Err(Failed::Status(StatusCode::NOT_FOUND)),
    }))
}

fn invalid(field: &str) -> Failed {
    Failed::Invalid(field.into(), "поле не заполнено или заполнено неверно".into())
}

fn refused(till: &str, operation: &str, refusal: &Refusal) -> Data {
    let reply = Reply::default();
    let result = ResultOut::new(till, operation, refusal.code.name(), &reply);
    written(&result.refused(&refusal.message))
}

fn written(result: &ResultOut<'_>) -> Data {
    let json = serde_json::to_string(&[result]);
    json.map_err(|_| Failed::Status(StatusCode::INTERNAL_SERVER_ERROR))
}

/// `purchases/confirm|cancel/{till}/{purchase}`, by an operator.
pub(super) fn by_operator(call: &Call<'_>, end: &str, till: &str, purchase: &str) -> Data {
    call.is(&Method::POST)?;
    if call.bearer.who != Who::Operator {
        return Err(Failed::Status(StatusCode::FORBIDDEN));
    }
    let purchase = purchase.to_owned();
    let command = match end {
        "confirm" => Command::Confirm { purchase },
        _ => Command::Cancel { purchase },
    };
    let operation = call.house.with(|store| store.operator_operation());
    let (digest, at) = (digest(call), call.house.now());
    let request = Request { till: till.to_owned(), operation, at, cashier: None, digest, command };
    match call.house.perform(&request) {
        Ok(_) => Ok(NOTHING.to_owned()),
        Err(refusal) => Err(NotDone(refusal.code.name(), "Покупку нельзя изменить").into()),
    }
}
