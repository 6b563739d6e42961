//! XML as a tree: elements, attributes, text, the five entities. No document type.

/// How deep elements may nest.
const DEPTH_MAX: usize = 16;
/// How many elements there may be.
const ELEMENTS_MAX: usize = 50_000;

/// An element.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
    pub(super) text: String,
}

impl Node {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads a document; says what is wrong with one that is none.
pub(super) fn read(text: &str) -> Result<Node, &'static str> {
    let mut reader = Reader { rest: text, elements: 0 };
    if let Some(rest) = reader.rest.trim_start().strip_prefix("<?xml") {
        reader.rest = rest.split_once("?>").ok_or("declaration without an end")?.1;
    }
    reader.comments()?;
    let mut path: Vec<Node> = Vec::new();
    loop {
        if let Some(rest) = reader.rest.strip_prefix("</") {
            reader.rest = rest;
            let name = reader.name()?;
            reader.space();
            reader.expect(">")?;
            let closed = path.pop().filter(|open| open.name == name);
            let closed = closed.ok_or("an end tag that does not match")?;
            match path.last_mut() {
                Some(parent) => parent.children.push(closed),
                None => return reader.end(closed),
            }
        } else if reader.rest.starts_with("<!--") {
            reader.comment()?;
        } else if reader.rest.starts_with('<') {
            let (node, empty) = reader.start()?;
            if !empty {
                if path.len() >= DEPTH_MAX {
                    return Err("too deep");
                }
                path.push(node);
                continue;
            }
            match path.last_mut() {
                Some(parent) => parent.children.push(node),
                None => return reader.end(node),
            }
        } else {
            let text = reader.until('<')?;
            let open = path.last_mut().ok_or("text outside of the root")?;
            open.text.push_str(&unescaped(text)?);
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    elements: usize,
}

impl<'a> Reader<'a> {
    fn start(&mut self) -> Result<(Node, bool), &'static str> {
        self.elements = self.elements.saturating_add(1);
        if self.elements > ELEMENTS_MAX {
            return Err("too many elements");
        }
        self.expect("<")?;
        let mut node = Node { name: self.name()?, ..Node::default() };
        loop {
            let spaced = self.space();
            if let Some(rest) = self.rest.strip_prefix("/>") {
                self.rest = rest;
                return Ok((node, true));
            }
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                return Ok((node, false));
            }
            if !spaced {
                return Err("attributes stand apart");
            }
            let name = self.name()?;
            self.space();
            self.expect("=")?;
            self.space();
            let quote = if self.rest.starts_with('\'') { '\'' } else { '"' };
            self.expect(if quote == '"' { "\"" } else { "'" })?;
            let value = self.until(quote)?;
            if value.contains('<') {
                return Err("an attribute with a tag in it");
            }
            self.rest = self.rest.get(1..).unwrap_or_default();
            if node.attribute(&name).is_some() {
                return Err("an attribute twice");
            }
            node.attributes.push((name, unescaped(&value.replace(['\t', '\n', '\r'], " "))?));
        }
    }

    fn name(&mut self) -> Result<String, &'static str> {
        let part =
            |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':');
        let end = self.rest.find(|letter| !part(letter)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        let first = |letter: char| letter.is_alphabetic() || letter == '_';
        if !name.starts_with(first) {
            return Err("a name was expected");
        }
        self.rest = rest;
        Ok(name.to_owned())
    }

    /// Whether there was any.
    fn space(&mut self) -> bool {
        let before = self.rest.len();
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        self.rest.len() < before
    }

    fn expect(&mut self, text: &str) -> Result<(), &'static str> {
        self.rest = self.rest.strip_prefix(text).ok_or("not well formed")?;
        Ok(())
    }

    fn until(&mut self, end: char) -> Result<&'a str, &'static str> {
        let place = self.rest.find(end).ok_or("the document breaks off")?;
        let (text, rest) = self.rest.split_at(place);
        self.rest = rest;
        Ok(text)
    }

    fn comment(&mut self) -> Result<(), &'static str> {
        let (_, rest) = self.rest.split_once("-->").ok_or("the document breaks off")?;
        self.rest = rest;
        Ok(())
    }

    fn comments(&mut self) -> Result<(), &'static str> {
        self.space();
        while self.rest.starts_with("<!--") {
            self.comment()?;
            self.space();
        }
        Ok(())
    }

    fn end(mut self, root: Node) -> Result<Node, &'static str> {
        self.comments()?;
        if self.rest.is_empty() { Ok(root) } else { Err("something behind the root") }
    }
}

/// Text without its references.
fn unescaped(text: &str) -> Result<String, &'static str> {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').ok_or("a reference without an end")?;
        let letter = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => name.strip_prefix('#').and_then(|code| {
                let number = match code.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => code.parse(),
                };
                char::from_u32(number.ok()?)
            }),
        };
        out.push(letter.ok_or("an unknown reference")?);
        out.push_str(rest);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read() {
        let text =
            "<?xml version=\"1.0\"?><!-- - --><a b='1 &lt;&#1103;'> x <c/><d>y&amp;</d></a>\n";
        let root = read(text).unwrap();
        assert_eq!(root.attribute("b"), Some("1 <я"));
        assert_eq!(root.children.len(), 2);
        assert_eq!(root.children[1].text, "y&");
    }

    #[test]
    fn what_is_no_document() {
        for text in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a b='1' b='2'/>",
            "<a b=1/>",
            "<!DOCTYPE a><a/>",
            "<a>&x;</a>",
            "<a b='<'/>",
            "<a b='1'c='2'/>",
            "<1/>",
            "</a>",
            "<a>&amp</a>",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let deep = "<a>".repeat(17);
        assert_eq!(read(&deep), Err("too deep"));
    }
}
