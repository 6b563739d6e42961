//! What every answer is wrapped in: a result, and the data it brings (loymax.md 13).

use http::StatusCode;
use serde_json::value::RawValue;

use super::error::{ApiError, FieldFault, said};
use super::json::{Node, Unlike};
use super::words::{Name, Words};
use crate::wire::shortened;

/// How an answer says it went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Success,
    Fail,
    Error,
    Validation,
}

/// An answer, opened.
pub(super) struct Envelope<'a> {
    pub(super) state: State,
    /// The server's code; empty when it says none.
    pub(super) code: Box<str>,
    /// Its words as they came. They may name a guest.
    pub(super) words: Box<str>,
    pub(super) faults: Vec<FieldFault>,
    pub(super) data: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    pub(super) fn open(words: &'a Words, body: &'a [u8]) -> Result<Self, Unlike> {
        let root = Node::parse(words, body).map_err(|_| Unlike("an object"))?;
        let result = root.node(Name::Result)?.ok_or(Unlike(Name::Result.usual()))?;
        let state = result.text(Name::State)?.ok_or(Unlike(Name::State.usual()))?;
        let states = [
            (Name::StateSuccess, State::Success),
            (Name::StateFail, State::Fail),
            (Name::StateError, State::Error),
            (Name::StateValidation, State::Validation),
        ];
        let is = |name: Name| words.name(name).eq_ignore_ascii_case(&state);
        let known = states.into_iter().find(|(name, _)| is(*name));
        Ok(Self {
            state: known.ok_or(Unlike(Name::State.usual()))?.1,
            code: shown(&result.text(Name::MessageCode).ok().flatten().unwrap_or_default()),
            words: shortened(&result.text(Name::Message).ok().flatten().unwrap_or_default()),
            faults: faults(&result),
            data: root.raw(Name::Data),
        })
    }

    /// The state's name in the words table.
    pub(super) fn state_name(&self) -> Name {
        match self.state {
            State::Success => Name::StateSuccess,
            State::Fail => Name::StateFail,
            State::Error => Name::StateError,
            State::Validation => Name::StateValidation,
        }
    }

    /// The data of a success under a good status; otherwise what went wrong.
    fn into_data(self, status: StatusCode) -> Result<Option<&'a RawValue>, ApiError> {
        let state = self.state_name().usual();
        let code = if self.code.is_empty() { state.into() } else { self.code };
        match self.state {
            State::Success if status.is_success() => Ok(self.data),
            State::Success => Err(broken(status)),
            State::Error => Err(ApiError::Broken(format!("{code} {}", said(&self.words)).into())),
            State::Validation if !self.faults.is_empty() => Err(ApiError::Invalid(self.faults)),
            State::Fail | State::Validation => {
                Err(ApiError::Refused { code, text: said(&self.words) })
            }
        }
    }
}

/// At most so many are told.
const FAULTS_MAX: usize = 16;

fn faults(result: &Node<'_>) -> Vec<FieldFault> {
    let listed = result.nodes(Name::ValidationErrors).unwrap_or_default();
    let fault = |node: &Node<'_>| FieldFault {
        field: shown(&node.text(Name::Field).ok().flatten().unwrap_or_default()),
        text: said(&messages(node)),
    };
    listed.iter().take(FAULTS_MAX).map(fault).collect()
}

/// A name in the server's answer. A server that puts a phone there does not make us tell it.
fn shown(name: &str) -> Box<str> {
    said(name).as_str().into()
}

fn messages(node: &Node<'_>) -> String {
    let list = node.raw(Name::ErrorMessages);
    let list = list.and_then(|raw| serde_json::from_str::<Vec<String>>(raw.get()).ok());
    match list {
        Some(list) => list.join(" "),
        None => node.text(Name::Message).ok().flatten().unwrap_or_default().into(),
    }
}

/// The data that an answer brings. Only an explicit success is one.
pub(super) fn data<'a>(
    words: &'a Words,
    status: StatusCode,
    body: &'a [u8],
) -> Result<Option<&'a RawValue>, ApiError> {
    if status == StatusCode::FORBIDDEN {
        return Err(ApiError::Denied("HTTP 403".into()));
    }
    match Envelope::open(words, body) {
        Ok(envelope) => envelope.into_data(status),
        Err(unlike) if status.is_success() => Err(unlike.into()),
        Err(_) if status.is_server_error() => Err(broken(status)),
        Err(_) => Err(ApiError::Denied(format!("HTTP {}", status.as_u16()).into())),
    }
}

fn broken(status: StatusCode) -> ApiError {
    ApiError::Broken(format!("HTTP {}", status.as_u16()).into())
}

#[cfg(test)]
mod tests {
    use tillway_core::pan::Masked;

    use super::*;

    fn opened(status: u16, body: &str) -> Result<Option<String>, ApiError> {
        let words = Words::default();
        let status = StatusCode::from_u16(status).unwrap();
        data(&words, status, body.as_bytes()).map(|data| data.map(|raw| raw.get().to_owned()))
    }

    fn refused(code: &str, text: &str) -> ApiError {
        ApiError::Refused { code: code.into(), text: Masked::new(text) }
    }

    #[test]
    fn only_an_explicit_success_is_one() {
        let rows: [(u16, &str, _); 15] = [
            (200, r#"{"result":{"state":"Success"},"data":{"a":1}}"#, Ok(Some(r#"{"a":1}"#))),
            (200, r#"{"Result":{"State":"success"},"Data":null}"#, Ok(None)),
            (200, r#"{"data":{}}"#, Err(ApiError::Unreadable("result"))),
            (200, r#"{"result":{},"data":{}}"#, Err(ApiError::Unreadable("state"))),
            (200, r#"{"result":{"state":"Maybe"}}"#, Err(ApiError::Unreadable("state"))),
            (200, "<html/>", Err(ApiError::Unreadable("an object"))),
            (200, "", Err(ApiError::Unreadable("an object"))),
            (500, "", Err(ApiError::Broken("HTTP 500".into()))),
            (503, "<html/>", Err(ApiError::Broken("HTTP 503".into()))),
            (500, r#"{"result":{"state":"Success"}}"#, Err(ApiError::Broken("HTTP 500".into()))),
            (404, "", Err(ApiError::Denied("HTTP 404".into()))),
            (403, r#"{"result":{"state":"Success"}}"#, Err(ApiError::Denied("HTTP 403".into()))),
            (200, r#"{"result":{"state":"Error"}}"#, Err(ApiError::Broken("Error ".into()))),
            (
                200,
                r#"{"result":{"state":"Fail","messageCode":"WrongCode","message":"Нет"}}"#,
                Err(refused("WrongCode", "Нет")),
            ),
            (400, r#"{"result":{"state":"Fail"}}"#, Err(refused("Fail", ""))),
        ];
        for (status, body, expected) in rows {
            let expected = expected.map(|data| data.map(ToOwned::to_owned));
            assert_eq!(opened(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_code_tells_no_phone() {
        let body = r#"{"result":{"state":"Fail","messageCode":"79990000001","message":"Нет"}}"#;
        assert_eq!(opened(400, body), Err(refused("*********01", "Нет")));
        let body = body.replace("Fail", "Error");
        assert_eq!(opened(200, &body), Err(ApiError::Broken("*********01 Нет".into())));
    }

    #[test]
    fn fields_are_named() {
        let body = r#"{"result":{"state":"ValidationError","validationErrors":[
            {"field":"login","errorMessages":["Телефон 79990000001","занят"]},
            {"field":"password","message":"Коротко"}]}}"#;
        let fault =
            |field: &str, text: &str| FieldFault { field: field.into(), text: Masked::new(text) };
        let faults =
            vec![fault("login", "Телефон *********01 занят"), fault("password", "Коротко")];
        assert_eq!(opened(400, body), Err(ApiError::Invalid(faults)));
    }
}
