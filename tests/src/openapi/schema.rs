//! Schemas of a document, and how bodies are held against them.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// A schema, ready to judge.
#[derive(Debug)]
pub struct Schema {
    judge: Validator,
    /// Whether the setting `json_case` writes the names of such a body in another way.
    recased: bool,
}

impl Schema {
    /// A schema that may point into its document.
    pub(super) fn new(root: &Value, schema: &Value) -> Self {
        let mut whole = match schema {
            Value::Object(members) => members.clone(),
            _ => panic!("no schema: {schema}"),
        };
        whole.insert("components".to_owned(), root["components"].clone());
        let mut options = jsonschema::options();
        options = options.with_draft(Draft::Draft202012).should_validate_formats(true);
        let judge = options.build(&Value::Object(whole)).unwrap();
        let recased = root["info"]["title"].as_str().is_some_and(|title| title.contains("Waiter"));
        Self { judge, recased }
    }

    /// Why a body does not fit.
    ///
    /// # Errors
    /// All reasons, in one line.
    pub fn check(&self, body: &Value) -> Result<(), String> {
        if self.judge.is_valid(body) || self.recased && self.judge.is_valid(&other_case(body)) {
            return Ok(());
        }
        let reasons = self.judge.iter_errors(body);
        let reasons = reasons.map(|error| format!("{} at {}", error, error.instance_path()));
        Err(reasons.collect::<Vec<_>>().join("; "))
    }
}

/// The document with objects that take no member besides their properties.
pub(super) fn closed(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Map<_, _> =
                members.iter().map(|(name, value)| (name.clone(), closed(value))).collect();
            let is_schema = members.get("properties").is_some_and(Value::is_object)
                && members.get("type").is_some_and(|kind| kind == "object");
            if is_schema && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            Value::Object(members)
        }
        Value::Array(list) => list.iter().map(closed).collect(),
        plain => plain.clone(),
    }
}

/// A multipart body as the object that its schema speaks of: the part `loyalty` as JSON, every
/// other one as text.
pub(super) fn multipart(content_type: &str, body: &[u8]) -> Result<Value, String> {
    let boundary = content_type.split("boundary=").nth(1).ok_or("no boundary")?.trim_matches('"');
    let delimiter = format!("--{boundary}");
    let mut members = Map::new();
    let mut rest = after(body, delimiter.as_bytes()).ok_or("no first part")?;
    while !rest.starts_with(b"--") {
        let part = rest.strip_prefix(b"\r\n").ok_or("no line after a boundary")?;
        let end = format!("\r\n{delimiter}");
        let at = find(part, end.as_bytes()).ok_or("a part has no end")?;
        let head_end = find(&part[..at], b"\r\n\r\n").ok_or("a part has no head")?;
        let head = String::from_utf8_lossy(&part[..head_end]).into_owned();
        let name = head.split("name=").nth(1).ok_or("a part has no name")?;
        let name = name.split([';', '\r']).next().unwrap_or_default().trim().to_owned();
        let content = &part[head_end + 4..at];
        let typed = head.to_ascii_lowercase().contains("content-type: application/json");
        let value = match typed {
            true => serde_json::from_slice(content).map_err(|error| error.to_string())?,
            false => json!(String::from_utf8_lossy(content)),
        };
        members.insert(name, value);
        rest = &part[at + end.len()..];
    }
    Ok(Value::Object(members))
}

fn after<'a>(bytes: &'a [u8], what: &[u8]) -> Option<&'a [u8]> {
    find(bytes, what).map(|at| &bytes[at + what.len()..])
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// A body whose names begin with a capital where they did not, and the other way round. The names
/// of parts stay as they are.
fn other_case(value: &Value) -> Value {
    let flip = |name: &String| {
        if matches!(name.as_str(), "loyalty" | "photo") {
            return name.clone();
        }
        let mut letters = name.chars();
        let first = letters.next().map(|first| match first.is_ascii_uppercase() {
            true => first.to_ascii_lowercase(),
            false => first.to_ascii_uppercase(),
        });
        first.into_iter().chain(letters).collect::<String>()
    };
    match value {
        Value::Object(members) => {
            let flipped = members.iter().map(|(name, value)| (flip(name), other_case(value)));
            Value::Object(flipped.collect())
        }
        Value::Array(list) => list.iter().map(other_case).collect(),
        plain => plain.clone(),
    }
}
