//! One handle: its settings, its parameters, and what went wrong last.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tillway_sim::atol::Code;
use tillway_sim::atol::link::{Call, Param, Reply};

use crate::place::{Address, Place, refusal};
use crate::quirks::Quirks;
use crate::{Wide, wide, world};

/// What the driver calls the task and its result.
const JSON_DATA: i32 = 65_645;

/// A handle of the library.
#[derive(Default)]
pub(crate) struct Handle {
    settings: Map<String, Value>,
    single: Map<String, Value>,
    address: Option<Address>,
    quirks: Arc<Quirks>,
    place: Option<Place>,
    /// Set by the caller, gone after the next operation.
    given: BTreeMap<i32, Param>,
    /// Told by the last operation.
    told: BTreeMap<i32, Param>,
    code: i32,
    text: String,
}

impl Handle {
    pub(crate) fn set_settings(&mut self, json: &str) -> i32 {
        match serde_json::from_str::<Map<String, Value>>(json) {
            Ok(settings) => {
                self.settings.extend(settings);
                self.find_register()
            }
            Err(_) => self.fail(Code(9)),
        }
    }

    pub(crate) fn settings(&self) -> String {
        Value::Object(self.settings.clone()).to_string()
    }

    pub(crate) fn set_single_setting(&mut self, key: String, value: String) {
        self.single.insert(key, Value::String(value));
    }

    pub(crate) fn apply_single_settings(&mut self) -> i32 {
        self.settings.append(&mut self.single);
        self.find_register()
    }

    fn find_register(&mut self) -> i32 {
        self.address = Address::of(&Value::Object(self.settings.clone()));
        let Some(address) = &self.address else { return self.fail(Code(9)) };
        self.quirks = world::quirks(&address.name());
        self.end(Reply::default())
    }

    /// Takes the register; nothing to do when it has it.
    pub(crate) fn open(&mut self) -> i32 {
        if self.place.is_some() {
            return self.end(Reply::default());
        }
        let Some(address) = &self.address else { return self.fail(Code(10)) };
        let mut place = Place::new(address);
        let reply = place.call(&Call { name: "open".into(), ..Call::default() });
        if reply.code == 0 {
            self.place = Some(place);
        }
        self.end(reply)
    }

    pub(crate) fn close(&mut self) -> i32 {
        let Some(mut place) = self.place.take() else {
            return self.fail(Code::CONNECTION_DISABLED);
        };
        // A register that has gone cannot be told.
        let _ = place.call(&Call { name: "close".into(), ..Call::default() });
        self.end(Reply::default())
    }

    /// Stays so when the link is lost.
    pub(crate) fn is_opened(&self) -> bool {
        self.place.is_some()
    }

    /// Does what the function of this name does.
    pub(crate) fn run(&mut self, function: &str) -> i32 {
        let task = match self.given.get(&JSON_DATA) {
            Some(Param::Text(task)) => task.as_str(),
            _ => "",
        };
        self.quirks.maybe_hang(function, task);
        let params = std::mem::take(&mut self.given);
        self.told.clear();
        let reply = match &mut self.place {
            Some(place) => place.call(&Call { name: function.to_owned(), params }),
            None => refusal(Code::CONNECTION_DISABLED),
        };
        self.end(reply)
    }

    fn end(&mut self, reply: Reply) -> i32 {
        let silent = reply.code != 0 && self.quirks.is_silent();
        (self.code, self.text) = match silent {
            true => (0, String::new()),
            false => (reply.code, reply.text),
        };
        self.told = reply.params;
        if reply.code == 0 { 0 } else { -1 }
    }

    fn fail(&mut self, code: Code) -> i32 {
        self.end(refusal(code))
    }

    pub(crate) fn error_code(&self) -> i32 {
        self.code
    }

    pub(crate) fn error_description(&self) -> &str {
        &self.text
    }

    pub(crate) fn reset_error(&mut self) {
        self.code = 0;
        self.text.clear();
    }

    pub(crate) fn reset_params(&mut self) {
        self.given.clear();
        self.told.clear();
    }

    pub(crate) fn set(&mut self, id: i32, value: Param) {
        self.given.insert(id, value);
    }

    /// A parameter; those that were set can be read until the next operation.
    pub(crate) fn param(&self, id: i32) -> Option<&Param> {
        self.told.get(&id).or_else(|| self.given.get(&id))
    }

    /// The units of a text, and how many it says there are, the NUL at the end among them.
    pub(crate) fn text(&self, id: i32, buffer: usize) -> (Vec<Wide>, i32) {
        let text = match self.param(id) {
            Some(Param::Text(text)) => text.as_str(),
            _ => "",
        };
        if id == JSON_DATA {
            return self.quirks.result(text, buffer);
        }
        told(text)
    }
}

/// A text as the library tells it.
pub(crate) fn told(text: &str) -> (Vec<Wide>, i32) {
    let units = wide(text);
    let length = i32::try_from(units.len().saturating_add(1)).unwrap_or(i32::MAX);
    (units, length)
}
