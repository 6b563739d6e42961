//! What a Loymax processing answers, what is scanned at the till, and signatures.

use std::sync::OnceLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use tillway_core::Timestamp;
use tillway_core::fiscal::Quantity;
use tillway_core::id::Uuid;
use tillway_core::loyalty::{Carrier, Goods, IdentifierKind};
use tillway_core::money::Kopecks;
use tillway_core::port::processing::{Kind, Outcome, Sealed, SentLine};
use tillway_loymax::dialect::{Dialect, Letters};
use tillway_loymax::sign::{Certificate, MessageVerifier, Profile, c14n};
use tillway_loymax::{input, judge, wire};

const NOW: Timestamp = Timestamp::utc(1_773_478_800_000);
const CERTIFICATE: &str = include_str!("../../crates/loymax/fixtures/keys/processing.cert.pem");

/// Which command was asked, and an answer to it.
pub fn run(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let kind = Kind::ALL[usize::from(*choice) % Kind::ALL.len()];
    let letters = if choice & 0x80 == 0 { Letters::Utf8 } else { Letters::Windows1251 };
    let dialect = Dialect { letters, ..Dialect::default() };
    let sealed = asked(kind);
    let outcome = judge::outcome(&dialect, &sealed, body);
    let Ok(response) = wire::read(&dialect, body) else {
        assert!(matches!(outcome, Outcome::InDoubt(_)), "what cannot be read is in doubt");
        return;
    };
    if let Outcome::Done(answer) = outcome {
        let yes = response.replies.iter().any(|reply| {
            reply.kind == kind && reply.result.as_ref().is_some_and(|it| it.code.is_ok())
        });
        let failed = response.message.as_ref().is_some_and(|it| !it.code.is_ok());
        assert!(yes && !failed, "only an explicit yes is a yes");
        let known = |position| sealed.lines.iter().any(|sent| sent.position == position);
        let mut positions: Vec<_> = answer.lines.iter().map(|line| line.position).collect();
        assert!(positions.iter().all(|position| known(*position)), "a line that was not sent");
        positions.sort_unstable();
        assert!(positions.windows(2).all(|pair| pair[0] != pair[1]), "a line twice");
    }
}

/// A message of two lines.
fn asked(kind: Kind) -> Sealed {
    let line = |position, goods| SentLine {
        position,
        goods,
        quantity: Quantity::ONE,
        amount: Kopecks(10_000),
    };
    Sealed {
        id: Uuid::from_u128(0x0b),
        kind,
        purchase: Some(Uuid::from_u128(0x0c).into()),
        at: NOW,
        body: Vec::new(),
        beside: Vec::new(),
        lines: vec![line(1, Goods::Code("A".into())), line(2, Goods::Barcode("7".into()))],
    }
}

/// A message whose signature nobody could make without the key: whatever it is, it is not accepted.
/// What is before the first zero byte is its signature in headers.
pub fn run_signed(data: &[u8]) {
    static VERIFIERS: OnceLock<[std::sync::Arc<dyn MessageVerifier>; 2]> = OnceLock::new();
    let verifiers = VERIFIERS.get_or_init(|| {
        let trusted = [Certificate::from_pem(CERTIFICATE).expect("the certificate of the tests")];
        [Profile::DetachedBody, Profile::EnvelopedXmlDsig].map(|it| it.verifier(&trusted))
    });
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (head, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or(data));
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(head) {
        headers.insert(HeaderName::from_static("x-loymax-signature"), value);
        let trusted = Certificate::from_pem(CERTIFICATE).expect("the certificate of the tests");
        let named = HeaderValue::from_str(trusted.fingerprint()).expect("hex");
        headers.insert(HeaderName::from_static("x-loymax-certificate"), named);
    }
    for verifier in verifiers {
        assert!(verifier.verify(body, &headers, NOW).is_err(), "forged");
    }
    if let Ok(text) = core::str::from_utf8(body) {
        canonical(text);
    }
}

/// The canonical form is one, and is read again as the same document.
fn canonical(text: &str) {
    let Ok(form) = c14n::canonical(text) else { return };
    assert_eq!(c14n::canonical(&form).as_ref(), Ok(&form));
    assert!(!form.contains('\r') && !form.contains("<!") && !form.contains("<?"));
}

/// Which kind, and what was scanned, swiped or typed.
pub fn run_input(data: &[u8]) {
    const KINDS: [IdentifierKind; 8] = [
        IdentifierKind::CardNumber,
        IdentifierKind::CardBarcode,
        IdentifierKind::Track1,
        IdentifierKind::Track2,
        IdentifierKind::Track3,
        IdentifierKind::Phone,
        IdentifierKind::PhoneHash,
        IdentifierKind::Qr,
    ];
    const CARRIERS: [Carrier; 5] =
        [Carrier::Barcode, Carrier::Qr, Carrier::Track1, Carrier::Track2, Carrier::Track3];
    let Some((choice, text)) = data.split_first() else { return };
    let Ok(text) = core::str::from_utf8(text) else { return };
    let choice = usize::from(*choice);
    let kind = KINDS[choice % KINDS.len()];
    if let Ok(read) = input::identifier(kind, text) {
        assert!(!read.value.is_empty());
        // A track that is read again may lose another sentinel; a hash is no phone.
        let stays = [
            IdentifierKind::CardNumber,
            IdentifierKind::CardBarcode,
            IdentifierKind::Phone,
            IdentifierKind::Qr,
        ];
        if stays.contains(&kind) {
            let again = input::identifier(kind, &read.value);
            assert_eq!(again.map(|it| it.value), Ok(read.value), "{kind:?}");
        }
    }
    if let Ok(read) = input::coupon(CARRIERS[choice % CARRIERS.len()], text) {
        assert!(!read.value.is_empty());
    }
}
