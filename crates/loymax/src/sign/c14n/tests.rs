use proptest::prelude::*;

use super::*;

#[test]
fn what_is_written_in_many_ways_has_one_form() {
    let rows = [
        ("<?xml version='1.0'?>\r\n<a/>\n", "<a></a>"),
        ("<!-- x --><a><!-- y -->b<!-- z -->c</a><!-- w -->", "<a>bc</a>"),
        ("<a c='1' b='2'/>", r#"<a b="2" c="1"></a>"#),
        ("<a>x\r\ny\rz&#13;</a>", "<a>x\ny\nz&#xD;</a>"),
        ("<a><![CDATA[<&>]]>&lt;&amp;&gt;&quot;&apos;</a>", "<a>&lt;&amp;&gt;&lt;&amp;&gt;\"'</a>"),
        ("<a b='\"&gt;&lt;&apos;'/>", "<a b=\"&quot;>&lt;'\"></a>"),
        ("<a b='x\n\ty&#10;&#9;&#13;z'/>", r#"<a b="x  y&#xA;&#x9;&#xD;z"></a>"#),
        ("<a  b = 'Ч' ><c  ></c ></a >", "<a b=\"Ч\"><c></c></a>"),
        ("<a>&#1063;&#x430;\u{1F600}</a>", "<a>Ча\u{1F600}</a>"),
    ];
    for (text, expected) in rows {
        assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn prefixes_are_declared_where_they_are_new() {
    let rows = [
        (
            "<a xmlns:z='u:z' xmlns:b='u:b'><c xmlns:b='u:b'/></a>",
            r#"<a xmlns:b="u:b" xmlns:z="u:z"><c></c></a>"#,
        ),
        (
            "<a xmlns='u:a'><b xmlns=''><c xmlns=''/></b></a>",
            r#"<a xmlns="u:a"><b xmlns=""><c></c></b></a>"#,
        ),
        ("<a xmlns=''/>", "<a></a>"),
        (
            "<a xmlns:p='u:2' xmlns:q='u:1' p:b='' q:c='' d='' xml:lang='ru'/>",
            r#"<a xmlns:p="u:2" xmlns:q="u:1" d="" xml:lang="ru" q:c="" p:b=""></a>"#,
        ),
        (
            "<p:a xmlns:p='u:1'><p:b xmlns:p='u:2'/><p:c/></p:a>",
            r#"<p:a xmlns:p="u:1"><p:b xmlns:p="u:2"></p:b><p:c></p:c></p:a>"#,
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn a_part_takes_along_what_holds_there() {
    let text =
        "<a xmlns:x='u:x' xml:lang='ru' b='1'><s xmlns='u:s' xml:lang='en'><i c='2'/></s></a>";
    let document = Document::parse(text).unwrap();
    let root = document.root();
    let [Node::Element(part)] = root.children.as_slice() else { panic!("{root:?}") };
    let [Node::Element(inner)] = part.children.as_slice() else { panic!("{part:?}") };
    assert_eq!(
        canonical_of(inner, &[root, part]),
        r#"<i xmlns="u:s" xmlns:x="u:x" c="2" xml:lang="en"></i>"#
    );
    assert_eq!(document.canonical_without(Some(0)), r#"<a xmlns:x="u:x" b="1" xml:lang="ru"></a>"#);
}

#[test]
fn what_is_not_of_the_subset_is_refused() {
    use XmlFault::{Foreign, Prefix, Syntax, TooMany};
    let deep = format!("{}{}", "<a>".repeat(DEPTH_MAX + 1), "</a>".repeat(DEPTH_MAX + 1));
    let wide: String = (0..=ATTRIBUTES_MAX).map(|n| format!(" a{n}=''")).collect();
    let rows = [
        ("", Syntax),
        ("<a>", Syntax),
        ("<a></b>", Syntax),
        ("<a/><b/>", Syntax),
        ("x<a/>", Syntax),
        ("<a/>&amp;", Syntax),
        ("<a/><![CDATA[]]>", Syntax),
        ("<a b='1' b='2'/>", Syntax),
        ("<a xmlns:p='u:1' xmlns:q='u:1' p:b='' q:b=''/>", Syntax),
        ("<a xmlns:p='u:1' xmlns:p='u:1'/>", Syntax),
        ("<a b='<'/>", Syntax),
        ("<a>]]></a>", Syntax),
        ("<a>\u{1}</a>", Syntax),
        ("<a>&#1;</a>", Syntax),
        ("<a b='&#xFFFF;'/>", Syntax),
        ("<1a/>", Syntax),
        ("<a:b:c/>", Syntax),
        (" <?xml version='1.0'?><a/>", Syntax),
        ("<?xml version='1.1'?><a/>", Foreign),
        ("<!DOCTYPE a><a/>", Foreign),
        ("<a><?b?></a>", Foreign),
        ("<a>&b;</a>", Foreign),
        ("<a b='&c;'/>", Foreign),
        ("<p:a/>", Prefix),
        ("<a p:b=''/>", Prefix),
        ("<a xmlns:p=''/>", Prefix),
        ("<a xmlns:xml='u:x'/>", Prefix),
        ("<a xmlns:xmlns='u:x'/>", Prefix),
        (deep.as_str(), TooMany),
    ];
    for (text, fault) in rows {
        assert_eq!(canonical(text), Err(fault), "{text}");
    }
    assert_eq!(canonical(&format!("<a{wide}/>")), Err(TooMany));
    let many = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX));
    assert_eq!(canonical(&many), Err(TooMany));
}

/// An element, and ways to write it that mean the same.
#[derive(Clone, Debug)]
struct Made {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Child>,
    reversed: bool,
    closed: bool,
}

#[derive(Clone, Debug)]
enum Child {
    Text(String, bool),
    Element(Made),
}

const TEXT: &str = "[ -~\tЧ\r\n]{0,6}";

fn made() -> impl Strategy<Value = Made> {
    let element = |children: Vec<Child>| {
        let attributes = proptest::collection::btree_map("[a-z]{1,2}", TEXT, 0..4);
        ("[A-Z]{1,3}", attributes, any::<bool>(), any::<bool>()).prop_map(
            move |(name, attributes, reversed, closed)| Made {
                name,
                attributes: attributes.into_iter().collect(),
                children: children.clone(),
                reversed,
                closed,
            },
        )
    };
    let leaf = element(Vec::new());
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let child = prop_oneof![
            (TEXT, any::<bool>()).prop_map(|(text, raw)| Child::Text(text, raw)),
            inner.prop_map(Child::Element),
        ];
        proptest::collection::vec(child, 0..4).prop_flat_map(element)
    })
}

fn references(text: &str) -> String {
    text.chars().map(|c| format!("&#{};", u32::from(c))).collect()
}

/// Another way to write it: every character as a reference, or plain where that is allowed.
fn written(made: &Made, out: &mut String) {
    out.push('<');
    out.push_str(&made.name);
    let mut attributes = made.attributes.clone();
    if made.reversed {
        attributes.reverse();
    }
    for (name, value) in &attributes {
        out.push_str(&format!("\n {name} = '{}'", references(value)));
    }
    if made.closed && made.children.is_empty() {
        out.push_str("/>");
        return;
    }
    out.push_str(" >");
    for child in &made.children {
        match child {
            Child::Element(child) => written(child, out),
            Child::Text(text, true) if !text.contains("]]>") && !text.contains('\r') => {
                out.push_str(&format!("<![CDATA[{text}]]><!-- -->"));
            }
            Child::Text(text, _) => out.push_str(&references(text)),
        }
    }
    out.push_str(&format!("</{} >", made.name));
}

/// The canonical form, written straight from the rules.
fn expected(made: &Made, out: &mut String) {
    let replaced = |text: &str, rows: &[(char, &str)]| -> String {
        let one = |c: char| rows.iter().find(|row| row.0 == c).map(|row| row.1.to_owned());
        text.chars().map(|c| one(c).unwrap_or_else(|| c.to_string())).collect()
    };
    let value = [
        ('&', "&amp;"),
        ('<', "&lt;"),
        ('"', "&quot;"),
        ('\t', "&#x9;"),
        ('\n', "&#xA;"),
        ('\r', "&#xD;"),
    ];
    let text_rows = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('\r', "&#xD;")];
    out.push_str(&format!("<{}", made.name));
    for (name, text) in &made.attributes {
        out.push_str(&format!(" {name}=\"{}\"", replaced(text, &value)));
    }
    out.push('>');
    for child in &made.children {
        match child {
            Child::Element(child) => expected(child, out),
            Child::Text(text, _) => out.push_str(&replaced(text, &text_rows)),
        }
    }
    out.push_str(&format!("</{}>", made.name));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        rng_seed: proptest::test_runner::RngSeed::Fixed(20_260_314),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_way_to_write_it_has_the_form_of_the_rules(made in made()) {
        let (mut text, mut form) = (String::new(), String::new());
        written(&made, &mut text);
        expected(&made, &mut form);
        prop_assert_eq!(canonical(&text), Ok(form.clone()));
        prop_assert_eq!(canonical(&form), Ok(form));
    }

    #[test]
    fn nothing_panics(text in "[<>/a-c='\"&;#x!\\[\\]?:\\- ]{0,60}") {
        if let Ok(form) = canonical(&text) {
            prop_assert_eq!(canonical(&form), Ok(form));
        }
    }
}
