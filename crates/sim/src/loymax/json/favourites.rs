//! Favourite goods.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Data, Failed, NOTHING};
use crate::loymax::house::{ClientId, FavouriteSet, NotDone, Store};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ChooseIn {
    goods_id: String,
}

const NO_SET: NotDone = NotDone("SetNotFound", "Набор не найден");

/// `favoriteGoods/…` of this guest.
pub(super) fn route(call: &Call<'_>, client: ClientId, segments: &[&str]) -> Data {
    match segments {
        [] => {
            call.is(&Method::GET)?;
            sets(call, client)
        }
        [id] => {
            call.is(&Method::GET)?;
            let id = number(id)?;
            let set = call.house.with(|store| {
                let set = store.public.favourites.get(&id)?;
                Some(shown(store, client, id, set))
            });
            Ok(set.ok_or(NO_SET)?.to_string())
        }
        [id, "list"] => {
            call.is(&Method::GET)?;
            choices(call, number(id)?)
        }
        [id, position] => {
            let (id, position) = (number(id)?, number(position)?);
            if call.is(&Method::DELETE).is_ok() {
                call.house.with(|store| store.clear(client, id, position))?;
                return Ok(NOTHING.to_owned());
            }
            call.is(&Method::PUT)?;
            let body: ChooseIn = call.body()?;
            call.house.with(|store| store.choose(client, id, position, &body.goods_id))?;
            Ok(NOTHING.to_owned())
        }
        _ => Err(Failed::Status(StatusCode::NOT_FOUND)),
    }
}

fn number<T: core::str::FromStr>(text: &str) -> Result<T, Failed> {
    text.parse().map_err(|_| Failed::Not(NO_SET))
}

fn sets(call: &Call<'_>, client: ClientId) -> Data {
    let query = call.query();
    let field = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
    let count = |name: &str, usual: usize| match field(name) {
        None => Ok(usual),
        Some(text) => text.parse().map_err(|_| Failed::Invalid(name.into(), "не число".into())),
    };
    let (skip, most) = (count("from", 0)?, count("count", 100)?);
    let (from, until) = (field("fromDate").unwrap_or(""), field("toDate").unwrap_or("9999"));
    let all: Vec<Value> = call.house.with(|store| {
        let sets = store.public.favourites.iter();
        let within = |set: &FavouriteSet| set.until.as_str() >= from && set.from.as_str() <= until;
        let sets = sets.filter(|(_, set)| within(set)).skip(skip).take(most);
        sets.map(|(id, set)| shown(store, client, *id, set)).collect()
    });
    Ok(Value::from(all).to_string())
}

fn shown(store: &Store, client: ClientId, id: u64, set: &FavouriteSet) -> Value {
    let cell = |position: u32| {
        let chosen = set.chosen.get(&(client, position));
        json!({
            "position": position,
            "allowChange": !set.locked.contains(&position),
            "good": chosen.map(|chosen| goods(store, &chosen.goods)),
            "lastChanged": chosen.map(|chosen| chosen.at.to_string()),
            "positionType": "Normal",
        })
    };
    let cells: Vec<Value> = (1..=set.cells).map(cell).collect();
    json!({
        "id": id,
        "fromDate": set.from,
        "toDate": set.until,
        "defaultGoodsCount": set.cells,
        "maxGoodsCount": set.cells_max,
        "goods": cells,
    })
}

fn goods(store: &Store, code: &str) -> Value {
    let known = store.goods.get(code);
    json!({
        "codeGood": code,
        "barCode": known.and_then(|goods| goods.barcodes.first()),
        "name": known.map_or(code, |goods| &goods.name),
    })
}

fn choices(call: &Call<'_>, id: u64) -> Data {
    let query = call.query();
    let part = query.iter().find(|(key, _)| key == "name").map(|(_, value)| value.to_lowercase());
    let part = part.unwrap_or_default();
    let found = call.house.with(|store| {
        let set = store.public.favourites.get(&id)?;
        let all = set.choices.iter().map(|code| goods(store, code));
        let named = |goods: &Value| {
            goods.get("name").and_then(Value::as_str).unwrap_or_default().to_lowercase()
        };
        Some(all.filter(|goods| named(goods).contains(&part)).collect::<Vec<_>>())
    });
    Ok(Value::from(found.ok_or(NO_SET)?).to_string())
}
