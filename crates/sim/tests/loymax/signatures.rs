//! Signed tills, under both profiles.

use http::{HeaderMap, Method};
use tillway_core::Timestamp;
use tillway_loymax::sign::{
    Certificate, Identity, Profile, SignatureFault, Signatures, SigningKey,
};
use tillway_sim::loymax::house::RequestAuth;
use tillway_sim::loymax::{Fault, Step};

use crate::till::{Till, balance, message};

const NOW: Timestamp = Timestamp { utc_ms: 1_773_478_805_000, offset_min: 180 };

fn identity(name: &str) -> Identity {
    let file = |part: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../loymax/fixtures/keys");
        std::fs::read_to_string(format!("{folder}/{name}.{part}.pem")).unwrap()
    };
    let key = SigningKey::from_pem(&file("key").into()).unwrap();
    Identity::try_new(key, Certificate::from_pem(&file("cert")).unwrap()).unwrap()
}

/// The certificate of a PEM file, as a till's operator uploads it.
fn der(name: &str) -> Vec<u8> {
    use base64::Engine as _;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../loymax/fixtures/keys");
    let pem = std::fs::read_to_string(format!("{folder}/{name}.cert.pem")).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

fn signed_till(profile: Profile) -> Till {
    let till = Till::new();
    till.processing.sign(profile, identity("processing"));
    till.processing.house().with(|store| {
        let till = store.tills.get_mut("TILL-0007").unwrap();
        till.request_auth = RequestAuth::Signature;
        till.certificate = Some(der("till"));
    });
    till
}

/// The answer to a message signed by this key, and what its signature is worth.
async fn asked(
    till: &Till,
    profile: Profile,
    by: Option<&str>,
    change: impl FnOnce(&mut Vec<u8>),
) -> (String, Result<(), SignatureFault>) {
    let own = identity("till");
    let trusted = [identity("processing").certificate().clone()];
    let signatures = Signatures::new(profile, &own, &trusted);
    let mut headers = HeaderMap::new();
    let mut body = message(&balance("b1", "2990000000019")).into_bytes();
    if let Some(by) = by {
        profile.signer(&identity(by)).sign(&mut body, &mut headers).unwrap();
    }
    change(&mut body);
    let answer = till.send(Method::POST, till.path, headers, body).await.unwrap();
    let valid = signatures.verifier.verify(answer.body(), answer.headers(), NOW);
    (String::from_utf8(answer.body().to_vec()).unwrap(), valid)
}

#[tokio::test(start_paused = true)]
async fn both_sides_sign() {
    for profile in [Profile::DetachedBody, Profile::EnvelopedXmlDsig] {
        let till = signed_till(profile);
        let code = |told: &str, code: u32| told.contains(&format!("<ErrorCode>{code}</ErrorCode>"));
        let (told, valid) = asked(&till, profile, Some("till"), |_| ()).await;
        assert!(told.contains("BonusAmount=\"250.00\""), "{profile:?} {told}");
        assert_eq!(valid, Ok(()), "{profile:?}");
        let (told, valid) = asked(&till, profile, None, |_| ()).await;
        assert!(code(&told, 107) && valid.is_ok(), "{profile:?} {told}");
        let change = |body: &mut Vec<u8>| {
            let place = body.windows(4).position(|part| part == b"0019").unwrap();
            body[place + 3] = b'7';
        };
        let (told, _) = asked(&till, profile, Some("till"), change).await;
        assert!(code(&told, 106), "{profile:?} {told}");
        let (told, _) = asked(&till, profile, Some("foreign"), |_| ()).await;
        assert!(code(&told, 106) || code(&told, 108), "{profile:?} {told}");
        till.processing.house().with(|store| {
            store.tills.get_mut("TILL-0007").unwrap().certificate = None;
        });
        let (told, _) = asked(&till, profile, Some("till"), |_| ()).await;
        assert!(code(&told, 108), "{profile:?} {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_are_forged_when_it_is_told_to() {
    for profile in [Profile::DetachedBody, Profile::EnvelopedXmlDsig] {
        let till = signed_till(profile);
        till.processing.push(Step::next(Fault::BadSignature));
        let (_, valid) = asked(&till, profile, Some("till"), |_| ()).await;
        assert!(matches!(valid, Err(SignatureFault::Bad(_))), "{profile:?} {valid:?}");
        till.processing.push(Step::next(Fault::NoSignature));
        let (_, valid) = asked(&till, profile, Some("till"), |_| ()).await;
        assert_eq!(valid, Err(SignatureFault::Missing), "{profile:?}");
    }
}
