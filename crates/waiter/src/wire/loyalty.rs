//! The shapes of the Waiter API.

use secrecy::SecretString;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tillway_core::port::LoyaltyView;
use tillway_core::token::Scan;
use tillway_core::wallet::{Limits, Wallet};

use crate::config::{JsonCase, WaiterConfig};
use crate::error::Flaw;
use crate::wire::fields::Fields;
use crate::wire::{RublesNumber, Text};

/// What a check-in brings.
#[derive(Debug)]
pub(crate) struct CheckinRequest {
    pub(crate) scan: Scan,
    pub(crate) pin: Option<SecretString>,
}

impl CheckinRequest {
    /// Reads a body; an empty one has no value (W14).
    pub(crate) fn read(body: &[u8]) -> Result<Self, Flaw> {
        if body.is_empty() {
            return Err(Flaw::ValueRequired);
        }
        let fields = Fields::parse(body)?;
        let pin = pin(&fields)?;
        let value = fields.raw("Value").ok_or(Flaw::ValueRequired)?;
        let scan = text_or_integer(value, Flaw::ValueRequired)?;
        Ok(Self { scan: Scan::new(scan), pin })
    }
}

/// The PIN of a check-out; an empty body has none (W34).
pub(crate) fn checkout_pin(body: &[u8]) -> Result<Option<SecretString>, Flaw> {
    if body.is_empty() { Ok(None) } else { pin(&Fields::parse(body)?) }
}

/// An empty PIN is none (W24, W25).
fn pin(fields: &Fields<'_>) -> Result<Option<SecretString>, Flaw> {
    let Some(raw) = fields.raw("WaiterPin") else { return Ok(None) };
    let pin = text_or_integer(raw, Flaw::BadJson)?;
    Ok((!pin.is_empty()).then(|| SecretString::from(pin)))
}

/// A text, or a whole number by its literal digits (J9).
fn text_or_integer(raw: &RawValue, otherwise: Flaw) -> Result<String, Flaw> {
    let literal = raw.get();
    if literal.starts_with('"') {
        return serde_json::from_str(literal).map_err(|_| Flaw::BadJson);
    }
    let digits = literal.strip_prefix('-').unwrap_or(literal);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole { Ok(literal.to_owned()) } else { Err(otherwise) }
}

/// How names are written in one body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Case {
    Pascal,
    Camel,
}

impl JsonCase {
    /// In a body that is JSON.
    pub(crate) fn in_json(self) -> Case {
        match self {
            Self::AsDocumented | Self::Pascal => Case::Pascal,
            Self::Camel => Case::Camel,
        }
    }

    /// In the part `loyalty` of a multipart body.
    pub(crate) fn in_part(self) -> Case {
        match self {
            Self::AsDocumented | Self::Camel => Case::Camel,
            Self::Pascal => Case::Pascal,
        }
    }
}

/// A member's name in both cases.
#[derive(Clone, Copy, Debug)]
struct Name(&'static str, &'static str);

const PRODUCT_SKUS: Name = Name("ProductSKUs", "productSKUs");
const USER_WALLETS: Name = Name("UserWallets", "userWallets");
const SUGGESTIONS: Name = Name("Suggestions", "suggestions");
const WAITER_MESSAGE: Name = Name("WaiterMessage", "waiterMessage");
const CODE: Name = Name("Code", "code");
const ID: Name = Name("Id", "id");
const NAME: Name = Name("Name", "name");
const BALANCE: Name = Name("Balance", "balance");
const BONUS_SUM: Name = Name("BonusSum", "bonusSum");
const DEPOSIT_SUM: Name = Name("DepositSum", "depositSum");

impl Name {
    fn written(self, case: Case) -> &'static str {
        match case {
            Case::Pascal => self.0,
            Case::Camel => self.1,
        }
    }
}

/// A message, with a code when it is a fault of the protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageOut<'a> {
    pub(crate) case: Case,
    pub(crate) message: &'a str,
    pub(crate) code: Option<&'a str>,
}

impl Serialize for MessageOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(WAITER_MESSAGE.written(self.case), self.message)?;
        if let Some(code) = self.code {
            map.serialize_entry(CODE.written(self.case), code)?;
        }
        map.end()
    }
}

/// `paymentLimits`: always both numbers (W45, W46).
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitsOut {
    pub(crate) case: Case,
    pub(crate) limits: Limits,
}

impl Serialize for LimitsOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        let (bonus, deposit) = (self.limits.bonus, self.limits.deposit);
        map.serialize_entry(BONUS_SUM.written(self.case), &RublesNumber(bonus.floor_zero()))?;
        map.serialize_entry(DEPOSIT_SUM.written(self.case), &RublesNumber(deposit.floor_zero()))?;
        map.end()
    }
}

/// `loyalty`: lists are never left out; the message is left out of JSON when there is none, and
/// `null` in the multipart part (J8).
#[derive(Clone, Debug)]
pub(crate) struct LoyaltyOut<'a> {
    pub(crate) gifts: &'a [Box<str>],
    pub(crate) wallets: &'a [Wallet],
    pub(crate) suggestions: Vec<&'a str>,
    pub(crate) message: Option<&'a str>,
}

impl<'a> LoyaltyOut<'a> {
    /// What is shown of a guest: the name and the note on overdraft come before the hints.
    pub(crate) fn of(view: &'a LoyaltyView, config: &'a WaiterConfig) -> Self {
        let name = config.name_in_suggestions.then_some(view.name.as_str());
        let overdraft = view.overdraft.then(|| config.texts.text("overdraft"));
        let hints = view.hints.iter().map(|hint| &**hint);
        let mut suggestions: Vec<&str> = Vec::new();
        for line in name.into_iter().chain(overdraft).chain(hints) {
            // A venue may have typed the same hint by hand.
            if !line.is_empty() && !suggestions.contains(&line) {
                suggestions.push(line);
            }
        }
        Self { gifts: &view.gifts, wallets: &view.wallets, suggestions, message: None }
    }

    /// What is shown when nothing could be read.
    pub(crate) fn outage(message: &'a str) -> Self {
        Self { gifts: &[], wallets: &[], suggestions: Vec::new(), message: Some(message) }
    }

    /// As a body of its own.
    pub(crate) fn json(&self, case: Case) -> LoyaltyShape<'_> {
        LoyaltyShape { out: self, case, null_message: false }
    }

    /// As the part of a multipart body.
    pub(crate) fn part(&self, case: Case) -> LoyaltyShape<'_> {
        LoyaltyShape { out: self, case, null_message: true }
    }
}

/// [`LoyaltyOut`] as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoyaltyShape<'a> {
    out: &'a LoyaltyOut<'a>,
    case: Case,
    null_message: bool,
}

impl Serialize for LoyaltyShape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (out, case) = (self.out, self.case);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(PRODUCT_SKUS.written(case), out.gifts)?;
        map.serialize_entry(USER_WALLETS.written(case), &Wallets(out.wallets, case))?;
        map.serialize_entry(SUGGESTIONS.written(case), &out.suggestions)?;
        if out.message.is_some() || self.null_message {
            map.serialize_entry(WAITER_MESSAGE.written(case), &out.message)?;
        }
        map.end()
    }
}

struct Wallets<'a>(&'a [Wallet], Case);

impl Serialize for Wallets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for wallet in self.0 {
            list.serialize_element(&WalletOut(wallet, self.1))?;
        }
        list.end()
    }
}

struct WalletOut<'a>(&'a Wallet, Case);

impl Serialize for WalletOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(wallet, case) = *self;
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry(ID.written(case), &Text(wallet.id))?;
        map.serialize_entry(NAME.written(case), &wallet.name)?;
        let balance = RublesNumber(wallet.available.floor_zero());
        map.serialize_entry(BALANCE.written(case), &balance)?;
        map.end()
    }
}

/// What the waiter reads after a check-in that is known here only (F17):
/// `Анна Сергеевна. Бонусы: 84 865,00. Депозит: 100 941,00`.
pub(crate) fn noted(name: &str, wallets: &[Wallet]) -> String {
    let mut text = name.to_owned();
    for wallet in wallets {
        text.push_str(". ");
        text.push_str(&wallet.name);
        text.push_str(": ");
        text.push_str(&wallet.available.floor_zero().for_people());
    }
    text
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use tillway_core::id::{AccountId, TillId, Uuid};
    use tillway_core::{AccountKind, Kopecks};

    use super::*;
    use crate::config::Till;

    fn read(body: &str) -> Result<(String, Option<String>), Flaw> {
        let request = CheckinRequest::read(body.as_bytes())?;
        let pin = request.pin.map(|pin| pin.expose_secret().to_owned());
        Ok((request.scan.expose().to_owned(), pin))
    }

    #[test]
    fn w14_to_w17_and_j9_bodies_of_a_check_in() {
        let good = [
            (r#"{"Value":"04A1B2C3D4E580","WaiterPin":"7"}"#, "04A1B2C3D4E580", Some("7")),
            (r#"{"value":"1","WAITERPIN":"12345"}"#, "1", Some("12345")),
            ("\u{feff}{\"VALUE\":\"1\"}", "1", None),
            (r#"{"Value":"1","Extra":{"a":[1]},"WaiterPin":null}"#, "1", None),
            (r#"{"Value":"1","WaiterPin":""}"#, "1", None),
            (r#"{"Value":"1","value":"2"}"#, "2", None),
            (r#"{"Value":149725735}"#, "149725735", None),
            (r#"{"Value":123456789012345678901234567890}"#, "123456789012345678901234567890", None),
            (r#"{"Value":" \r\n","WaiterPin":7}"#, " \r\n", Some("7")),
            (r#"{"Value":""}"#, "", None),
            ("{\"Value\":\"\\u0410\\u043d\\u043d\\u0430\"}", "Анна", None),
        ];
        for (body, value, pin) in good {
            assert_eq!(read(body), Ok((value.to_owned(), pin.map(str::to_owned))), "{body}");
        }
        let bad = [
            ("", Flaw::ValueRequired),
            ("{}", Flaw::ValueRequired),
            (r#"{"Value":null}"#, Flaw::ValueRequired),
            (r#"{"Value":true}"#, Flaw::ValueRequired),
            (r#"{"Value":{}}"#, Flaw::ValueRequired),
            (r#"{"Value":["1"]}"#, Flaw::ValueRequired),
            (r#"{"Value":1.5}"#, Flaw::ValueRequired),
            (r#"{"Value":1e5}"#, Flaw::ValueRequired),
            (r#"{"WaiterPin":"7"}"#, Flaw::ValueRequired),
            (r#"{"Value":"1","WaiterPin":{}}"#, Flaw::BadJson),
            (r#"{"Value":"\ud800"}"#, Flaw::BadJson),
            (r#"{"Value":"1""#, Flaw::BadJson),
            (r#"["Value"]"#, Flaw::BadJson),
            ("Value=1", Flaw::BadJson),
            (" ", Flaw::BadJson),
        ];
        for (body, flaw) in bad {
            assert_eq!(read(body), Err(flaw), "{body}");
        }
        let deep = format!(r#"{{"Value":"1","a":{}{}}}"#, "[".repeat(32), "]".repeat(32));
        assert_eq!(read(&deep), Err(Flaw::BadJson));
    }

    #[test]
    fn w34_a_check_out_may_have_no_body() {
        let pin = |body: &str| {
            let pin = checkout_pin(body.as_bytes())?;
            Ok(pin.map(|pin| pin.expose_secret().to_owned()))
        };
        assert_eq!(pin(""), Ok(None));
        assert_eq!(pin("{}"), Ok(None));
        assert_eq!(pin(r#"{"WaiterPin":"7"}"#), Ok(Some("7".to_owned())));
        assert_eq!(pin("[]"), Err(Flaw::BadJson));
    }

    fn wallet(name: &str, available: i64) -> Wallet {
        Wallet {
            id: AccountId(Uuid::from_u128(1)),
            kind: AccountKind::Deposit,
            name: name.into(),
            available: Kopecks(available),
        }
    }

    fn view() -> LoyaltyView {
        LoyaltyView {
            name: "Анна \"Ня\" О'К & <b> 🦊".to_owned(),
            wallets: vec![wallet("Депозит", 5_070), wallet("Пусто", -1)],
            gifts: vec!["20417".into()],
            hints: vec!["Овердрафт подключён".into(), "Любит у окна".into()],
            overdraft: true,
            photo: None,
        }
    }

    #[test]
    fn w36_w44_loyalty_as_json() {
        let till = Till::new(TillId::try_new("till-1").unwrap(), "till-1-secret");
        let config = WaiterConfig::new(till);
        let view = view();
        let out = LoyaltyOut::of(&view, &config);
        let json = serde_json::to_string(&out.json(Case::Pascal)).unwrap();
        let expected = concat!(
            r#"{"ProductSKUs":["20417"],"UserWallets":["#,
            r#"{"Id":"00000000-0000-0000-0000-000000000001","Name":"Депозит","Balance":50.7},"#,
            r#"{"Id":"00000000-0000-0000-0000-000000000001","Name":"Пусто","Balance":0}],"#,
            r#""Suggestions":["Анна \"Ня\" О'К & <b> 🦊","Овердрафт подключён","Любит у окна"]}"#,
        );
        assert_eq!(json, expected);

        let silent = WaiterConfig { name_in_suggestions: false, ..config };
        let out = LoyaltyOut::of(&view, &silent);
        assert_eq!(out.suggestions, ["Овердрафт подключён", "Любит у окна"]);
    }

    #[test]
    fn j2_j8_names_and_the_message() {
        let out = LoyaltyOut::outage("нет связи");
        assert_eq!(
            serde_json::to_string(&out.json(Case::Pascal)).unwrap(),
            r#"{"ProductSKUs":[],"UserWallets":[],"Suggestions":[],"WaiterMessage":"нет связи"}"#,
        );
        let quiet = LoyaltyOut { message: None, ..out };
        assert_eq!(
            serde_json::to_string(&quiet.part(Case::Camel)).unwrap(),
            r#"{"productSKUs":[],"userWallets":[],"suggestions":[],"waiterMessage":null}"#,
        );
        let rows = [
            (JsonCase::AsDocumented, Case::Pascal, Case::Camel),
            (JsonCase::Pascal, Case::Pascal, Case::Pascal),
            (JsonCase::Camel, Case::Camel, Case::Camel),
        ];
        for (set, json, part) in rows {
            assert_eq!((set.in_json(), set.in_part()), (json, part));
        }
    }

    #[test]
    fn f17_the_reduced_variant_names_guest_and_balances() {
        let wallets = [wallet("Бонусы", 8_486_500), wallet("Депозит", 10_094_100)];
        let text = noted("Анна Сергеевна", &wallets);
        assert_eq!(text, "Анна Сергеевна. Бонусы: 84 865,00. Депозит: 100 941,00");
    }
}
