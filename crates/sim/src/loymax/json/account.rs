//! Registration, by a guest or by an operator.

use http::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Data, Failed, NOTHING};
use crate::loymax::house::{Bearer, Begun, ClientId, Step, Store, Who};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BeginIn {
    login: String,
    password: Option<SecretText>,
    cvc_code: Option<SecretText>,
    without_call: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PhoneIn {
    phone_number: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ConfirmIn {
    confirm_code: SecretText,
    password: Option<SecretText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AnswerIn {
    question_id: i64,
    #[expect(dead_code, reason = "the group is not looked at")]
    question_group_id: i64,
    value: String,
    fixed_answer_ids: Vec<i64>,
    #[expect(dead_code, reason = "the mark is not looked at")]
    tag: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CardIn {
    pub(super) card_number: String,
    pub(super) cvc_code: Option<SecretText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordIn {
    password: SecretText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PersonIn {
    person_id: String,
}

/// A text that is kept secret from the moment it is read.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(super) struct SecretText(SecretString);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl SecretText {
    pub(super) fn text(&self) -> &str {
        self.0.expose_secret()
    }
}

/// `Registration/…`, `User/…`
pub(super) fn route(call: &Call<'_>, segments: &[&str]) -> Data {
    match segments {
        ["Registration", "BeginRegistration"] => begin(call),
        ["Registration", "TryFinishRegistration"] => {
            call.is(&Method::POST)?;
            finish(call, call.client()?)
        }
        ["Registration", "TryFinishRegistrationCustomer"] => {
            call.is(&Method::POST)?;
            let body: PersonIn = call.body()?;
            finish(call, call.client_of(&body.person_id)?)
        }
        ["User", "RegistrationActions"] => {
            call.is(&Method::GET)?;
            let client = call.client()?;
            let steps = call.house.with(|store| store.steps(client));
            let actions: Vec<Value> = steps.into_iter().map(action).collect();
            Ok(json!({ "actions": actions }).to_string())
        }
        ["User", "AcceptTenderOffer"] => step(call, call.client()?, "AcceptTenderOffer"),
        ["User", "PhoneNumber"] => step(call, call.client()?, "SetPhone"),
        ["User", "PhoneNumber", "SendConfirmCode"] => {
            step(call, call.client()?, "SendConfirmPhoneCode")
        }
        ["User", "PhoneNumber", "Confirm"] => step(call, call.client()?, "PostConfirmPhoneCode"),
        ["User", "Answers"] => step(call, call.client()?, "UpdateAnswers"),
        ["User", "Password", "Set"] => {
            call.is(&Method::POST)?;
            let (client, body): (_, PasswordIn) = (call.client()?, call.body()?);
            if body.password.text().chars().count() < PASSWORD_CHARS_MIN {
                let why = "Пароль короче 6 знаков";
                return Err(Failed::Invalid("password".into(), why.into()));
            }
            call.house.with(|store| store.public.passwords.insert(client, body.password.0));
            Ok(NOTHING.to_owned())
        }
        _ => Err(Failed::Status(StatusCode::NOT_FOUND)),
    }
}

const PASSWORD_CHARS_MIN: usize = 6;

/// `users/{personId}/…`: an operator does the steps of a guest.
pub(super) fn operator(call: &Call<'_>, client: ClientId, name: &str) -> Data {
    if name == "SetCard" {
        call.is(&Method::POST)?;
        return super::cards::attach(call, client);
    }
    step(call, client, name)
}

fn begin(call: &Call<'_>) -> Data {
    call.is(&Method::POST)?;
    let body: BeginIn = call.body()?;
    // Nobody is called here; the code comes as a message in either case.
    let _ = body.without_call;
    let password = body.password.map(|password| password.0);
    let cvc = body.cvc_code.as_ref().map(SecretText::text);
    let application = call.bearer.application.clone();
    let begun = call.house.with(|store: &mut Store| {
        let begun = store.begin_registration(&body.login, password, cvc);
        let Begun::Started(client) = begun else { return Err(begun) };
        let bearer = Bearer { application, who: Who::Guest(client) };
        Ok((client, store.token_of(&bearer)))
    });
    let data = match begun {
        Ok((client, token)) => json!({
            "state": "Success",
            "token": token.access.expose_secret(),
            "personId": client.0,
        }),
        Err(Begun::Password) => json!({ "state": "PasswordRequired" }),
        Err(Begun::Blocked) => json!({ "state": "RegistrationBlocked" }),
        Err(Begun::Completed) => json!({ "state": "RegistrationAlreadyCompleted" }),
        Err(Begun::Invalid | Begun::Started(_)) => json!({ "state": "InvalidLoginPassword" }),
    };
    Ok(data.to_string())
}

fn step(call: &Call<'_>, client: ClientId, name: &str) -> Data {
    call.is(&Method::POST)?;
    match name {
        "AcceptTenderOffer" => call.house.with(|store| store.accept_offer(client))?,
        "SetPhone" => {
            let body: PhoneIn = call.body()?;
            call.house.with(|store| store.set_phone(client, &body.phone_number))?;
        }
        "SendConfirmPhoneCode" => call.house.with(|store| store.send_code(client))?,
        "PostConfirmPhoneCode" => {
            let body: ConfirmIn = call.body()?;
            let password = body.password.map(|password| password.0);
            let entered = body.confirm_code.text();
            call.house.with(|store| store.confirm_phone(client, entered, password))?;
        }
        "UpdateAnswers" => {
            let body: Vec<AnswerIn> = call.body()?;
            let blank = |it: &&AnswerIn| it.value.is_empty() && it.fixed_answer_ids.is_empty();
            if let Some(answer) = body.iter().find(blank) {
                let field = answer.question_id.to_string();
                return Err(Failed::Invalid(field, "Вопрос без ответа".into()));
            }
            let ids: Vec<i64> = body.iter().map(|answer| answer.question_id).collect();
            call.house.with(|store| store.answer_questions(client, &ids))?;
        }
        _ => return Err(Failed::Status(StatusCode::NOT_FOUND)),
    }
    Ok(NOTHING.to_owned())
}

fn finish(call: &Call<'_>, client: ClientId) -> Data {
    let missing = call.house.with(|store| store.try_finish(client))?;
    let actions: Vec<Value> = missing.iter().map(|step| action((*step, false))).collect();
    let done = actions.is_empty();
    Ok(json!({ "registrationCompleted": done, "uncompletedActions": actions }).to_string())
}

fn action((step, done): (Step, bool)) -> Value {
    json!({ "userActionType": step.name(), "actionState": "Required", "isDone": done })
}
