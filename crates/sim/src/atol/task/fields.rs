//! The members of an object in a task, read as the driver's validators do: a refusal names the
//! path, `items[0].tax.type`.

use tillway_core::Kopecks;

use super::Refusal;
use crate::atol::Code;
use crate::atol::json::Json;
use crate::atol::settings::Settings;

/// An object and where it stands.
pub(super) struct Fields<'a> {
    path: String,
    json: &'a Json,
    pub(super) settings: &'a Settings,
}

impl<'a> Fields<'a> {
    pub(super) fn root(json: &'a Json, settings: &'a Settings) -> Result<Self, Refusal> {
        Self::at(String::new(), json, settings)
    }

    fn at(path: String, json: &'a Json, settings: &'a Settings) -> Result<Self, Refusal> {
        match json {
            Json::Object(_) => Ok(Self { path, json, settings }),
            _ => Err(wrong_type(&path, "object")),
        }
    }

    fn place(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Refuses members of other names.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        let Json::Object(members) = self.json else { return Ok(()) };
        let mut names = members.iter().map(|(name, _)| name.as_str());
        match names.find(|name| !known.contains(name)) {
            Some(name) if self.settings.unknown_fields_refused => {
                Err(refusal(format!("Неизвестное поле \"{}\"", self.place(name))))
            }
            _ => Ok(()),
        }
    }

    /// A value that is there and cannot be right.
    pub(super) fn bad(&self, name: &str) -> Refusal {
        let value = self.json.get(name).map(Json::to_string).unwrap_or_default();
        let value: String = value.chars().take(64).collect();
        refusal(format!("Некорректное значение поля \"{}\" ({value})", self.place(name)))
    }

    fn read<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'a Json) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.json.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| wrong_type(&self.place(name), expected))
    }

    fn need<T>(&self, name: &str, found: Option<T>) -> Result<T, Refusal> {
        found.ok_or_else(|| refusal(format!("Поле \"{}\" отсутствует", self.place(name))))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.read(name, "string", Json::as_text)
    }

    pub(super) fn owned(&self, name: &str) -> Result<Option<String>, Refusal> {
        Ok(self.text(name)?.map(ToOwned::to_owned))
    }

    pub(super) fn need_text(&self, name: &str) -> Result<&'a str, Refusal> {
        self.need(name, self.text(name)?)
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.read(name, "bool", Json::as_bool)
    }

    pub(super) fn u32(&self, name: &str) -> Result<Option<u32>, Refusal> {
        self.read(name, "int", Json::as_u32)
    }

    pub(super) fn need_u32(&self, name: &str) -> Result<u32, Refusal> {
        self.need(name, self.u32(name)?)
    }

    fn number(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.read(name, "number", |value| match value {
            Json::Number(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Rubles: from zero, exact to the kopeck.
    pub(super) fn money(&self, name: &str) -> Result<Option<Kopecks>, Refusal> {
        let Some(text) = self.number(name)? else { return Ok(None) };
        let read = Kopecks::parse_rubles(text).ok().filter(|amount| *amount >= Kopecks::ZERO);
        read.map(Some).ok_or_else(|| self.bad(name))
    }

    pub(super) fn need_money(&self, name: &str) -> Result<Kopecks, Refusal> {
        self.need(name, self.money(name)?)
    }

    /// A quantity in millionths: above zero, with at most six decimals.
    pub(super) fn need_quantity(&self, name: &str) -> Result<i64, Refusal> {
        let text = self.need(name, self.number(name)?)?;
        millionths(text).filter(|quantity| *quantity > 0).ok_or_else(|| self.bad(name))
    }

    /// One of these words, as the number beside it.
    pub(super) fn word<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        found.map(Some).ok_or_else(|| self.bad(name))
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Refusal> {
        let Some(value) = self.json.get(name) else { return Ok(None) };
        Self::at(self.place(name), value, self.settings).map(Some)
    }

    /// The objects of a list; none for a list that is not there.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<Self>, Refusal> {
        let items = self.read(name, "array", |value| match value {
            Json::List(items) => Some(items),
            _ => None,
        })?;
        let items = items.map(Vec::as_slice).unwrap_or_default().iter().enumerate();
        let place = |at: usize| format!("{}[{at}]", self.place(name));
        items.map(|(at, item)| Self::at(place(at), item, self.settings)).collect()
    }

    pub(super) fn need_objects(&self, name: &str) -> Result<Vec<Self>, Refusal> {
        self.need(name, self.json.get(name))?;
        self.objects(name)
    }

    /// The value as it came.
    pub(super) fn raw(&self, name: &str) -> Option<&'a Json> {
        self.json.get(name)
    }
}

/// Not what it should be, at all.
pub(super) fn refusal(text: String) -> Refusal {
    Refusal { code: Code::PARSE_ERROR, text }
}

fn wrong_type(path: &str, expected: &str) -> Refusal {
    refusal(format!("Некорректный тип поля \"{path}\" (ожидается {expected})"))
}

/// A plain decimal number in millionths.
fn millionths(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = part.trim_end_matches('0');
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !plain(whole) || !plain(part) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = format!("{part:0<6}").parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact() {
        for (text, value) in [("1", 1_000_000), ("0.5", 500_000), ("2.000", 2_000_000)] {
            assert_eq!(millionths(text), Some(value));
        }
        for text in ["0.0000001", "-1", "1e2", "9999999999999999"] {
            assert_eq!(millionths(text), None, "{text}");
        }
    }
}
