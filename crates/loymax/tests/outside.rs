//! Signatures against what others make of the same bytes: lxml's canonical form, xmlsec1's and
//! openssl's signatures. Where one of them is not installed, its test says so and proves nothing.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stderr, reason = "a test that could not look says so")]

mod keys;

use std::io::{Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use tillway_core::Timestamp;
use tillway_loymax::sign::c14n::canonical;
use tillway_loymax::sign::{
    CERTIFICATE_HEADER, EnvelopedVerifier, MessageVerifier, Profile, SIGNATURE_HEADER,
    SignatureFault,
};

use keys::{certificate, identity, path};

const NOW: Timestamp = Timestamp::utc(1_773_478_800_000);

/// Runs a program; `None` when it is not there.
fn run(program: &str, args: &[&str], input: &[u8]) -> Option<(bool, Vec<u8>)> {
    let mut command = Command::new(program);
    // From a file: a pipe that nobody reads yet would stop both sides.
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input).unwrap();
    file.rewind().unwrap();
    let Ok(output) = command.args(args).stdin(Stdio::from(file)).output() else {
        eprintln!("not looked: there is no {program} here");
        return None;
    };
    if !output.status.success() {
        eprintln!("{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Some((output.status.success(), output.stdout))
}

/// A Python that has lxml.
fn python() -> Option<&'static str> {
    let found = ["python3", "/usr/bin/python3"].into_iter().find(|program| {
        let args = ["-c", "import lxml.etree"];
        let mut command = Command::new(program);
        command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    });
    if found.is_none() {
        eprintln!("not looked: there is no lxml here");
    }
    found
}

/// Documents one after another, each with its length before it, in and out.
const LXML: &str = "
import io, sys
from lxml import etree
data = sys.stdin.buffer
while True:
    head = data.readline()
    if not head:
        break
    text = data.read(int(head))
    out = io.BytesIO()
    try:
        etree.ElementTree(etree.fromstring(text)).write_c14n(out, with_comments=False)
        form = out.getvalue()
    except etree.XMLSyntaxError:
        form = b''
    sys.stdout.buffer.write(b'%d\\n' % len(form) + form)
";

/// Texts that are mostly XML: fragments put together by a seeded generator.
fn documents() -> Vec<String> {
    const PARTS: [&str; 24] = [
        "<a>",
        "</a>",
        "<b c='1' a=\"2\">",
        "</b>",
        "<d/>",
        "<p:e xmlns:p='u:1' p:x='1' x='2'>",
        "</p:e>",
        "<f xmlns='u:f' b='&#10;&#13;&#9;'>",
        "</f>",
        "<g xmlns=''>",
        "</g>",
        "<h a=' x\n\ty ' b='\"&lt;&gt;&amp;'/>",
        "<!-- c -->",
        "<![CDATA[<&\"'>]]>",
        "text",
        "\r\n",
        "&#13;",
        "&amp;&lt;&gt;&quot;&apos;",
        "Чай ё",
        "&#x1F600;",
        " \t ",
        "]",
        "<i xml:lang='ru'/>",
        "<j xmlns:q='u:1' xmlns:r='u:2' r:a='1' q:b='2' c='3'/>",
    ];
    // xorshift of Marsaglia, its seed fixed.
    let mut state = 0x2026_0314_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut made = Vec::new();
    for _ in 0..3_000 {
        let mut open: Vec<&str> = Vec::new();
        let mut text = String::from("<?xml version='1.0' encoding='UTF-8'?>\n<root xmlns:n='u:n'>");
        for _ in 0..next(12) {
            let part = PARTS[next(PARTS.len())];
            let name = part.trim_start_matches(['<', '/']);
            let name = name.split([' ', '>', '/']).next().unwrap();
            if part.starts_with("</") {
                let Some(last) = open.pop() else { continue };
                text.push_str(&format!("</{last}>"));
            } else {
                if part.starts_with('<') && !part.starts_with("<!") && !part.ends_with("/>") {
                    open.push(name);
                }
                text.push_str(part);
            }
        }
        while let Some(last) = open.pop() {
            text.push_str(&format!("</{last}>"));
        }
        text.push_str("</root>\n<!-- end -->\n");
        made.push(text);
    }
    made
}

#[test]
fn the_canonical_form_is_that_of_lxml() {
    let Some(python) = python() else { return };
    let mut documents = documents();
    for folder in ["requests", "answers"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            documents.push(std::fs::read_to_string(entry.unwrap().path()).unwrap());
        }
    }
    let mut input = Vec::new();
    for text in &documents {
        input.extend_from_slice(format!("{}\n{text}", text.len()).as_bytes());
    }
    let (success, output) = run(python, &["-c", LXML], &input).unwrap();
    assert!(success);
    let mut rest = output.as_slice();
    let mut agreed = 0;
    for text in &documents {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let length: usize = std::str::from_utf8(&rest[..end]).unwrap().parse().unwrap();
        let form = std::str::from_utf8(&rest[end + 1..end + 1 + length]).unwrap();
        rest = &rest[end + 1 + length..];
        match canonical(text) {
            Ok(ours) => assert_eq!(ours, form, "{text:?}"),
            Err(fault) => assert_eq!(form, "", "{fault}: {text:?}"),
        }
        agreed += usize::from(!form.is_empty());
    }
    assert!(agreed > 2_900, "{agreed}");
}

const BODY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<XMLResponse \
    xmlns:xsi=\"urn:x\" xml:lang=\"ru\"><A  b='1' a=\"Чай &#13;\"/>\r\n</XMLResponse>\n";

fn signed(profile: Profile) -> (Vec<u8>, HeaderMap) {
    let (mut body, mut headers) = (BODY.as_bytes().to_vec(), HeaderMap::new());
    profile.signer(&identity("till")).sign(&mut body, &mut headers).unwrap();
    (body, headers)
}

fn at(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn key(name: &str) -> String {
    path(name).to_str().unwrap().to_owned()
}

#[test]
fn xmlsec1_accepts_what_we_signed() {
    let folder = tempfile::tempdir().unwrap();
    let (body, _) = signed(Profile::EnvelopedXmlDsig);
    let changed = String::from_utf8(body.clone()).unwrap().replace("b='1'", "b='2'");
    for (bytes, good) in [(body.as_slice(), true), (changed.as_bytes(), false)] {
        let file = at(folder.path(), "message.xml", bytes);
        let (trusted, arguments) = (key("till.cert.pem"), ["--verify", "--pubkey-cert-pem"]);
        let args = [arguments[0], arguments[1], &trusted, "--enabled-key-data", "key-name", &file];
        let Some((accepted, _)) = run("xmlsec1", &args, b"") else { return };
        assert_eq!(accepted, good);
    }
}

#[test]
fn we_accept_what_xmlsec1_signed() {
    let folder = tempfile::tempdir().unwrap();
    let verifier = EnvelopedVerifier::new(&[certificate("processing")]);
    let old = verifier.clone().with_sha1();
    for (method, hash, strict) in [
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "http://www.w3.org/2001/04/xmlenc#sha256",
            true,
        ),
        (
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            "http://www.w3.org/2000/09/xmldsig#sha1",
            false,
        ),
    ] {
        let template = format!(
            "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\n <ds:SignedInfo>\n  \
             <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>\n  \
             <ds:SignatureMethod Algorithm=\"{method}\"/><ds:Reference URI=\"\"><ds:Transforms>\
             <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
             <ds:Transform Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>\
             </ds:Transforms><ds:DigestMethod Algorithm=\"{hash}\"/><ds:DigestValue/>\
             </ds:Reference></ds:SignedInfo><ds:SignatureValue/>\
             <ds:KeyInfo><ds:X509Data/></ds:KeyInfo></ds:Signature></XMLResponse>"
        );
        let file =
            at(folder.path(), "template.xml", BODY.replace("</XMLResponse>", &template).as_bytes());
        let keys = format!("{},{}", key("processing.key.pem"), key("processing.cert.pem"));
        let Some((success, bytes)) =
            run("xmlsec1", &["--sign", "--privkey-pem", &keys, &file], b"")
        else {
            return;
        };
        assert!(success);
        let check = |verifier: &EnvelopedVerifier| verifier.verify(&bytes, &HeaderMap::new(), NOW);
        assert_eq!(check(&old), Ok(()));
        assert_eq!(check(&verifier).is_ok(), strict);
        let foreign = EnvelopedVerifier::new(&[certificate("till")]).with_sha1();
        assert_eq!(check(&foreign), Err(SignatureFault::Certificate("it is not known")));
    }
}

#[test]
fn openssl_makes_and_accepts_the_same_signature() {
    let folder = tempfile::tempdir().unwrap();
    let (body, headers) = signed(Profile::DetachedBody);
    let file = at(folder.path(), "body.xml", &body);
    let text = headers.get(SIGNATURE_HEADER).unwrap().to_str().unwrap();
    let args = ["dgst", "-sha256", "-sign", &key("till.key.pem"), &file];
    let Some((success, signature)) = run("openssl", &args, b"") else { return };
    assert!(success);
    assert_eq!(text, STANDARD.encode(signature));
    let certificate = key("till.cert.pem");
    let args = ["x509", "-in", &certificate, "-noout", "-fingerprint", "-sha256"];
    let (_, told) = run("openssl", &args, b"").unwrap();
    let told = String::from_utf8(told).unwrap().trim().replace(':', "").to_lowercase();
    let named = headers.get(CERTIFICATE_HEADER).unwrap().to_str().unwrap();
    assert!(told.ends_with(named), "{told} {named}");
}
