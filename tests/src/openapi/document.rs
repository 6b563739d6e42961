//! One OpenAPI document, read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use yaml_rust2::{Yaml, YamlLoader};

use super::schema::{Schema, closed};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// One document.
#[derive(Debug)]
pub struct Document {
    /// Its operations.
    pub operations: Vec<Operation>,
}

/// One method of one path.
#[derive(Debug)]
pub struct Operation {
    /// Its `operationId`.
    pub id: String,
    /// Its method, in capitals.
    pub method: String,
    /// Its path, with names in braces.
    pub path: String,
    /// Its parameters, those of its path too.
    pub parameters: Vec<Parameter>,
    /// What is sent, if anything is.
    pub request: Option<Content>,
    told: BTreeMap<u16, Told>,
}

/// A parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: String,
    /// Its example, if it has one.
    pub example: Option<Value>,
    /// What it must be like.
    pub schema: Schema,
}

/// What is documented of one status.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) headers: BTreeMap<String, Header>,
    pub(super) content: BTreeMap<String, Schema>,
    pub(super) examples: Vec<(String, Value)>,
    /// The words in code marks of its description, among them the codes of errors.
    pub(super) words: BTreeSet<String>,
}

/// A header of an answer.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) required: bool,
    schema: Schema,
    is_number: bool,
}

/// A body that is sent.
#[derive(Debug)]
pub struct Content {
    /// What it must be like.
    pub schema: Schema,
    /// Examples, by name.
    pub examples: Vec<(String, Value)>,
}

impl Header {
    pub(super) fn check(&self, value: &str) -> Result<(), String> {
        let value = match value.parse::<u64>() {
            Ok(number) if self.is_number => Value::from(number),
            _ => Value::from(value),
        };
        self.schema.check(&value)
    }
}

impl Operation {
    /// Whether a path is this one's.
    pub(super) fn is_at(&self, path: &[String]) -> bool {
        let mut wanted = self.path.split('/').skip(1);
        let mut segments = path.iter();
        loop {
            match (wanted.next(), segments.next()) {
                (None, None) => return true,
                (Some(name), Some(_)) if name.starts_with('{') => {}
                (Some(name), Some(given)) if name.eq_ignore_ascii_case(given) => {}
                _ => return false,
            }
        }
    }

    /// The statuses that it documents.
    pub fn statuses(&self) -> impl Iterator<Item = u16> {
        self.told.keys().copied()
    }

    pub(super) fn told(&self, status: u16) -> Option<&Told> {
        self.told.get(&status)
    }

    /// Whether one of its answers has this code.
    pub(super) fn knows(&self, code: &str) -> bool {
        self.told.values().any(|told| told.words.contains(code))
    }

    /// What is wrong with the examples of the document.
    pub fn bad_examples(&self) -> Vec<String> {
        let mut bad = Vec::new();
        let mut check = |what: String, schema: &Schema, example: &Value| {
            if let Err(why) = schema.check(example) {
                bad.push(format!("{} {what}: {why}", self.id));
            }
        };
        for parameter in &self.parameters {
            if let Some(example) = &parameter.example {
                check(parameter.name.clone(), &parameter.schema, example);
            }
        }
        if let Some(content) = &self.request {
            for (name, example) in &content.examples {
                check(format!("request {name}"), &content.schema, example);
            }
        }
        for (status, told) in &self.told {
            for (name, example) in &told.examples {
                check(format!("{status} {name}"), &told.content["application/json"], example);
            }
        }
        bad
    }
}

impl Document {
    /// Reads the text of a document.
    pub fn read(text: &str) -> Self {
        let root = json(&YamlLoader::load_from_str(text).unwrap().remove(0));
        let reader = Reader { answers: closed(&root), root };
        let mut operations = Vec::new();
        for (path, item) in members(&reader.root["paths"]) {
            for method in METHODS {
                if let Some(operation) = item.get(method) {
                    operations.push(reader.operation(path, method, item, operation));
                }
            }
        }
        assert!(!operations.is_empty(), "a document without operations");
        Self { operations }
    }
}

struct Reader {
    root: Value,
    /// The root with schemas that take no member besides theirs: answers have no others.
    answers: Value,
}

impl Reader {
    fn operation(&self, path: &str, method: &str, item: &Value, operation: &Value) -> Operation {
        let shared = item.get("parameters").and_then(Value::as_array).into_iter().flatten();
        let own = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
        let parameters = shared.chain(own).map(|parameter| self.parameter(parameter)).collect();
        let request = operation.get("requestBody").map(|body| {
            let content = &self.at(&self.root, body)["content"]["application/json"];
            let schema = Schema::new(&self.root, &content["schema"]);
            Content { schema, examples: examples(content) }
        });
        let told = members(&operation["responses"]).map(|(status, told)| {
            let told = self.at(&self.answers, told);
            (status.parse().unwrap(), self.told(told))
        });
        Operation {
            id: operation["operationId"].as_str().unwrap().to_owned(),
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            parameters,
            request,
            told: told.collect(),
        }
    }

    fn parameter(&self, parameter: &Value) -> Parameter {
        let parameter = self.at(&self.root, parameter);
        let text = |name: &str| parameter[name].as_str().unwrap().to_owned();
        Parameter {
            name: text("name"),
            place: text("in"),
            example: parameter.get("example").cloned(),
            schema: Schema::new(&self.root, &parameter["schema"]),
        }
    }

    fn told(&self, told: &Value) -> Told {
        let mut headers = BTreeMap::new();
        for (name, header) in told.get("headers").map(members).into_iter().flatten() {
            let header = self.at(&self.answers, header);
            let schema = &header["schema"];
            headers.insert(
                name.to_ascii_lowercase(),
                Header {
                    required: header.get("required") == Some(&Value::Bool(true)),
                    is_number: schema["type"] == "integer",
                    schema: Schema::new(&self.answers, schema),
                },
            );
        }
        let description = told["description"].as_str().unwrap();
        let words = description.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let content = told.get("content").map(members).into_iter().flatten();
        let mut told = Told { headers, content: BTreeMap::new(), examples: Vec::new(), words };
        for (kind, content) in content {
            told.content.insert(kind.to_owned(), Schema::new(&self.answers, &content["schema"]));
            told.examples.extend(examples(content));
        }
        told
    }

    /// What stands there, or where it points to.
    fn at<'a>(&self, root: &'a Value, value: &'a Value) -> &'a Value {
        let Some(pointer) = value.get("$ref").and_then(Value::as_str) else { return value };
        let found = root.pointer(pointer.trim_start_matches('#'));
        found.unwrap_or_else(|| panic!("{pointer} points nowhere"))
    }
}

/// `example` and `examples` of a body.
fn examples(content: &Value) -> Vec<(String, Value)> {
    let one = content.get("example").map(|example| ("example".to_owned(), example.clone()));
    let many = content.get("examples").map(members).into_iter().flatten();
    let many = many.map(|(name, example)| (name.to_owned(), example["value"].clone()));
    one.into_iter().chain(many).collect()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    members.iter().map(|(name, value)| (name.as_str(), value))
}

fn json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::String(text) => Value::from(text.as_str()),
        Yaml::Integer(number) => Value::from(*number),
        Yaml::Real(text) => serde_json::from_str(text).unwrap(),
        Yaml::Boolean(flag) => Value::from(*flag),
        Yaml::Array(list) => list.iter().map(json).collect(),
        Yaml::Hash(members) => {
            let pairs = members.iter().map(|(name, value)| {
                (name.as_str().expect("a name that is text").to_owned(), json(value))
            });
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        Yaml::Null => Value::Null,
        odd => panic!("the documents have no {odd:?}"),
    }
}
