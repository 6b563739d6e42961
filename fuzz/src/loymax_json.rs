//! Answers of Loymax' Public API: those of its processing, and all others.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tillway_core::fiscal::Quantity;
use tillway_core::id::Uuid;
use tillway_core::loyalty::{
    Answer, Cheque, Goods, Identifier, IdentifierKind, Line, LineAnswer, Pin, Sale,
};
use tillway_core::pan::Masked;
use tillway_core::port::processing::{Command, Kind, Operation, Outcome, Sealed};
use tillway_core::{Kopecks, Timestamp};
use tillway_loymax::Dialect;
use tillway_loymax::public::{
    ApiError, Application, Config, Grant, Newcomer, Person, PublicApi, Session, SetRange, Words,
    mirror,
};
use tillway_testkit::runtime::{TestClock, block_on};
use tillway_transport::{HttpTransport, TransportError};

/// Which call is answered, under which status, and the body.
pub fn run(data: &[u8]) {
    let [call, status, body @ ..] = data else { return };
    let status = [200, 200, 200, 201, 400, 401, 404, 500][usize::from(status % 8)];
    let status = StatusCode::from_u16(status).expect("a status");
    if call & 0x80 == 0 {
        judged(usize::from(call % 9), status, body);
    } else {
        told(call & 0x7F, status, body);
    }
}

const KINDS: [Kind; 9] = [
    Kind::Balance,
    Kind::Calculate,
    Kind::Available,
    Kind::Pay,
    Kind::Accrue,
    Kind::Confirm,
    Kind::Cancel,
    Kind::CancelOne,
    Kind::Refund,
];

fn judged(kind: usize, status: StatusCode, body: &[u8]) {
    let sealed = sealed(KINDS[kind]);
    let (dialect, words) = (Dialect::default(), Words::default());
    let judge = |status, body: &[u8]| mirror::outcome(&dialect, &words, &sealed, status, body);
    match judge(status, body) {
        Outcome::Done(answer) => {
            assert!(status.is_success() && says_yes(body), "a yes that nobody said");
            let mut positions: Vec<u32> = answer.lines.iter().map(|line| line.position).collect();
            positions.sort_unstable();
            positions.dedup();
            assert_eq!(positions.len(), answer.lines.len(), "a line twice");
            assert!(positions.iter().all(|position| [1, 2].contains(position)), "a strange line");
            let again = judge(StatusCode::OK, written(sealed.kind, &answer).as_bytes());
            assert_eq!(again, Outcome::Done(answer), "what was read is written");
        }
        Outcome::Refused(refusal) => masked(&refusal.text),
        Outcome::InDoubt(text) => masked(&text),
        Outcome::Unreached(_) => panic!("an answer came"),
    }
}

/// By another reader: the message says yes, and one of its results does.
fn says_yes(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let Ok(root) = serde_json::from_slice::<Value>(body) else {
        // Numbers beyond floats are no numbers to this reader.
        return true;
    };
    let yes = |value: &Value, word: &str| {
        value.as_str().is_some_and(|said| said.trim().eq_ignore_ascii_case(word))
    };
    let coded = |value: &Value| members(value, "code").any(|code| yes(code, "Ok"));
    members(&root, "result")
        .flat_map(|result| members(result, "state"))
        .any(|state| yes(state, "Success"))
        && members(&root, "data").any(|data| match data {
            Value::Array(all) => all.iter().any(coded),
            one => coded(one),
        })
}

/// Of several members that differ in capitals alone any may count: this reader sorts them.
fn members<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let all = value.as_object().into_iter().flatten();
    all.filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn masked(text: &Masked) {
    assert_eq!(Masked::new(text.as_str()), *text);
}

/// As a server would write it that says the same.
fn written(kind: Kind, answer: &Answer) -> String {
    let (points, money) = match kind {
        Kind::Calculate => ("availableBonusAmount", "availableAmount"),
        _ => ("bonusAmount", "amount"),
    };
    let facts = answer.guest.0.iter().map(|fact| json!({"name": fact.name, "value": fact.value}));
    let coupons = answer.coupons.iter().map(|coupon| {
        json!({
            "number": coupon.number, "barCode": coupon.barcode, "qrContent": coupon.qr,
            "expiryDate": coupon.until, "description": coupon.text,
        })
    });
    let lines: Vec<String> = answer.lines.iter().map(line).collect();
    let totals = answer.totals;
    let cheque = format!(
        r#"{{"totalAmount":{},"totalDiscount":{},"totalCashback":{},"lines":[{}]}}"#,
        amount(totals.amount),
        amount(totals.discount),
        amount(totals.cashback),
        lines.join(",")
    );
    let texts = json!({
        "transactionId": answer.transaction, "authCode": answer.authorisation,
        "currency": answer.currency, "cashierMessage": answer.for_cashier,
        "chequeMessage": answer.for_receipt, "refundOperationType": answer.refund_kind,
        "identificationData": facts.collect::<Vec<_>>(), "coupons": coupons.collect::<Vec<_>>(),
        "code": "Ok",
    });
    let texts = texts.to_string();
    format!(
        r#"{{"result":{{"state":"Success"}},"data":[{},"balance":{},"{points}":{},"{money}":{},"cheque":{cheque}}}]}}"#,
        texts.strip_suffix('}').expect("an object"),
        amount(answer.balance),
        amount(answer.points),
        amount(answer.amount),
    )
}

fn line(line: &LineAnswer) -> String {
    let offers: Vec<String> = line
        .offers
        .iter()
        .map(|offer| {
            let texts = json!({
                "id": offer.id, "name": offer.name, "currencyAbbreviation": offer.unit,
                "externalId": offer.external_id,
            });
            let texts = texts.to_string();
            let texts = texts.strip_suffix('}').expect("an object");
            format!(r#"{texts},"prerefenceValue":{}}}"#, amount(offer.worth))
        })
        .collect();
    format!(
        r#"{{"position":{},"amount":{},"discount":{},"cashback":{},"payAmount":{},"message":{},"appliedOffers":[{}]}}"#,
        line.position,
        amount(line.amount),
        amount(line.discount),
        amount(line.cashback),
        amount(line.paid),
        json!(line.message),
        offers.join(",")
    )
}

fn amount(amount: Option<Kopecks>) -> String {
    amount.map_or_else(|| "null".to_owned(), |amount| amount.rubles().to_string())
}

fn sealed(kind: Kind) -> Sealed {
    let purchase = Uuid::from_u128(9).into();
    let command = match kind {
        Kind::Balance => Command::Balance { guest: guest() },
        Kind::Calculate => Command::Calculate { sale: sale(), wish: None },
        Kind::Available => Command::Available { sale: sale() },
        Kind::Pay => Command::Pay { sale: sale(), amount: Kopecks(100), pin: None },
        Kind::Accrue => Command::Accrue { sale: sale(), pays: Vec::new() },
        Kind::Confirm => Command::Confirm { purchase },
        Kind::CancelOne => Command::CancelOne { purchase, operation: Uuid::from_u128(7) },
        Kind::Refund => Command::Refund { sale: sale(), of: Some(purchase), transaction: None },
        _ => Command::Cancel { purchase },
    };
    let at = Timestamp::default();
    let operation = Operation { id: Uuid::from_u128(1), at, cashier: None, command };
    mirror::seal(&Words::default(), &Dialect::default(), &operation).expect("a message")
}

fn guest() -> Identifier {
    Identifier { kind: IdentifierKind::Phone, value: "79990000001".into() }
}

fn sale() -> Sale {
    let line = |position: u32, code: &str, amount| Line {
        position,
        goods: Goods::Code(code.into()),
        name: None,
        price: None,
        quantity: Quantity::ONE,
        amount: Kopecks(amount),
        discount: None,
        cashback: None,
        correction: None,
        promo: false,
        price_min: None,
        params: Vec::new(),
    };
    let lines = vec![line(1, "A", 30_000), line(2, "B", 10_000)];
    Sale {
        purchase: Uuid::from_u128(9).into(),
        guest: Some(guest()),
        cheque: Cheque { number: None, at: Timestamp::default(), lines },
        coupons: Vec::new(),
        params: Vec::new(),
    }
}

/// A server that gives tokens, and this answer to everything else.
#[derive(Debug)]
struct Canned {
    status: StatusCode,
    body: Bytes,
}

#[async_trait]
impl HttpTransport for Canned {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let token = Bytes::from_static(br#"{"access_token":"t","expires_in":3600}"#);
        let asked = request.uri().path().ends_with("/token");
        let (status, body) =
            if asked { (StatusCode::OK, token) } else { (self.status, self.body.clone()) };
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        Ok(answer)
    }
}

fn told(call: u8, status: StatusCode, body: &[u8]) {
    let application = Application { id: "a".into(), secret: None, redirect: "".into() };
    let http = Arc::new(Canned { status, body: Bytes::copy_from_slice(body) });
    let clock = Arc::new(TestClock::at(Timestamp::default()));
    let api = PublicApi::try_new(Config::new("http://h", application), http, clock);
    let session = api.expect("good settings").session(Grant::Application);
    if let Err(error) = block_on(called(call, &session)) {
        assert!(!error.for_cashier().is_empty());
        for text in texts(&error) {
            assert_eq!(Masked::new(text).as_str(), text, "{error:?}");
            assert!(!text.contains("79990000001"), "{error:?}");
        }
        assert!(!status.is_success() || error != ApiError::UnknownGuest);
    }
}

/// What the server says, as far as it is told.
fn texts(error: &ApiError) -> Vec<&str> {
    match error {
        ApiError::Denied(text) | ApiError::Broken(text) => vec![text],
        ApiError::Refused { code, text } => vec![code, text.as_str()],
        ApiError::Invalid(faults) => {
            faults.iter().flat_map(|fault| [&*fault.field, fault.text.as_str()]).collect()
        }
        _ => Vec::new(),
    }
}

/// One of the calls, and why it brought nothing.
async fn called(call: u8, session: &Session) -> Result<(), ApiError> {
    let newcomer = Newcomer {
        login: guest(),
        password: Some("secret-of-ours".into()),
        cvc: Some(Pin::new("123")),
        without_call: true,
    };
    let registration = session.registration_of(Person("1".into()));
    match call % 8 {
        0 => session.begin_registration(&newcomer).await.map(drop),
        1 => registration.steps().await.map(drop),
        2 => registration.try_finish().await.map(drop),
        3 => session.favourites().sets(&SetRange::default()).await.map(drop),
        4 => session.favourites().choices("1", None).await.map(drop),
        5 => session.cards().list().await.map(drop),
        6 => session.cards().qr("1").await.map(drop),
        _ => session.coupon("1").await.map(drop),
    }
}
