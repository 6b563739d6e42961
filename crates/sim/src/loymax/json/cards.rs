//! Cards, their QR codes, and coupons.

use http::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::account::{CardIn, SecretText};
use super::{Call, Data, Failed, NOTHING};
use crate::loymax::house::{Card, ClientId, CouponKey, Key, KeyKind, Label, NotDone, Store, Who};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ReplaceIn {
    card_number: String,
    cvc_code: Option<SecretText>,
    #[expect(dead_code, reason = "cards have no passwords here")]
    card_password: Option<SecretText>,
    password: Option<SecretText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct IssueIn {
    #[expect(dead_code, reason = "any partner may hand out a card")]
    partner_id: String,
}

const NO_CARD: NotDone = NotDone("CardNotFound", "Карта не найдена");

/// `Cards/…`
pub(super) fn route(call: &Call<'_>, segments: &[&str]) -> Data {
    match segments {
        [] => list(call),
        ["Set"] => {
            call.is(&Method::POST)?;
            attach(call, call.client()?)
        }
        ["EmitVirtual"] => {
            call.is(&Method::PUT)?;
            let client = call.client()?;
            call.house.with(|store| store.emit_virtual(client))?;
            Ok(NOTHING.to_owned())
        }
        [id, "QrCode"] => {
            call.is(&Method::GET)?;
            let client = call.client()?;
            let card = call.house.with(|store| own_card(store, client, id));
            qr(call, &card.ok_or(NO_CARD)?)
        }
        [id, "Replace"] => replace(call, id),
        [id, "Issue"] => {
            call.is(&Method::POST)?;
            let _: IssueIn = call.body()?;
            if call.bearer.who != Who::Operator {
                return Err(Failed::Status(StatusCode::FORBIDDEN));
            }
            call.house.with(|store| {
                let number = store.cards.keys().find(|number| card_id(number) == **id).cloned();
                store.issue_card(&number.ok_or(NO_CARD)?)
            })?;
            Ok(NOTHING.to_owned())
        }
        _ => Err(Failed::Status(StatusCode::NOT_FOUND)),
    }
}

/// The number by which the calls know a card: no part of what is printed on it.
pub(super) fn card_id(number: &str) -> String {
    let digest = Sha256::digest(number);
    let id = digest.iter().take(5).fold(0_u64, |all, byte| all * 256 + u64::from(*byte));
    id.to_string()
}

fn own_card(store: &Store, client: ClientId, id: &str) -> Option<String> {
    let mut own = store.cards.values().filter(|card| card.owner == Some(client));
    own.find(|card| card_id(&card.number) == id).map(|card| card.number.clone())
}

fn list(call: &Call<'_>) -> Data {
    call.is(&Method::GET)?;
    let client = call.client()?;
    let shown = |card: &Card| {
        json!({
            "id": card_id(&card.number),
            "number": card.number,
            "state": card.state.name(),
        })
    };
    let all: Vec<Value> = call.house.with(|store| {
        store.cards.values().filter(|card| card.owner == Some(client)).map(shown).collect()
    });
    Ok(Value::from(all).to_string())
}

/// A card becomes a guest's.
pub(super) fn attach(call: &Call<'_>, client: ClientId) -> Data {
    let body: CardIn = call.body()?;
    let cvc = body.cvc_code.as_ref().map(SecretText::text);
    call.house.with(|store| store.attach_card(client, &body.card_number, cvc))?;
    Ok(NOTHING.to_owned())
}

fn replace(call: &Call<'_>, id: &str) -> Data {
    call.is(&Method::POST)?;
    let body: ReplaceIn = call.body()?;
    let client = call.client()?;
    call.house.with(|store| {
        let old = own_card(store, client, id).ok_or(NO_CARD)?;
        let cvc = body.cvc_code.as_ref().map(SecretText::text);
        if !store.cvc_fits(&body.card_number, cvc) {
            return Err(NotDone("WrongCvcCode", "Неверный код карты"));
        }
        let known = store.public.passwords.get(&client);
        let told = body.password.as_ref().map(SecretText::text);
        if told.is_some() && known.map(|known| known.expose_secret()) != told {
            return Err(NotDone("WrongPassword", "Неверный пароль"));
        }
        let key = |value: &str| Key { kind: KeyKind::CardNumber, value: value.to_owned() };
        let done = store.replace_own_card(&key(&old), &key(&body.card_number));
        done.map_err(|code| NotDone(code.name(), "Карту нельзя заменить"))
    })?;
    Ok(NOTHING.to_owned())
}

/// `users/code/{identifier}/cards/{cardNumber}/qrcode`
pub(super) fn qr_of(call: &Call<'_>, shown: &str, number: &str) -> Data {
    call.is(&Method::GET)?;
    if call.bearer.who != Who::Operator {
        return Err(Failed::Status(StatusCode::FORBIDDEN));
    }
    let fits = call.house.with(|store| {
        let phone = store.guest_of_phone(shown);
        let client = phone.or(store.cards.get(shown).and_then(|card| card.owner));
        client.is_some() && store.cards.get(number).is_some_and(|card| card.owner == client)
    });
    if fits { qr(call, number) } else { Err(NO_CARD.into()) }
}

fn qr(call: &Call<'_>, number: &str) -> Data {
    let token = call.house.with(|store| store.make_only_qr(number));
    let data = json!({
        "code": token.text(),
        "codeGeneratedDate": token.made.to_string(),
        "lifeTime": token.life.as_secs(),
    });
    Ok(data.to_string())
}

/// `Coupons/number/{number}`
pub(super) fn coupon(call: &Call<'_>, number: &str) -> Data {
    call.is(&Method::GET)?;
    let key = CouponKey { label: Label::Number, value: number.to_owned() };
    let found = call.house.with(|store| {
        let coupon = store.coupon_of(&key)?;
        let text = store.series.get(&coupon.series).map(|series| series.text.clone());
        Some(json!({
            "code": coupon.number,
            "qrContent": coupon.qr,
            "state": coupon.state.name(),
            "description": text,
            "expiryDate": coupon.until.map(|until| until.to_string()),
        }))
    });
    let none = NotDone("CouponNotFound", "Купон не найден");
    Ok(found.ok_or(none)?.to_string())
}
