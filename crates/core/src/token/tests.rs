use core::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::guest::Carrier;
use crate::id::{GuestId, Uuid};

const NOW: Timestamp = Timestamp::utc(1_767_225_600_000);
const MINUTE: Duration = Duration::from_secs(60);
const JTI: [u8; 16] = [7; 16];

fn keys() -> TokenKeys {
    let old = (Box::from("old"), b"an old key of 32 bytes or so ...".to_vec());
    let new = (Box::from("k-2_B"), vec![0xa5; 32]);
    TokenKeys::try_new(TOKEN_PREFIX, [old, new]).unwrap()
}

fn minted(carrier: &str) -> String {
    keys().mint("k-2_B", carrier, NOW, MINUTE, JTI).unwrap()
}

fn rules(readers: Vec<Arc<dyn TokenReader>>) -> TokenRules {
    TokenRules { keys: keys(), readers, phone_lookup: true }
}

fn read(value: &str, rules: &TokenRules) -> Result<Reading, TokenRefusal> {
    read_value(&Scan::new(value), NOW, rules)
}

/// The alias that is looked up, with its attributes.
fn alias(value: &str, rules: &TokenRules) -> (String, Vec<(String, String)>) {
    let reading = read(value, rules).unwrap();
    match reading.identified {
        Identified::Static { alias, .. } => (alias.into(), reading.attributes),
        Identified::Dynamic(_) => panic!("{value} is dynamic"),
    }
}

fn refusal(value: &str, rules: &TokenRules) -> TokenRefusal {
    read(value, rules).unwrap_err()
}

#[test]
fn w06_a_carrier_that_is_blocked_or_out_of_its_time() {
    let from = NOW.before(MINUTE);
    let until = NOW.after(MINUTE);
    let carrier = |blocked| Carrier {
        alias: "149725735".into(),
        guest: GuestId(Uuid::from_u128(1)),
        blocked,
        valid_from: Some(from),
        valid_until: Some(until),
    };
    assert_eq!(check_carrier(&carrier(false), from), Ok(()));
    assert_eq!(check_carrier(&carrier(false), NOW), Ok(()));
    assert_eq!(check_carrier(&carrier(true), NOW), Err(TokenRefusal::CardBlocked));
    assert_eq!(check_carrier(&carrier(true), until), Err(TokenRefusal::CardBlocked));
    let early = from.before(Duration::from_millis(1));
    assert_eq!(check_carrier(&carrier(false), early), Err(TokenRefusal::CardExpired));
    assert_eq!(check_carrier(&carrier(false), until), Err(TokenRefusal::CardExpired));
    let always = Carrier { valid_from: None, valid_until: None, ..carrier(false) };
    assert_eq!(check_carrier(&always, Timestamp::utc(i64::MIN)), Ok(()));
}

#[test]
fn w07_an_expired_token() {
    let (keys, token) = (keys(), minted("149725735"));
    let at = |s: i64| keys.verify(&token, Timestamp::utc(NOW.utc_ms + s * 1_000));
    assert_eq!(at(0).unwrap().refused_from(), NOW.after(Duration::from_secs(75)));
    assert!(at(74).is_ok(), "within the skew");
    assert_eq!(at(75), Err(TokenRefusal::TokenExpired));
    assert_eq!(at(1_000_000), Err(TokenRefusal::TokenExpired));
    assert!(at(-15).is_ok(), "the other clock is ahead");
    assert_eq!(at(-16), Err(TokenRefusal::TokenInvalid));
    let late = read_value(&Scan::new(token.as_str()), NOW.after(MINUTE * 2), &rules(vec![]));
    assert_eq!(late.unwrap_err(), TokenRefusal::TokenExpired);
}

#[test]
fn w07_a_bad_signature() {
    let token = minted("149725735");
    let other = TokenKeys::try_new(TOKEN_PREFIX, [("k-2_B".into(), vec![0xa4; 32])]).unwrap();
    assert_eq!(other.verify(&token, NOW), Err(TokenRefusal::TokenInvalid));
    let foreign_kid = token.replacen("k-2_B", "old", 1);
    let no_tag = token.rsplit_once('.').unwrap().0;
    let long = format!("lt1.old.{}", "A".repeat(VALUE_CHARS_MAX - 8));
    let bad =
        [&foreign_kid, no_tag, "lt1.", "lt1...", "lt1.old.", "lt1.old..", "lt1.no.AA.AA", &long];
    for text in bad {
        assert_eq!(keys().verify(text, NOW), Err(TokenRefusal::TokenInvalid), "{text}");
        assert_eq!(refusal(text, &rules(vec![])), TokenRefusal::TokenInvalid, "{text}");
    }
    let padded = format!("{token}=");
    assert_eq!(keys().verify(&padded, NOW), Err(TokenRefusal::TokenInvalid));
    assert_eq!(TokenKeys::default().verify(&token, NOW), Err(TokenRefusal::TokenInvalid));
}

/// A payload under a good tag.
fn signed(payload: &[u8]) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use hmac::{Hmac, Mac};
    let text = format!("lt1.k-2_B.{}", URL_SAFE_NO_PAD.encode(payload));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&[0xa5; 32]).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[test]
fn w07_a_good_tag_over_a_bad_payload() {
    let payload = |carrier: &str, issued: u64, expires: u64, jti: &[u8], entries: u64| {
        let mut bytes = Vec::new();
        let mut e = minicbor::Encoder::new(&mut bytes);
        e.map(entries).unwrap();
        e.u8(0).unwrap().str(carrier).unwrap().u8(1).unwrap().u64(issued).unwrap();
        e.u8(2).unwrap().u64(expires).unwrap().u8(3).unwrap().bytes(jti).unwrap();
        bytes
    };
    let now = u64::try_from(NOW.utc_ms / 1_000).unwrap();
    let good = payload("149725735", now, now + 120, &JTI, 4);
    assert_eq!(keys().verify(&signed(&good), NOW).unwrap().carrier.as_ref(), "149725735");
    let trailing = [good.as_slice(), &[0xf6]].concat();
    let cut = &good[..good.len() - 1];
    let long_head = [&[0xb8, 0x04], &good[1..]].concat();
    let bad: Vec<&[u8]> = vec![&trailing, cut, &long_head, &[], &[0xa0], &[0xff]];
    for bytes in bad {
        assert_eq!(keys().verify(&signed(bytes), NOW), Err(TokenRefusal::TokenInvalid));
    }
    let bad = [
        payload("149725735", now, now + 121, &JTI, 4),
        payload("149725735", now, now, &JTI, 4),
        payload("149725735", now, now - 1, &JTI, 4),
        payload("149725735", now + 16, now + 60, &JTI, 4),
        payload("149725735", u64::MAX, u64::MAX, &JTI, 4),
        payload("149725735", i64::MAX as u64 - 1, i64::MAX as u64, &JTI, 4),
        payload("149725735", now, now + 60, &JTI[..15], 4),
        payload("149725735", now, now + 60, &JTI, 5),
        payload("", now, now + 60, &JTI, 4),
        payload(" 1", now, now + 60, &JTI, 4),
        payload(&"1".repeat(CARRIER_LEN_MAX + 1), now, now + 60, &JTI, 4),
    ];
    for (row, bytes) in bad.iter().enumerate() {
        assert_eq!(keys().verify(&signed(bytes), NOW), Err(TokenRefusal::TokenInvalid), "{row}");
    }
}

#[test]
fn w07_a_token_of_another_key_and_prefix_is_good() {
    let key = || (Box::from("a"), vec![1; KEY_LEN_MIN]);
    let keys = TokenKeys::try_new("venue:.", [key()]).unwrap();
    let token = keys.mint("a", "04:a2-5f 1c", NOW, TOKEN_TTL_MAX, JTI).unwrap();
    assert!(token.starts_with("venue:.a."));
    let read = keys.verify(&token, NOW).unwrap();
    assert_eq!((read.carrier.as_ref(), read.jti), ("04A25F1C", JTI));
    assert_eq!(read.exp, NOW.after(TOKEN_TTL_MAX));
}

#[test]
fn keys_and_requests_for_tokens_are_checked() {
    let make = |prefix, kid: &str, len| {
        TokenKeys::try_new(prefix, [(Box::from(kid), vec![1; len])]).map(|_| ())
    };
    assert_eq!(make("lt1.", "a", 16), Ok(()));
    assert_eq!(make("", "a", 16), Err(BadKeys::Prefix));
    assert_eq!(make("lt1", "a", 16), Err(BadKeys::Prefix));
    assert_eq!(make("l t.", "a", 16), Err(BadKeys::Prefix));
    assert_eq!(make("lt1.", "a.b", 16), Err(BadKeys::Kid));
    assert_eq!(make("lt1.", "", 16), Err(BadKeys::Kid));
    assert_eq!(make("lt1.", "a", 15), Err(BadKeys::Length));
    assert_eq!(make("lt1.", "a", 129), Err(BadKeys::Length));
    let same = [("a".into(), vec![1; 16]), ("a".into(), vec![2; 16])];
    assert_eq!(TokenKeys::try_new("lt1.", same).unwrap_err(), BadKeys::Kid);
    let many = (0..17).map(|n| (n.to_string().into(), vec![1; 16]));
    assert_eq!(TokenKeys::try_new("lt1.", many).unwrap_err(), BadKeys::TooMany);

    let mint = |kid: &str, carrier: &str, now, ttl_s| {
        keys().mint(kid, carrier, now, Duration::from_secs(ttl_s), JTI).unwrap_err()
    };
    assert_eq!(mint("no", "1", NOW, 60), MintError::UnknownKid);
    assert_eq!(mint("old", "", NOW, 60), MintError::Carrier);
    assert_eq!(mint("old", "1\n", NOW, 60), MintError::Carrier);
    assert_eq!(mint("old", &"1".repeat(129), NOW, 60), MintError::Carrier);
    assert_eq!(mint("old", "1", NOW, 0), MintError::Ttl);
    assert_eq!(mint("old", "1", NOW, 121), MintError::Ttl);
    assert_eq!(mint("old", "1", Timestamp::utc(-1), 60), MintError::Time);
    assert_eq!(mint("old", "1", Timestamp::utc(i64::MAX), 60), MintError::Time);
    let last = Timestamp::utc(i64::MAX).before(MINUTE);
    assert!(keys().verify(&keys().mint("old", "1", last, MINUTE, JTI).unwrap(), last).is_ok());
    let long = "1".repeat(CARRIER_LEN_MAX);
    let longest = [("k".repeat(32).into(), vec![1; 16])];
    let longest = TokenKeys::try_new("0123456789abcde.", longest).unwrap();
    let token = longest.mint(&"k".repeat(32), &long, NOW, MINUTE, JTI).unwrap();
    assert_eq!(longest.verify(&token, NOW).unwrap().carrier.as_ref(), long);
}

#[test]
fn w16_only_white_space_is_empty() {
    for value in ["", " ", "\r\n", "\t\u{a0}\0\u{1f}"] {
        assert_eq!(refusal(value, &rules(vec![])), TokenRefusal::EmptyValue, "{value:?}");
    }
    assert_eq!(normalise("\u{2}149725735\r\n"), Ok("149725735"));
}

#[test]
fn w55_a_url_with_the_carrier_in_a_parameter() {
    let rules = rules(vec![Arc::new(UrlReader { parameter: "card".into() })]);
    let kept = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect::<Vec<_>>()
    };
    let url = "https://venue.example/g?name=%D0%90%D0%BD%D0%BD%D0%B0+K&card=04%3aa2&x&&t=1=2#q?z";
    let attributes = kept(&[("name", "Анна K"), ("x", ""), ("t", "1=2")]);
    assert_eq!(alias(url, &rules), ("04A2".into(), attributes));
    let token = minted("149725735");
    let reading = read(&format!("x://h?card={token}"), &rules).unwrap();
    assert!(matches!(reading.identified, Identified::Dynamic(d) if &*d.carrier == "149725735"));
    let many: String = (0..40).map(|n| format!("&a{n}=1")).collect();
    assert_eq!(alias(&format!("x://h?card=1{many}"), &rules).1.len(), ATTRIBUTES_MAX);
}

#[test]
fn w55_json_with_the_carrier_in_a_field() {
    let rules = rules(vec![Arc::new(JsonReader { field: "card".into() })]);
    let text = r#" {"a" : [1, {"b": [null, {}, []]}], "n":-1.5e+3, "t":true,"f":false,"z":null,
        "card":"\u0041\ud83d\ude00\n1" ,"s":"\"\\\/"} "#;
    let (carrier, attributes) = alias(text, &rules);
    assert_eq!(carrier, "A😀\n1");
    let expected = [("n", "-1.5e+3"), ("t", "true"), ("f", "false"), ("s", "\"\\/")];
    let got: Vec<_> = attributes.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(got, expected);
    assert_eq!(alias("{\"card\":149725735}", &rules).0, "149725735");
}

#[test]
fn w56_parameter_or_field_missing_falls_back_to_the_text_itself() {
    let rules = rules(vec![
        Arc::new(PrefixReader { prefix: "CARD:".into() }),
        Arc::new(UrlReader { parameter: "card".into() }),
        Arc::new(JsonReader { field: "card".into() }),
    ]);
    let not_ours = [
        "https://venue.example/?other=1",
        "https://venue.example/card=1",
        "https://venue.example/?card=1&card=2",
        "https://venue.example/?card=%zz",
        "https://venue.example/?card=%4",
        "https://venue.example/?card=%ff",
        "https://venue.example/#?card=1",
        "venue.example/?card=1",
        "://?card=1",
        "{\"other\":1}",
        "{\"card\":1.5}",
        "{\"card\":-1}",
        "{\"card\":true}",
        "{\"card\":null}",
        "{\"card\":{}}",
        "{\"card\":[]}",
        "{\"card\":1,\"card\":2}",
        "{\"card\":\"1\",}",
        "{\"card\":01}",
        "{\"card\":1}x",
        "{\"card\":\"1}",
        "{\"card\":\"\\ud83d\"}",
        "{\"card\":\"\\ud83d\\u0041\"}",
        "{\"card\":\"\\u+123\"}",
        "{\"card\":\"\\x\"}",
        "{\"card\":1",
        "{\"a\":nul,\"card\":1}",
        "{\"a\":tru,\"card\":1}",
        "{\"a\":1.,\"card\":1}",
        "{\"a\":1e,\"card\":1}",
        "{\"a\":[[[[[[[[1]]]]]]]],\"card\":1}",
        "{}",
        "[]",
        "card:149725735",
    ];
    for text in not_ours {
        assert_eq!(alias(text, &rules), (text.to_uppercase(), vec![]), "{text}");
    }
    assert_eq!(alias("CARD:149725735", &rules).0, "149725735");
    assert_eq!(refusal(" CARD: \n", &rules), TokenRefusal::UnknownCard);
    assert_eq!(refusal("https://v/?card=", &rules), TokenRefusal::UnknownCard);
    assert_eq!(refusal("{\"card\":\" \"}", &rules), TokenRefusal::UnknownCard);
}

#[test]
fn w56_text_over_512_characters() {
    assert!(read(&"я".repeat(512), &rules(vec![])).is_ok());
    assert_eq!(refusal(&"я".repeat(513), &rules(vec![])), TokenRefusal::BadValue);
}

/// Does what its text says.
#[derive(Debug)]
struct Odd;

impl TokenReader for Odd {
    fn read(&self, value: &str) -> Result<Option<ReadToken>, ReaderFailed> {
        let attribute = || ("a".to_owned(), "b".to_owned());
        let token = |carrier: &str, n, attribute| ReadToken {
            carrier: carrier.to_owned(),
            attributes: vec![attribute; n],
        };
        match value {
            "panics" => panic!("a reader of the integrator"),
            "fails" => Err(ReaderFailed),
            "many" => Ok(Some(token("1", 17, attribute()))),
            "long" => Ok(Some(token("1", 1, ("a".into(), "b".repeat(513))))),
            "long carrier" => Ok(Some(token(&"b".repeat(513), 0, attribute()))),
            "good" => Ok(Some(token("149725735", 16, attribute()))),
            _ => Ok(None),
        }
    }
}

#[test]
fn w57_a_reader_of_the_integrator_fails_alone() {
    let last: Arc<dyn TokenReader> = Arc::new(Box::new(PrefixReader { prefix: "CARD:".into() }));
    let rules = rules(vec![Arc::new(Odd), last]);
    for value in ["panics", "fails", "many", "long"] {
        assert_eq!(refusal(value, &rules), TokenRefusal::Unavailable, "{value}");
    }
    assert_eq!(refusal("long carrier", &rules), TokenRefusal::BadValue);
    let (carrier, attributes) = alias("good", &rules);
    assert_eq!((carrier.as_str(), attributes.len()), ("149725735", 16));
    assert_eq!(alias("CARD:1", &rules).0, "1", "the next reader is asked");
    assert_eq!(alias("other", &rules).0, "OTHER");
}

#[test]
fn t4_an_alias_has_one_form() {
    let rows = [
        ("149725735", "149725735"),
        ("04:a2:5f:1c:7b:11:80", "04A25F1C7B1180"),
        ("04-A2 5F-1c", "04A25F1C"),
        ("04a25f1c", "04A25F1C"),
        ("04:a", "04:A"),
        ("aa:bb:cg", "AA:BB:CG"),
        ("card-1", "CARD-1"),
        ("--", "--"),
        ("карта 7", "КАРТА 7"),
    ];
    for (value, expected) in rows {
        assert_eq!(&*normal_alias(value), expected, "{value}");
    }
}

#[test]
fn t4_a_phone_number_becomes_e_164() {
    let rows = [
        ("89161234567", Some("+79161234567")),
        ("+7 (916) 123-45-67", Some("+79161234567")),
        ("(+7) 916 123-45-67", Some("+79161234567")),
        ("8 (916) 123-45-67", Some("+79161234567")),
        ("79161234567", Some("+79161234567")),
        ("9161234567", Some("+79161234567")),
        ("+81312345678", Some("+81312345678")),
        ("+375291234567", Some("+375291234567")),
        ("123456789012345", Some("+123456789012345")),
        ("1234567890123456", None),
        ("123456789", None),
        ("+0123456789", None),
        ("01234567890", None),
        ("7+9161234567", None),
        ("++79161234567", None),
        ("7916123456x", None),
        ("٧٩١٦١٢٣٤٥٦٧", None),
        ("", None),
    ];
    for (value, expected) in rows {
        assert_eq!(phone_of(value).as_deref(), expected, "{value}");
    }
    let phone = |rules: &TokenRules| match read("8 916 123-45-67\r\n", rules).unwrap().identified {
        Identified::Static { phone, .. } => phone,
        Identified::Dynamic(_) => None,
    };
    assert_eq!(phone(&rules(vec![])).as_deref(), Some("+79161234567"));
    assert_eq!(phone(&TokenRules::default()), None, "phone_lookup is off by default");
}

#[test]
fn h9_w53_nothing_shows_a_value_whole() {
    assert_eq!(format!("{:?}", Scan::new("149725735")), "9 characters, …5735");
    assert_eq!(format!("{:?}", Scan::new("123")), "3 characters, …3");
    assert_eq!(format!("{:?}", Scan::new("")), "0 characters, …");
    assert_eq!(format!("{:?}", Scan::new("aaaaaa\r\n\"")), "9 characters, …a\\r\\n\\\"");
    let rules = rules(vec![Arc::new(UrlReader { parameter: "card".into() })]);
    let shown = [
        format!("{:?}", read(&minted("149725735"), &rules).unwrap()),
        format!("{:?}", read("x://h?card=149725735&n=149725735", &rules).unwrap()),
        format!("{:?}", ReadToken { carrier: "149725735".into(), attributes: vec![] }),
        format!("{:?}", keys()),
    ];
    for text in shown {
        assert!(!text.contains("149725735") && !text.contains("an old key"), "{text}");
        assert!(!text.contains("165, 165"), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600), lead in 0..5) {
        let text = String::from_utf8_lossy(&bytes);
        let lead = ["", "lt1.", "lt1.k-2_B.", "x://h?card=", "{\"card\":\""][lead as usize];
        let rules = rules(vec![
            Arc::new(PrefixReader { prefix: "CARD:".into() }),
            Arc::new(UrlReader { parameter: "card".into() }),
            Arc::new(JsonReader { field: "card".into() }),
        ]);
        let _ = read(&format!("{lead}{text}"), &rules);
        let _ = phone_of(&text);
        let _ = keys().verify(&signed(&bytes), NOW);
    }

    #[test]
    fn json_like_text_never_panics(text in "[{}\\[\\]\",:\\\\u0-9aeE.+\\- truefalsn]{0,80}") {
        let reader = JsonReader { field: "a".into() };
        let _ = reader.read(&text);
        let _ = reader.read(&format!("{{\"a\":{text}}}"));
    }

    #[test]
    fn any_string_survives_json(carrier in "[^\\p{Cc}\"\\\\]{0,40}") {
        let reader = JsonReader { field: "a".into() };
        let read = reader.read(&format!("{{\"b\":[],\"a\":\"{carrier}\"}}")).unwrap();
        prop_assert_eq!(read.unwrap().carrier, carrier);
    }

    #[test]
    fn any_string_survives_a_url(carrier in "\\PC{0,40}") {
        let escaped: String = carrier.bytes().map(|b| format!("%{b:02X}")).collect();
        let reader = UrlReader { parameter: "a".into() };
        let read = reader.read(&format!("x://h/?b=1&a={escaped}")).unwrap();
        prop_assert_eq!(read.unwrap().carrier, carrier);
    }

    #[test]
    fn a_minted_token_is_verified(
        carrier in "[0-9A-Za-zА-я:-]{1,40}",
        ms in 0i64..4_000_000_000_000,
        ttl_s in 1u64..=120,
        jti: [u8; 16],
    ) {
        let now = Timestamp::utc(ms);
        let ttl = Duration::from_secs(ttl_s);
        let token = keys().mint("old", &carrier, now, ttl, jti).unwrap();
        let read = keys().verify(&token, now).unwrap();
        prop_assert_eq!(&read.carrier, &normal_alias(&carrier));
        prop_assert_eq!(read.jti, jti);
        prop_assert!(read.exp <= now.after(ttl));
    }

    #[test]
    fn any_one_bit_change_is_refused(at in 0usize..200, bit in 0u8..8) {
        let mut bytes = minted("149725735").into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert_eq!(keys().verify(&text, NOW), Err(TokenRefusal::TokenInvalid));
        }
    }

    #[test]
    fn normal_forms_are_stable(value in "\\PC{0,30}|[0-9a-f: -]{0,20}") {
        let alias = normal_alias(&value);
        prop_assert_eq!(&normal_alias(&alias), &alias);
        prop_assert_eq!(&normal_alias(&value.to_uppercase()), &alias);
        if let Ok(text) = normalise(&value) {
            prop_assert_eq!(normalise(text), Ok(text));
        }
        if let Some(phone) = phone_of(&value) {
            prop_assert_eq!(phone_of(&phone), Some(phone));
        }
    }
}
