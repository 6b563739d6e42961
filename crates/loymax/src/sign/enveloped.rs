//! The W3C XML signature as the last child of the root.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use tillway_core::Timestamp;

use super::c14n::{Document, Element, Node, canonical_of};
use super::{Certificate, Identity, MessageSigner, MessageVerifier, SignError, SignatureFault};
use crate::dialect::Letters;
use crate::wire::decode;

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const C14N: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const RSA_SHA1: &str = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
const SHA256_URI: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const SHA1_URI: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// Signs by [`EnvelopedXmlDsig`](super::Profile::EnvelopedXmlDsig). The body has to be XML that
/// ends with the closing tag of its root, in any letters that have those of ASCII as they are.
#[derive(Clone, Debug)]
pub struct EnvelopedSigner {
    own: Identity,
    key_info: bool,
}

impl EnvelopedSigner {
    /// Signs as this one, and sends its certificate along.
    pub fn new(own: Identity) -> Self {
        Self { own, key_info: true }
    }

    /// Sends no certificate along.
    #[must_use]
    pub fn without_key_info(self) -> Self {
        Self { key_info: false, ..self }
    }

    /// The signature, its value as given.
    fn element(&self, digest: &str, value: &str) -> String {
        let certificate = STANDARD.encode(self.own.certificate().der());
        let key_info = if self.key_info {
            format!(
                "<KeyInfo><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data>\
                 </KeyInfo>"
            )
        } else {
            String::new()
        };
        format!(
            "<Signature xmlns=\"{DSIG}\"><SignedInfo>\
             <CanonicalizationMethod Algorithm=\"{C14N}\"></CanonicalizationMethod>\
             <SignatureMethod Algorithm=\"{RSA_SHA256}\"></SignatureMethod>\
             <Reference URI=\"\"><Transforms><Transform Algorithm=\"{ENVELOPED}\"></Transform>\
             </Transforms><DigestMethod Algorithm=\"{SHA256_URI}\"></DigestMethod>\
             <DigestValue>{digest}</DigestValue></Reference></SignedInfo>\
             <SignatureValue>{value}</SignatureValue>{key_info}</Signature>"
        )
    }
}

impl MessageSigner for EnvelopedSigner {
    fn sign(&self, body: &mut Vec<u8>, _: &mut HeaderMap) -> Result<(), SignError> {
        let end = end_tag(body).ok_or(SignError::Body)?;
        let unsigned = read(body).ok_or(SignError::Body)?;
        if signatures(unsigned.root()).next().is_some() {
            return Err(SignError::Body);
        }
        let hash = digest(&SHA256, unsigned.canonical().as_bytes());
        let hash = STANDARD.encode(hash);
        let with = |element: &str| {
            let mut signed = body.clone();
            signed.splice(end..end, element.bytes());
            signed
        };
        // What is signed takes along the prefixes of the root: it is read where it will stand.
        let draft = read(&with(&self.element(&hash, ""))).ok_or(SignError::Body)?;
        let (_, signature) = signatures(draft.root()).next().ok_or(SignError::Body)?;
        let info = signature.elements().unwrap_or_default();
        let info = info.first().ok_or(SignError::Body)?;
        let info = canonical_of(info, &[draft.root(), signature]);
        let value = STANDARD.encode(self.own.sign(info.as_bytes())?);
        *body = with(&self.element(&hash, &value));
        Ok(())
    }
}

/// Accepts [`EnvelopedXmlDsig`](super::Profile::EnvelopedXmlDsig): rsa-sha256 and SHA-256, with a
/// certificate along or without one.
///
/// Nothing in the message decides what is checked: the one reference is the whole document without
/// the signature, the canonical form is C14N 1.0, and the key is that of a trusted certificate.
#[derive(Clone, Debug)]
pub struct EnvelopedVerifier {
    trusted: Vec<Certificate>,
    sha1: bool,
}

impl EnvelopedVerifier {
    /// Accepts the holders of these certificates.
    pub fn new(trusted: &[Certificate]) -> Self {
        Self { trusted: trusted.to_vec(), sha1: false }
    }

    /// Accepts rsa-sha1 and SHA-1 too. They are broken: for an old peer alone.
    #[must_use]
    pub fn with_sha1(self) -> Self {
        Self { sha1: true, ..self }
    }

    fn is_digest(&self, data: &str, algorithm: &str, value: &[u8]) -> Result<bool, SignatureFault> {
        let algorithm = match algorithm {
            SHA256_URI => &SHA256,
            SHA1_URI if self.sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            _ => return Err(SignatureFault::Bad("its digest is not accepted")),
        };
        Ok(digest(algorithm, data.as_bytes()).as_ref() == value)
    }

    /// The certificates whose key may have signed: the one that is sent along, or all.
    fn candidates(&self, sent: Option<&[u8]>) -> Result<Vec<&Certificate>, SignatureFault> {
        let Some(sent) = sent else { return Ok(self.trusted.iter().collect()) };
        let known = self.trusted.iter().find(|it| it.der() == sent);
        known.map(|it| vec![it]).ok_or(SignatureFault::Certificate("it is not known"))
    }
}

impl MessageVerifier for EnvelopedVerifier {
    fn verify(&self, body: &[u8], _: &HeaderMap, now: Timestamp) -> Result<(), SignatureFault> {
        let document = read(body).ok_or(SignatureFault::Bad("the message is no xml of ours"))?;
        let root = document.root();
        let mut found = signatures(root);
        let (at, element) = found.next().ok_or(SignatureFault::Missing)?;
        let after = root.children.get(at.saturating_add(1)..).unwrap_or_default();
        if found.next().is_some() || after.iter().any(|node| matches!(node, Node::Element(_))) {
            return Err(SignatureFault::Bad("it is not the one last child of the root"));
        }
        let parts = Parts::read(element).ok_or(SignatureFault::Bad("it is not of the profile"))?;
        let candidates = self.candidates(parts.certificate.as_deref())?;
        let whole = document.canonical_without(Some(at));
        if !self.is_digest(&whole, parts.digest_method, &parts.digest)? {
            return Err(SignatureFault::Bad("it is not of this message"));
        }
        let info = canonical_of(parts.info, &[root, element]);
        let info = info.as_bytes();
        let signed = |it: &&Certificate| match parts.method {
            RSA_SHA1 => it.signed_sha1(info, &parts.value),
            _ => it.signed(info, &parts.value),
        };
        if !(parts.method == RSA_SHA256 || (self.sha1 && parts.method == RSA_SHA1)) {
            return Err(SignatureFault::Bad("its algorithm is not accepted"));
        }
        let by = candidates.into_iter().find(signed);
        by.ok_or(SignatureFault::Bad("it is by another key"))?.valid(now)
    }
}

/// What a signature says.
struct Parts<'d> {
    info: &'d Element,
    method: &'d str,
    digest_method: &'d str,
    digest: Vec<u8>,
    value: Vec<u8>,
    certificate: Option<Vec<u8>>,
}

impl<'d> Parts<'d> {
    /// `None` when anything is there that the profile has not, or is missing.
    fn read(signature: &'d Element) -> Option<Self> {
        let parts = signature.elements()?;
        let (info, value, key_info) = match parts.as_slice() {
            [info, value] => (*info, *value, None),
            [info, value, key_info] => (*info, *value, Some(*key_info)),
            _ => return None,
        };
        let [form, method, reference] = all(info, "SignedInfo")?;
        let [transforms, digest_method, digest] = all(reference, "Reference")?;
        let good = algorithm(form, "CanonicalizationMethod")? == C14N
            && reference.attribute("URI") == Some("")
            && is_enveloped(transforms);
        if !good {
            return None;
        }
        Some(Self {
            info,
            method: algorithm(method, "SignatureMethod")?,
            digest_method: algorithm(digest_method, "DigestMethod")?,
            digest: bytes(digest, "DigestValue")?,
            value: bytes(value, "SignatureValue")?,
            certificate: match key_info {
                Some(key_info) => certificate(key_info)?,
                None => None,
            },
        })
    }
}

/// The certificate of a key's description. Other descriptions are passed over; two certificates,
/// a chain, are none of ours.
fn certificate(key_info: &Element) -> Option<Option<Vec<u8>>> {
    if !key_info.is(DSIG, "KeyInfo") {
        return None;
    }
    let inside = key_info.elements()?;
    let Some(data) = inside.iter().find(|it| it.is(DSIG, "X509Data")) else { return Some(None) };
    let inside = data.elements()?;
    let mut certificates = inside.iter().filter(|it| it.is(DSIG, "X509Certificate"));
    match (certificates.next(), certificates.next()) {
        (None, _) => Some(None),
        (Some(one), None) => bytes(one, "X509Certificate").map(Some),
        _ => None,
    }
}

fn read(body: &[u8]) -> Option<Document> {
    Document::parse(&decode(body, Letters::Windows1251)?).ok()
}

/// Where the closing tag of the root begins. After it there may be blanks alone.
fn end_tag(body: &[u8]) -> Option<usize> {
    if matches!(body, [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..]) {
        return None;
    }
    let end = body.windows(2).rposition(|pair| pair == b"</")?;
    let after = body.get(end..)?.trim_ascii_end();
    let closed = after.iter().position(|byte| *byte == b'>')?;
    (closed.checked_add(1)? == after.len()).then_some(end)
}

/// The signatures among the root's children, and where they stand.
fn signatures(root: &Element) -> impl Iterator<Item = (usize, &Element)> {
    let children = root.children.iter().enumerate();
    children.filter_map(|(at, node)| match node {
        Node::Element(element) if element.is(DSIG, "Signature") => Some((at, element)),
        _ => None,
    })
}

/// The elements of one with this name, when there are so many.
fn all<'d, const N: usize>(element: &'d Element, local: &str) -> Option<[&'d Element; N]> {
    if element.is(DSIG, local) { element.elements()?.try_into().ok() } else { None }
}

fn algorithm<'d>(element: &'d Element, local: &str) -> Option<&'d str> {
    let [] = all(element, local)?;
    element.attribute("Algorithm")
}

/// The one transform; the canonical form may be named after it, as some write.
fn is_enveloped(transforms: &Element) -> bool {
    let Some(each) = transforms.elements().filter(|_| transforms.is(DSIG, "Transforms")) else {
        return false;
    };
    let named: Vec<_> = each.iter().map(|it| algorithm(it, "Transform")).collect();
    named == [Some(ENVELOPED)] || named == [Some(ENVELOPED), Some(C14N)]
}

/// base64, lines and blanks in it or not.
fn bytes(element: &Element, local: &str) -> Option<Vec<u8>> {
    let text = element.text().filter(|_| element.is(DSIG, local))?;
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok()
}
