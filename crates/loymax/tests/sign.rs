//! Signatures: what is accepted, what is not, and what is said of a key that cannot be used.
#![allow(clippy::unwrap_used, reason = "tests")]

mod keys;

use http::{HeaderMap, HeaderValue};
use tillway_core::Timestamp;
use tillway_loymax::dialect::Letters;
use tillway_loymax::sign::{
    CERTIFICATE_HEADER, Certificate, EnvelopedSigner, Identity, KeyError, MessageSigner, Profile,
    SIGNATURE_HEADER, SignError, SignatureFault, SigningKey,
};
use tillway_loymax::wire;

use keys::{certificate, identity, key_pem};

const BODY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<XMLRequest \
    xmlns:xsi='urn:x' xml:lang='ru'>\n <A b='1' a=\"Чай\"/>\r\n</XMLRequest>\n";
const PROFILES: [Profile; 2] = [Profile::DetachedBody, Profile::EnvelopedXmlDsig];

fn now() -> Timestamp {
    Timestamp::utc(1_773_478_800_000)
}

fn signed(profile: Profile, body: &[u8]) -> (Vec<u8>, HeaderMap) {
    let (mut body, mut headers) = (body.to_vec(), HeaderMap::new());
    profile.signer(&identity("till")).sign(&mut body, &mut headers).unwrap();
    (body, headers)
}

fn verified(
    profile: Profile,
    trusted: &[&str],
    body: &[u8],
    headers: &HeaderMap,
) -> Result<(), SignatureFault> {
    let trusted: Vec<_> = trusted.iter().copied().map(certificate).collect();
    profile.verifier(&trusted).verify(body, headers, now())
}

#[test]
fn what_was_signed_is_accepted_from_its_signer_alone() {
    for profile in PROFILES {
        let (body, headers) = signed(profile, BODY.as_bytes());
        assert_eq!(verified(profile, &["till"], &body, &headers), Ok(()), "{profile:?}");
        assert_eq!(verified(profile, &["foreign", "till"], &body, &headers), Ok(()), "{profile:?}");
        let unknown = Err(SignatureFault::Certificate("it is not known"));
        assert_eq!(verified(profile, &["foreign"], &body, &headers), unknown, "{profile:?}");
        assert_eq!(verified(profile, &[], &body, &headers), unknown, "{profile:?}");
        let again = signed(profile, BODY.as_bytes());
        assert_eq!(again, (body, headers), "{profile:?}: the same to the byte");
    }
}

#[test]
fn what_is_not_signed_is_told_apart() {
    for profile in PROFILES {
        let unsigned = verified(profile, &["till"], BODY.as_bytes(), &HeaderMap::new());
        assert_eq!(unsigned, Err(SignatureFault::Missing), "{profile:?}");
    }
    assert_eq!(verified(Profile::None, &[], b"anything", &HeaderMap::new()), Ok(()));
}

#[test]
fn a_certificate_has_its_time() {
    for profile in PROFILES {
        let (body, headers) = signed(profile, BODY.as_bytes());
        let verifier = profile.verifier(&[certificate("till")]);
        let rows = [
            (1_577_836_799_999, Err(SignatureFault::Certificate("it is not valid yet"))),
            (1_577_836_800_000, Ok(())),
            (4_733_510_400_999, Ok(())),
            (4_733_510_401_000, Err(SignatureFault::Certificate("it has expired"))),
        ];
        for (utc_ms, expected) in rows {
            let at = Timestamp { utc_ms, offset_min: 180 };
            assert_eq!(verifier.verify(&body, &headers, at), expected, "{profile:?} {utc_ms}");
        }
    }
}

/// Every byte of the message, changed: nothing of it may be used. What the enveloped signature
/// does not cover is how the same document is written.
#[test]
fn a_changed_byte_is_seen() {
    for profile in PROFILES {
        let (body, headers) = signed(profile, BODY.as_bytes());
        let whole = wire::decode(&body, Letters::Utf8).unwrap().into_owned();
        let form = tillway_loymax::sign::c14n::canonical(&whole);
        let mut accepted = 0;
        for at in 0..body.len() {
            let mut changed = body.clone();
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= 0x02;
            }
            if verified(profile, &["till"], &changed, &headers).is_ok() {
                let text = wire::decode(&changed, Letters::Utf8).unwrap().into_owned();
                let same = tillway_loymax::sign::c14n::canonical(&text) == form;
                assert!(profile == Profile::EnvelopedXmlDsig && same, "{profile:?} {at}");
                accepted += 1;
            }
        }
        assert!(accepted < 20, "{accepted}");
    }
}

#[test]
fn the_form_of_the_detached_signature_is_strict() {
    let profile = Profile::DetachedBody;
    let (body, headers) = signed(profile, BODY.as_bytes());
    let with = |change: fn(&mut HeaderMap)| {
        let mut headers = headers.clone();
        change(&mut headers);
        verified(profile, &["till"], &body, &headers)
    };
    let bad = |reason| Err(SignatureFault::Bad(reason));
    let rows: [(fn(&mut HeaderMap), _); 5] = [
        (|h| drop(h.remove(SIGNATURE_HEADER)), Err(SignatureFault::Missing)),
        (|h| drop(h.remove(CERTIFICATE_HEADER)), Err(SignatureFault::Certificate("none is named"))),
        (
            |h| drop(h.insert(SIGNATURE_HEADER, HeaderValue::from_static("?"))),
            bad("it is no base64"),
        ),
        (
            |h| drop(h.insert(SIGNATURE_HEADER, HeaderValue::from_static("AAAA"))),
            bad("it is not of this message"),
        ),
        (
            |h| assert!(h.append(SIGNATURE_HEADER, HeaderValue::from_static("AAAA"))),
            bad("there are two of them"),
        ),
    ];
    for (change, expected) in rows {
        assert_eq!(with(change), expected);
    }
}

#[test]
fn the_form_of_the_enveloped_signature_is_strict() {
    let profile = Profile::EnvelopedXmlDsig;
    let (body, _) = signed(profile, BODY.as_bytes());
    let text = String::from_utf8(body).unwrap();
    let check = |text: &str| verified(profile, &["till"], text.as_bytes(), &HeaderMap::new());
    let (start, end) = (text.find("<Signature ").unwrap(), text.find("</XMLRequest>").unwrap());
    let signature = text.get(start..end).unwrap();
    let place = Err(SignatureFault::Bad("it is not the one last child of the root"));
    let form = Err(SignatureFault::Bad("it is not of the profile"));
    let message = Err(SignatureFault::Bad("it is not of this message"));
    let key = Err(SignatureFault::Bad("it is by another key"));
    let method = Err(SignatureFault::Bad("its algorithm is not accepted"));
    let hash = Err(SignatureFault::Bad("its digest is not accepted"));
    let twice = format!("{signature}{signature}");
    let rows = [
        (signature, twice.as_str(), place),
        ("</Signature>", "</Signature><A></A>", place),
        ("</Signature>", "</Signature> ", message),
        ("</Signature>", "</Signature>x", message),
        ("<Reference URI=\"\">", "<Reference URI=\"#a\">", form),
        ("<Reference URI=\"\">", "<Reference>", form),
        ("#enveloped-signature\"", "#base64\"", form),
        ("<DigestValue>", "<DigestValue>AAAA", message),
        ("xmldsig-more#rsa-sha256", "xmldsig-more#rsa-sha512", method),
        ("xmldsig-more#rsa-sha256", "xmldsig-more#hmac-sha256", method),
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            method,
        ),
        ("xmlenc#sha256", "xmlenc#sha512", hash),
        ("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1", hash),
        ("c14n-20010315", "c14n-20010315#WithComments", form),
        ("</SignedInfo>", "</SignedInfo><Object></Object>", form),
        ("</Reference>", "</Reference><Reference URI=\"\"></Reference>", form),
        ("<SignatureValue>", "<SignatureValue>AAAA", key),
        ("</X509Certificate>", "</X509Certificate><X509Certificate></X509Certificate>", form),
    ];
    assert_eq!(check(&text), Ok(()));
    for (from, to, expected) in rows {
        assert!(text.contains(from), "{from}");
        assert_eq!(check(&text.replacen(from, to, 1)), expected, "{from} → {to}");
    }
    let named = text.replacen("<Signature ", "<!-- --><Signature ", 1);
    assert_eq!(check(&named), Ok(()), "comments are no part of the form");
    let elsewhere = text.replacen("http://www.w3.org/2000/09/xmldsig#\"", "urn:other\"", 1);
    assert_eq!(check(&elsewhere), Err(SignatureFault::Missing));
}

#[test]
fn a_key_need_not_be_named() {
    let (mut body, mut headers) = (BODY.as_bytes().to_vec(), HeaderMap::new());
    let signer = EnvelopedSigner::new(identity("till")).without_key_info();
    signer.sign(&mut body, &mut headers).unwrap();
    let check = |trusted: &[&str]| verified(Profile::EnvelopedXmlDsig, trusted, &body, &headers);
    assert!(headers.is_empty());
    assert_eq!(check(&["foreign", "till"]), Ok(()));
    assert_eq!(check(&["foreign"]), Err(SignatureFault::Bad("it is by another key")));
}

#[test]
fn the_letters_of_a_message_are_no_part_of_its_form() {
    let body = BODY.replace("UTF-8", "windows-1251");
    let (bytes, ..) = encoding_rs::WINDOWS_1251.encode(&body);
    for profile in PROFILES {
        let (signed, headers) = signed(profile, &bytes);
        assert_eq!(verified(profile, &["till"], &signed, &headers), Ok(()), "{profile:?}");
        assert!(signed.windows(2).any(|pair| pair == [0xD7, 0xE0]), "windows letters stay");
        if profile == Profile::EnvelopedXmlDsig {
            let text = wire::decode(&signed, Letters::Utf8).unwrap();
            let utf8 = text.replace("windows-1251", "UTF-8");
            assert_eq!(verified(profile, &["till"], utf8.as_bytes(), &headers), Ok(()));
        }
    }
}

#[test]
fn what_cannot_carry_a_signature_stays_as_it_is() {
    let signer = Profile::EnvelopedXmlDsig.signer(&identity("till"));
    let (twice, _) = signed(Profile::EnvelopedXmlDsig, BODY.as_bytes());
    let utf16: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain("<a></a>".bytes().flat_map(|b| [b, 0])).collect();
    let rows: [&[u8]; 8] = [
        b"",
        b"<a/>",
        b"<a></a><!-- </b> -->",
        b"<a></a",
        b"<a>&b;</a>",
        b"<!DOCTYPE a><a></a>",
        &utf16,
        &twice,
    ];
    for row in rows {
        let (mut body, mut headers) = (row.to_vec(), HeaderMap::new());
        let error = signer.sign(&mut body, &mut headers).unwrap_err();
        assert!(matches!(error, SignError::Body), "{}", String::from_utf8_lossy(row));
        assert_eq!((body.as_slice(), headers.len()), (row, 0));
    }
}

#[test]
fn a_bad_key_is_told_by_what_is_wrong_with_it() {
    let key = |pem: &str| SigningKey::from_pem(&pem.into()).map(|_| ());
    let rows = [
        ("", KeyError::NotPem),
        ("MIIE", KeyError::NotPem),
        (include_str!("../fixtures/keys/till.pkcs1.pem"), KeyError::NotPkcs8),
        (include_str!("../fixtures/keys/till.encrypted.pem"), KeyError::Encrypted),
        (include_str!("../fixtures/keys/till.cert.pem"), KeyError::NotPkcs8),
        (include_str!("../fixtures/keys/short.key.pem"), KeyError::Length),
        (include_str!("../fixtures/keys/elliptic.key.pem"), KeyError::NotRsa),
        ("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", KeyError::NotPkcs8),
    ];
    for (pem, expected) in rows {
        assert_eq!(key(pem), Err(expected));
    }
    assert_eq!(key(&key_pem("till")), Ok(()));
    let rows = [
        ("", KeyError::NotPem),
        (include_str!("../fixtures/keys/till.pkcs1.pem"), KeyError::NotCertificate),
        (include_str!("../fixtures/keys/short.cert.pem"), KeyError::Length),
        (include_str!("../fixtures/keys/elliptic.cert.pem"), KeyError::NotRsa),
    ];
    for (pem, expected) in rows {
        assert_eq!(Certificate::from_pem(pem), Err(expected));
    }
    let till = SigningKey::from_pem(&key_pem("till").into()).unwrap();
    let other = Identity::try_new(till, certificate("foreign")).unwrap_err();
    assert_eq!(other, KeyError::OtherKey);
    let texts = [
        (certificate("till").check(Timestamp::utc(4_733_510_401_000)), "expired at 2120-01-01"),
        (certificate("till").check(Timestamp::utc(0)), "not valid before 2020-01-01"),
    ];
    for (result, text) in texts {
        let told = result.unwrap_err().to_string();
        assert!(told.contains(text), "{told}");
    }
}

#[test]
fn no_key_is_shown() {
    let pem = key_pem("till");
    let shown =
        format!("{:?} {:?}", identity("till"), Profile::DetachedBody.signer(&identity("till")));
    for line in pem.lines().filter(|line| !line.starts_with('-')) {
        assert!(!shown.contains(line), "{shown}");
    }
    assert!(shown.contains("SigningKey(2048 bits)"), "{shown}");
    assert!(shown.contains(certificate("till").fingerprint()), "{shown}");
}
