//! Canonical XML 1.0 without comments, of the documents that a processing needs: no document type,
//! no processing instructions, no entities but the five, XML 1.0.
//!
//! A signer of somebody's own may need it too.

mod tree;

pub use self::tree::{ATTRIBUTES_MAX, DEPTH_MAX, Document, ELEMENTS_MAX};
pub(super) use self::tree::{Element, Node};

/// Why a document has no canonical form here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlFault {
    /// Not well-formed, or not whole.
    #[error("not well-formed")]
    Syntax,
    /// It has a document type, a processing instruction or an entity, or is not XML 1.0.
    #[error("it has what no message has: a document type, an instruction, an entity")]
    Foreign,
    /// A prefix is not declared, declared as nothing, or one of those that are reserved.
    #[error("a prefix is not declared, or declared wrongly")]
    Prefix,
    /// More than [`DEPTH_MAX`], [`ELEMENTS_MAX`] or [`ATTRIBUTES_MAX`].
    #[error("too many elements or attributes")]
    TooMany,
}

/// The canonical form of a whole document.
///
/// # Errors
/// [`XmlFault`].
pub fn canonical(text: &str) -> Result<String, XmlFault> {
    Ok(Document::parse(text)?.canonical())
}

impl Document {
    /// The canonical form of the document.
    pub fn canonical(&self) -> String {
        self.canonical_without(None)
    }

    /// As [`canonical`], as if the root had not this child.
    pub(super) fn canonical_without(&self, child: Option<usize>) -> String {
        let mut out = String::new();
        let root = self.root();
        let attributes = root.attributes.iter().map(|it| (it.key(), it.name(), it.value()));
        let declared: Vec<_> = root.declared().collect();
        write(root, &declared, attributes.collect(), child, &mut Vec::new(), &mut out);
        out
    }
}

/// The canonical form of an element within its ancestors, the root first: it takes along the
/// prefixes and the `xml:` attributes that hold there.
pub(super) fn canonical_of(element: &Element, ancestors: &[&Element]) -> String {
    let mut declared: Vec<(&str, &str)> = Vec::new();
    let mut attributes: Vec<Written<'_>> = Vec::new();
    for each in ancestors.iter().copied().chain([element]) {
        for (prefix, space) in each.declared() {
            declared.retain(|(known, _)| *known != prefix);
            declared.push((prefix, space));
        }
        let own = core::ptr::eq(each, element);
        for attribute in each.attributes.iter().filter(|it| own || it.is_xml()) {
            attributes.retain(|(key, ..)| *key != attribute.key());
            attributes.push((attribute.key(), attribute.name(), attribute.value()));
        }
    }
    let mut out = String::new();
    write(element, &declared, attributes, None, &mut Vec::new(), &mut out);
    out
}

/// What an attribute is sorted by, its name as it is written, its value.
type Written<'a> = ((&'a str, &'a str), &'a str, &'a str);

/// `scope` has the prefixes that are written already, the nearest last. The depth is bounded by
/// the parser.
fn write<'a>(
    element: &'a Element,
    declared: &[(&'a str, &'a str)],
    mut attributes: Vec<Written<'a>>,
    without: Option<usize>,
    scope: &mut Vec<(&'a str, &'a str)>,
    out: &mut String,
) {
    let outside = scope.len();
    let mut declared = declared.to_vec();
    declared.sort_unstable();
    out.push('<');
    out.push_str(element.name());
    for (prefix, space) in declared {
        let written = scope.iter().rev().find(|(known, _)| *known == prefix);
        if written.map_or("", |(_, space)| space) == space {
            continue;
        }
        out.push_str(" xmlns");
        if !prefix.is_empty() {
            out.push(':');
            out.push_str(prefix);
        }
        put_value(space, out);
        scope.push((prefix, space));
    }
    attributes.sort_unstable();
    for (_, name, value) in attributes {
        out.push(' ');
        out.push_str(name);
        put_value(value, out);
    }
    out.push('>');
    for (at, node) in element.children.iter().enumerate() {
        match node {
            _ if Some(at) == without => {}
            Node::Text(text) => put_text(text, out),
            Node::Element(child) => {
                let attributes = child.attributes.iter();
                let attributes = attributes.map(|it| (it.key(), it.name(), it.value())).collect();
                let declared: Vec<_> = child.declared().collect();
                write(child, &declared, attributes, None, scope, out);
            }
        }
    }
    out.push_str("</");
    out.push_str(element.name());
    out.push('>');
    scope.truncate(outside);
}

fn put_value(value: &str, out: &mut String) {
    out.push_str("=\"");
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn put_text(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests;
