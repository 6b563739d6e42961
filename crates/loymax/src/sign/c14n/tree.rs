//! A document as a tree, its names resolved.

use quick_xml::events::attributes::Attribute as Raw;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::XmlFault;

/// How deep elements stand in one another.
pub const DEPTH_MAX: usize = 32;
/// How many elements a document has.
pub const ELEMENTS_MAX: usize = 50_000;
/// How many attributes an element has, declarations of prefixes among them.
pub const ATTRIBUTES_MAX: usize = 64;

const XML_SPACE: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS_SPACE: &str = "http://www.w3.org/2000/xmlns/";

/// A document that was read.
#[derive(Clone, Debug)]
pub struct Document {
    root: Element,
}

#[derive(Clone, Debug)]
pub(crate) struct Element {
    name: Box<str>,
    space: Box<str>,
    declared: Vec<(Box<str>, Box<str>)>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) children: Vec<Node>,
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Element(Element),
    Text(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    name: Box<str>,
    space: Box<str>,
    value: Box<str>,
}

impl Document {
    /// Reads a document whose bytes were decoded.
    ///
    /// # Errors
    /// [`XmlFault`].
    pub fn parse(text: &str) -> Result<Self, XmlFault> {
        let mut reader = Reader::from_str(text);
        let mut parser = Parser::default();
        let mut first = true;
        loop {
            match reader.read_event().map_err(|_| XmlFault::Syntax)? {
                Event::Eof => break,
                Event::Decl(declaration) if first => check_version(&declaration)?,
                event => parser.event(event)?,
            }
            first = false;
        }
        match parser.root {
            Some(root) if parser.open.is_empty() => Ok(Self { root }),
            _ => Err(XmlFault::Syntax),
        }
    }

    pub(crate) fn root(&self) -> &Element {
        &self.root
    }
}

impl Element {
    /// As it is written, prefix and all.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is(&self, space: &str, local: &str) -> bool {
        local_of(&self.name) == local && *self.space == *space
    }

    /// Prefixes with their namespaces, those that it declares itself.
    pub(crate) fn declared(&self) -> impl Iterator<Item = (&str, &str)> {
        self.declared.iter().map(|(prefix, space)| (prefix.as_ref(), space.as_ref()))
    }

    /// The value of an attribute without a prefix.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|it| it.space.is_empty() && *it.name == *name);
        found.map(|it| it.value.as_ref())
    }

    /// Its elements; `None` when there is text among them.
    pub(crate) fn elements(&self) -> Option<Vec<&Element>> {
        let mut found = Vec::new();
        for child in &self.children {
            match child {
                Node::Element(element) => found.push(element),
                Node::Text(text) if is_blank(text) => {}
                Node::Text(_) => return None,
            }
        }
        Some(found)
    }

    /// Its text; `None` when there are elements in it.
    pub(crate) fn text(&self) -> Option<&str> {
        match self.children.as_slice() {
            [] => Some(""),
            [Node::Text(text)] => Some(text),
            _ => None,
        }
    }
}

impl Attribute {
    /// What attributes are sorted by.
    pub(crate) fn key(&self) -> (&str, &str) {
        (&self.space, local_of(&self.name))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    pub(crate) fn is_xml(&self) -> bool {
        *self.space == *XML_SPACE
    }
}

#[derive(Default)]
struct Parser {
    root: Option<Element>,
    open: Vec<Element>,
    /// The prefixes that hold here, the nearest last.
    scope: Vec<(Box<str>, Box<str>)>,
    elements: usize,
}

impl Parser {
    fn event(&mut self, event: Event<'_>) -> Result<(), XmlFault> {
        match event {
            Event::Start(start) => self.start(&start),
            Event::Empty(start) => {
                self.start(&start)?;
                self.end()
            }
            Event::End(_) => self.end(),
            Event::Text(text) if text.contains("]]>") => Err(XmlFault::Syntax),
            Event::Text(text) => self.push(&text.xml10_content()),
            Event::CData(_) if self.open.is_empty() => Err(XmlFault::Syntax),
            Event::CData(text) => self.push(&text.xml10_content()),
            Event::GeneralRef(_) if self.open.is_empty() => Err(XmlFault::Syntax),
            Event::GeneralRef(reference) => {
                self.push(character(&reference)?.encode_utf8(&mut [0; 4]))
            }
            Event::DocType(_) | Event::PI(_) => Err(XmlFault::Foreign),
            Event::Decl(_) => Err(XmlFault::Syntax),
            Event::Comment(_) | Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), XmlFault> {
        self.elements = self.elements.saturating_add(1);
        if self.open.len() >= DEPTH_MAX || self.elements > ELEMENTS_MAX {
            return Err(XmlFault::TooMany);
        }
        if self.root.is_some() {
            return Err(XmlFault::Syntax);
        }
        let name: Box<str> = start.name().as_ref().into();
        check_name(&name)?;
        let (declared, plain) = attributes(start)?;
        self.scope.extend(declared.iter().cloned());
        let space = self.space(prefix_of(&name).unwrap_or_default())?;
        let mut attributes = Vec::with_capacity(plain.len());
        for (name, value) in plain {
            let space = prefix_of(&name).map_or(Ok("".into()), |prefix| self.space(prefix))?;
            attributes.push(Attribute { name, space, value });
        }
        let mut keys: Vec<_> = attributes.iter().map(Attribute::key).collect();
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(XmlFault::Syntax);
        }
        self.open.push(Element { name, space, declared, attributes, children: Vec::new() });
        Ok(())
    }

    /// The namespace of a prefix here. Without a prefix there may be none.
    fn space(&self, prefix: &str) -> Result<Box<str>, XmlFault> {
        if prefix == "xml" {
            return Ok(XML_SPACE.into());
        }
        let found = self.scope.iter().rev().find(|(known, _)| **known == *prefix);
        match found {
            Some((_, space)) => Ok(space.clone()),
            None if prefix.is_empty() => Ok("".into()),
            None => Err(XmlFault::Prefix),
        }
    }

    fn end(&mut self) -> Result<(), XmlFault> {
        let element = self.open.pop().ok_or(XmlFault::Syntax)?;
        self.scope.truncate(self.scope.len().saturating_sub(element.declared.len()));
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn push(&mut self, text: &str) -> Result<(), XmlFault> {
        if !text.chars().all(is_character) {
            return Err(XmlFault::Syntax);
        }
        let Some(parent) = self.open.last_mut() else {
            return if is_blank(text) { Ok(()) } else { Err(XmlFault::Syntax) };
        };
        match parent.children.last_mut() {
            _ if text.is_empty() => {}
            Some(Node::Text(before)) => before.push_str(text),
            _ => parent.children.push(Node::Text(text.to_owned())),
        }
        Ok(())
    }
}

type Pairs = Vec<(Box<str>, Box<str>)>;

/// The declarations of an element, and its attributes.
fn attributes(start: &BytesStart<'_>) -> Result<(Pairs, Pairs), XmlFault> {
    let (mut declared, mut plain) = (Pairs::new(), Pairs::new());
    // Duplicates are looked for by resolved names, and by sorting.
    let mut raw = start.attributes();
    for (count, attribute) in raw.with_checks(false).enumerate() {
        if count >= ATTRIBUTES_MAX {
            return Err(XmlFault::TooMany);
        }
        let attribute = attribute.map_err(|_| XmlFault::Syntax)?;
        let value = value_of(&attribute)?;
        let name = attribute.key.as_ref();
        check_name(name)?;
        match (name, name.strip_prefix("xmlns:")) {
            ("xmlns", _) => declared.push(declaration("", value)?),
            (_, Some(prefix)) if value.is_empty() || prefix == "xml" => {
                return Err(XmlFault::Prefix);
            }
            (_, Some(prefix)) => declared.push(declaration(prefix, value)?),
            _ => plain.push((name.into(), value)),
        }
    }
    let mut prefixes: Vec<_> = declared.iter().map(|(prefix, _)| prefix).collect();
    prefixes.sort_unstable();
    if prefixes.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(XmlFault::Syntax);
    }
    Ok((declared, plain))
}

fn declaration(prefix: &str, space: Box<str>) -> Result<(Box<str>, Box<str>), XmlFault> {
    if prefix == "xmlns" || *space == *XML_SPACE || *space == *XMLNS_SPACE {
        return Err(XmlFault::Prefix);
    }
    Ok((prefix.into(), space))
}

fn value_of(attribute: &Raw<'_>) -> Result<Box<str>, XmlFault> {
    if attribute.value.contains('<') {
        return Err(XmlFault::Syntax);
    }
    let value = attribute.normalized_value(XmlVersion::Implicit1_0);
    let value = value.map_err(|_| XmlFault::Foreign)?;
    if value.chars().all(is_character) { Ok(value.into()) } else { Err(XmlFault::Syntax) }
}

fn check_version(declaration: &BytesDecl<'_>) -> Result<(), XmlFault> {
    match declaration.version() {
        Ok(version) if version == "1.0" => Ok(()),
        Ok(_) => Err(XmlFault::Foreign),
        Err(_) => Err(XmlFault::Syntax),
    }
}

/// What could make a name something else when it is written again. Which letters a name may have
/// is not looked at.
fn check_name(name: &str) -> Result<(), XmlFault> {
    let odd = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '&' | '"' | '\'' | '=' | '/')
    };
    let mut parts = name.split(':');
    let begins_well = |part: &str| {
        part.chars().next().is_some_and(|c| !c.is_ascii_digit() && !matches!(c, '-' | '.'))
    };
    let good = parts.by_ref().take(2).all(begins_well) && parts.next().is_none();
    if good && !name.contains(odd) { Ok(()) } else { Err(XmlFault::Syntax) }
}

fn character(reference: &BytesRef<'_>) -> Result<char, XmlFault> {
    if let Some(c) = reference.resolve_char_ref().map_err(|_| XmlFault::Syntax)? {
        return Ok(c);
    }
    match reference.as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(XmlFault::Foreign),
    }
}

fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|c| matches!(c, ' ' | '\t' | '\n' | '\r'))
}

fn prefix_of(name: &str) -> Option<&str> {
    name.split_once(':').map(|(prefix, _)| prefix)
}

fn local_of(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}
