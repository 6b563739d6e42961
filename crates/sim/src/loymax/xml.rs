//! The processing's XML: a strict schema, batches, the letters of the request (loymax.md 3 to 7).
//!
//! It reads with a parser of its own, not with the adapter's.

mod answer;
mod letters;
mod message;
mod parts;
mod schema;
mod tree;
mod value;

use self::letters::Letters;
use super::house::{Code, House, Kind, Performed, Refusal};

/// What an answer is made to look like.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Shape {
    /// Every command is refused with this number, and not performed.
    pub(super) code: Option<u32>,
    /// The whole message is refused with this number, and nothing is performed.
    pub(super) message_code: Option<u32>,
    /// `Version` is left out.
    pub(super) no_version: bool,
    /// Lines come in another order.
    pub(super) reordered: bool,
    /// Lines have other numbers.
    pub(super) renumbered: bool,
    /// `Cheque` is left out.
    pub(super) no_cheque: bool,
}

/// What became of one command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Which command.
    pub kind: Kind,
    /// Its operation id.
    pub operation: String,
    /// Its purchase.
    pub purchase: Option<String>,
    /// The number that was answered, 0 for success.
    pub code: u32,
    /// It was done now, for the first time.
    pub done: bool,
}

/// A command that is refused, by its number on the wire.
#[derive(Debug)]
struct Refused {
    number: u32,
    message: String,
}

/// An answer, and what became of the commands.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) body: Vec<u8>,
    pub(super) encoding: &'static str,
    pub(super) records: Vec<Record>,
}

/// Answers one message of a till.
pub(super) fn answer(house: &House, till: &str, body: &[u8], shape: Shape) -> Told {
    let (letters, text) = match letters::decode(body) {
        Ok(read) => read,
        Err(why) => return refuse(&Refusal::new(Code::ParseError, why), Letters::Utf8, shape),
    };
    let rules = house.with(|store| store.rules.clone());
    let asked = match message::read(&text, till, body, &rules) {
        Ok(asked) => asked,
        Err(refusal) => return refuse(&refusal, letters, shape),
    };
    if let Some(number) = shape.message_code {
        let body = answer::refused(number, "Ошибка процессинга", letters, shape);
        return Told { body, encoding: letters.name(), records: Vec::new() };
    }
    let mut records = Vec::new();
    let mut answers = Vec::new();
    for one in asked {
        let came = match shape.code {
            Some(number) => {
                Err(Refused { number, message: "Ошибка процессинга".to_owned() })
            }
            None => perform(house, till, &one),
        };
        records.push(Record {
            kind: one.request.command.kind(),
            operation: one.request.operation.clone(),
            purchase: one.request.command.purchase().map(str::to_owned),
            code: came.as_ref().err().map_or(0, |refused| refused.number),
            done: came.as_ref().is_ok_and(|performed| !performed.replayed),
        });
        answers.push((one, came.map(|performed| performed.reply)));
    }
    let body = answer::answered(&answers, till, &rules, letters, shape);
    Told { body, encoding: letters.name(), records }
}

/// The commands that a message seems to have, without reading it properly.
pub(super) fn kinds(body: &[u8]) -> Vec<Kind> {
    let Ok((_, text)) = letters::decode(body) else { return Vec::new() };
    let has = |kind: &Kind| text.contains(&format!("<{}", schema::command(*kind)[0]));
    Kind::ALL.into_iter().filter(has).collect()
}

/// The whole message is refused, in the words of the processing.
pub(super) fn refuse_all(code: Code, why: &str, body: &[u8]) -> Told {
    let letters = letters::decode(body).map_or(Letters::Utf8, |(letters, _)| letters);
    refuse(&Refusal::new(code, why), letters, Shape::default())
}

fn refuse(refusal: &Refusal, letters: Letters, shape: Shape) -> Told {
    let body = answer::refused(refusal.code.number(), &refusal.message, letters, shape);
    Told { body, encoding: letters.name(), records: Vec::new() }
}

fn perform(house: &House, till: &str, one: &message::Asked) -> Result<Performed, Refused> {
    let refused =
        |refusal: Refusal| Refused { number: refusal.code.number(), message: refusal.message };
    if one.device.as_deref().is_some_and(|device| device != till) {
        return Err(refused(Refusal::new(Code::DeviceNotFound, "Касса не найдена")));
    }
    house.perform(&one.request).map_err(refused)
}
