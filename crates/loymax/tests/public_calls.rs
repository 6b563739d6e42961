//! Every call of the Public API that is not a command, to the byte, against a file of ours: each
//! request stands on a line of its own, what it brings on the next.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Response};
use secrecy::ExposeSecret;
use tillway_core::Timestamp;
use tillway_core::loyalty::{Identifier, IdentifierKind, Pin, PurchaseId};
use tillway_loymax::public::{
    Answered, Application, Begun, Call, CellKind, Config, Finished, Grant, Newcomer, Person,
    PublicApi, Replacement, Session, SetRange,
};
use tillway_testkit::runtime::{TestClock, block_on};
use tillway_transport::{HttpTransport, TransportError};

/// What is expected, with what is brought; and how many came.
#[derive(Debug)]
struct Script(Mutex<Lines>);

#[derive(Debug)]
struct Lines {
    expected: VecDeque<(String, String)>,
    came: Vec<String>,
}

impl Script {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/public/calls.txt");
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let pairs = lines.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned()));
        Self(Mutex::new(Lines { expected: pairs.collect(), came: Vec::new() }))
    }
}

#[async_trait]
impl HttpTransport for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        let path = request.uri().path_and_query().unwrap();
        let came = format!("{} {path} {body}", request.method());
        let mut script = self.0.lock().unwrap();
        let (expected, brought) = script.expected.pop_front().unwrap_or_default();
        assert_eq!(came.trim_end(), expected);
        let token = path.as_str().ends_with("/token");
        let kind = request.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap());
        let wanted = match (token, body.is_empty()) {
            (true, _) => Some("application/x-www-form-urlencoded"),
            (false, true) => None,
            (false, false) => Some("application/json"),
        };
        assert_eq!(kind, wanted, "{came}");
        if let Some(guest) = request.headers().get("x-identifier") {
            assert!(guest == "79990000001" && guest.is_sensitive());
            script.came.push("authorize".to_owned());
        } else if !token {
            let bearer = request.headers().get(AUTHORIZATION).unwrap();
            assert!(bearer.is_sensitive(), "{came}");
            script.came.push(came);
        }
        let whole = format!(r#"{{"result":{{"state":"Success"}},"data":{brought}}}"#);
        let raw = token || expected.contains("/oauth/authorize");
        Ok(Response::new(if raw { brought.into() } else { whole.into() }))
    }
}

fn phone() -> Identifier {
    Identifier { kind: IdentifierKind::Phone, value: "79990000001".into() }
}

async fn registered(session: &Session) -> Person {
    let newcomer = Newcomer {
        login: phone(),
        password: Some("pass\"word".into()),
        cvc: Some(Pin::new("123")),
        without_call: true,
    };
    let begun = session.begin_registration(&newcomer).await.unwrap();
    let Begun::Started(own) = begun else { panic!("{begun:?}") };
    assert_eq!(own.steps().await.unwrap().len(), 2);
    let code = Pin::new("004711");
    let answer = Answered {
        question: 5,
        group: 2,
        value: "Мария".into(),
        fixed: vec![1, 2],
        tag: Some("name".into()),
    };
    let by_operator = session.registration_of(own.person().clone());
    for registration in [&own, &by_operator] {
        registration.accept_offer().await.unwrap();
        registration.set_phone(&phone()).await.unwrap();
        registration.send_code().await.unwrap();
        registration.confirm_phone(&code, None).await.unwrap();
        registration.answer(std::slice::from_ref(&answer)).await.unwrap();
        registration.attach_card("2990000000026", Some(&Pin::new("123"))).await.unwrap();
    }
    own.virtual_card().await.unwrap();
    own.set_password(&"password".into()).await.unwrap();
    let Finished::Unfinished(steps) = own.try_finish().await.unwrap() else { panic!() };
    assert_eq!(steps.len(), 1);
    assert_eq!(by_operator.try_finish().await.unwrap(), Finished::Completed);
    own.person().clone()
}

async fn chosen(session: &Session, person: Person) {
    let range = SetRange {
        from_date: Some("2026-03-01".into()),
        to_date: Some("2026-03-31".into()),
        skip: Some(0),
        count: Some(10),
    };
    for favourites in [session.favourites(), session.favourites_of(person)] {
        let sets = favourites.sets(&range).await.unwrap();
        assert_eq!(sets[0].goods[0].kind, CellKind::Birthday);
        assert_eq!(sets[0].goods[1].kind, CellKind::Other("New".into()));
        assert_eq!(favourites.set("7").await.unwrap().cells_max, 5);
        assert_eq!(favourites.choices("7", Some("чай & кофе")).await.unwrap().len(), 1);
        favourites.choose("7", 2, "SKU-1").await.unwrap();
        favourites.clear("7", 2).await.unwrap();
    }
}

async fn carded(session: &Session) {
    let cards = session.cards();
    let card = cards.list().await.unwrap().remove(0);
    assert_eq!(card.id.as_ref(), "5");
    assert!(!format!("{card:?}").contains(&*card.number), "{card:?}");
    let code = cards.qr("5").await.unwrap();
    assert_eq!(code.lives.as_secs(), 60);
    assert!(!format!("{code:?}").contains(code.content.expose_secret()), "{code:?}");
    cards.qr_of("79990000001", "2990000000019").await.unwrap();
    let by = Replacement {
        number: "2990000000026".into(),
        cvc: Some(Pin::new("123")),
        card_password: Some("card".into()),
        password: Some("password".into()),
    };
    cards.replace("5", &by).await.unwrap();
    cards.issue("5", "1").await.unwrap();
    let coupon = session.coupon("SPRING/20").await.unwrap();
    assert!(!format!("{coupon:?}").contains(&*coupon.number), "{coupon:?}");
    let purchase = PurchaseId::try_new("c0ffee").unwrap();
    session.confirm_purchase("TILL-0007", &purchase).await.unwrap();
    session.cancel_purchase("TILL-0007", &purchase).await.unwrap();
}

#[test]
fn every_call_is_written_to_the_byte() {
    let script = Arc::new(Script::read());
    let application = Application {
        id: "till-app".into(),
        secret: Some("s&cret".into()),
        redirect: "app://till".into(),
    };
    let http: Arc<dyn HttpTransport> = Arc::<Script>::clone(&script);
    let clock = Arc::new(TestClock::at(Timestamp::default()));
    let api = PublicApi::try_new(Config::new("http://h", application), http, clock).unwrap();
    block_on(async {
        let session = api.session(Grant::Application);
        let person = registered(&session).await;
        chosen(&session, person).await;
        carded(&session).await;
        let username = "+7 999".into();
        api.session(Grant::Password { username, password: "p=w".into() }).open().await.unwrap();
        api.session(Grant::Guest(phone())).open().await.unwrap();
    });
    let script = script.0.lock().unwrap();
    assert!(script.expected.is_empty(), "not asked: {:?}", script.expected);
    let commands =
        Call::ALL.iter().filter(|call| call.usual().1.starts_with("Processing/")).count();
    let kinds: std::collections::BTreeSet<String> =
        script.came.iter().map(|came| shape(came)).collect();
    // And the question for a guest's code.
    assert_eq!(kinds.len(), Call::ALL.len() - commands + 1, "{kinds:?}");
}

/// A request as the table knows it.
fn shape(came: &str) -> String {
    let mut words = came.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    let known = Call::ALL.iter().find(|call| {
        let (usual, pattern) = call.usual();
        let path: Vec<&str> = path.trim_start_matches("/publicapi/v1.2/").split('/').collect();
        let pattern: Vec<&str> = pattern.split('/').collect();
        usual.as_str() == method
            && path.len() == pattern.len()
            && path.iter().zip(&pattern).all(|(part, place)| part == place || *place == "{}")
    });
    known.map_or_else(|| came.to_owned(), |call| format!("{call:?}"))
}
