//! Who a guest is, cards, PINs.

use std::time::Duration;

use tillway_core::Kopecks;

use super::super::{
    Card, CardState, ClientId, Code, Command, Key, KeyKind, Mask, OperationAuth, Reply,
};
use super::book::{Book, auto, lines, sale};

fn balance(book: &Book, key: Key) -> Result<i64, Code> {
    book.ask(Command::Balance { guest: key }).map(|reply| reply.balance.unwrap().0)
}

fn typed(kind: KeyKind, value: &str) -> Key {
    Key { kind, value: value.to_owned() }
}

#[test]
fn a_guest_is_found_by_whatever_is_shown() {
    let book = Book::demo();
    let all = [
        auto("2990000000019"),
        // A partner's own numbers are rewritten.
        auto("7790000000019"),
        auto("79990000001"),
        auto("89990000001"),
        auto("2990000000019=29121010000"),
        auto("B2990000000019^TEST/GUEST^2912101"),
        auto("012990000000019"),
        typed(KeyKind::CardNumber, "2990000000019"),
        typed(KeyKind::CardBarCode, "2990000000019"),
        typed(KeyKind::CardTrack(2), "2990000000019=29121010000"),
        typed(KeyKind::Phone, "79990000001"),
        typed(KeyKind::Guest(ClientId::DEMO), ""),
        typed(
            KeyKind::PhoneHash,
            "dd3d9256783e52a16fcb4eded8a8b6534c71007cfd83806ec36d56963d560872",
        ),
    ];
    for key in all {
        assert_eq!(balance(&book, key.clone()), Ok(25_000), "{}", key.value);
    }
    for wrong in ["", "2990000000018", "79990000009", "LMXQR1.2990000000019.000000"] {
        assert_eq!(balance(&book, auto(wrong)), Err(Code::CardNotFound), "{wrong}");
    }
}

#[test]
fn the_first_mask_that_matches_wins() {
    let book = Book::demo();
    let mask = |order, pattern: &str, to: &str| {
        Mask::try_new(KeyKind::CardNumber, order, pattern, to).unwrap()
    };
    book.house.with(|store| {
        store.masks = vec![mask(2, "X[0-9]+", "nobody"), mask(1, "X([0-9]{4})", "299000000$1")];
    });
    assert_eq!(balance(&book, auto("X0019")), Ok(25_000));
    assert_eq!(balance(&book, auto("X00019")), Err(Code::CardNotFound));
    assert_eq!(balance(&book, auto("2990000000019")), Err(Code::CardNotFound));
}

#[test]
fn a_qr_code_serves_one_purchase() {
    let book = Book::demo();
    let make = || book.house.with(|store| store.make_qr("2990000000019").text());
    let qr = make();
    assert!(qr.starts_with("LMXQR1.2990000000019."));
    assert_eq!(balance(&book, auto(&qr)), Ok(25_000));
    let accrue = |id: &str, qr: &str| {
        let mut sale = sale(id, lines());
        sale.guest = Some(auto(qr));
        sale.coupons.clear();
        book.ask(Command::Calculate { sale, wish: None }).map(drop)
    };
    assert_eq!(accrue("p", &qr), Ok(()));
    book.house.advance(Duration::from_secs(61));
    assert_eq!(accrue("p", &qr), Ok(()), "its purchase goes on");
    assert_eq!(accrue("q", &qr), Err(Code::CardNotFound));
    assert_eq!(balance(&book, auto(&qr)), Err(Code::CardNotFound));
    let late = make();
    assert_ne!(late, qr);
    book.house.advance(Duration::from_secs(61));
    assert_eq!(accrue("q", &late), Err(Code::CardNotFound));
}

#[test]
fn cards_are_refused_by_their_state() {
    let rows = [
        (CardState::Replaced, false, Err(Code::CardBlocked)),
        (CardState::Expired, false, Err(Code::CardExpired)),
        (CardState::Activated, true, Err(Code::CardBlocked)),
        (CardState::Activated, false, Ok(25_000)),
    ];
    for (state, blocked, expected) in rows {
        let book = Book::demo();
        book.house.with(|store| {
            let card = store.cards.get_mut("2990000000019").unwrap();
            (card.state, card.blocked) = (state, blocked);
        });
        assert_eq!(balance(&book, auto("2990000000019")), expected, "{state:?}");
        assert_eq!(balance(&book, auto("79990000001")), Ok(25_000), "by phone all the same");
    }
    let book = Book::demo();
    assert_eq!(balance(&book, auto("2990000000026")), Err(Code::CardHolderNotFound));
    let mut earning = sale("p", lines());
    earning.guest = Some(auto("2990000000057"));
    earning.coupons.clear();
    let told = book.ask(Command::Calculate { sale: earning.clone(), wish: None }).unwrap();
    assert_eq!(told.available, Some(Kopecks::ZERO));
    let pay = Command::Pay { sale: earning.clone(), amount: Kopecks(100), pin: None };
    assert_eq!(book.ask(pay).unwrap_err(), Code::CardNotActivated);
    let told = book.ask(Command::Accrue { sale: earning, pays: Vec::new() }).unwrap();
    assert_eq!(told.points, Some(Kopecks(1_850)));
}

#[test]
fn a_card_blocked_in_the_middle_earns_nothing() {
    let book = Book::demo();
    let mut bought = sale("p", lines());
    bought.coupons.clear();
    book.ask(Command::Calculate { sale: bought.clone(), wish: None }).unwrap();
    book.house.with(|store| store.cards.get_mut("2990000000019").unwrap().blocked = true);
    let told = book.ask(Command::Accrue { sale: bought.clone(), pays: Vec::new() }).unwrap();
    assert_eq!(told.points, Some(Kopecks::ZERO));
    bought.purchase = "q".to_owned();
    let other = book.ask(Command::Accrue { sale: bought, pays: Vec::new() });
    assert_eq!(other.unwrap_err(), Code::CardBlocked);
}

#[test]
fn a_payment_is_confirmed_as_the_till_asks() {
    let rows = [
        (OperationAuth::None, None, true),
        (OperationAuth::PinCode, Some("1234"), true),
        (OperationAuth::PinCode, Some("0019"), false),
        (OperationAuth::PinCode, None, false),
        (OperationAuth::LastFourNumbers, Some("0019"), true),
        (OperationAuth::LastFourNumbers, Some("019"), false),
        (OperationAuth::LastFourNumbers, Some("1234"), false),
    ];
    for (asked, entered, right) in rows {
        let book = Book::demo();
        book.house.with(|store| store.tills.get_mut("TILL-0007").unwrap().operation_auth = asked);
        let mut bought = sale("p", lines());
        bought.coupons.clear();
        book.ask(Command::Calculate { sale: bought.clone(), wish: None }).unwrap();
        let pin = entered.map(Into::into);
        let came = book.ask(Command::Pay { sale: bought, amount: Kopecks(100), pin });
        let expected = if right { Ok(()) } else { Err(Code::WrongPin) };
        assert_eq!(came.map(drop), expected, "{asked:?} {entered:?}");
    }
}

fn replace(book: &Book, guest: Option<&str>, new: &str, old: Option<&str>) -> Result<Reply, Code> {
    book.ask(Command::Card {
        guest: guest.map(auto),
        new: auto(new),
        old_card: old.map(str::to_owned),
    })
}

#[test]
fn cards_are_issued_and_replaced() {
    let book = Book::demo();
    let told = replace(&book, Some("2990000000019"), "2990000000026", None).unwrap();
    assert!(told.guest.contains(&("Cardnumber", "2990000000026".to_owned())));
    assert_eq!(balance(&book, auto("2990000000026")), Ok(25_000));
    assert_eq!(balance(&book, auto("2990000000019")), Err(Code::CardBlocked));
    // A blank card is handed out: it earns, and cannot pay.
    replace(&book, None, "2990000000033", None).unwrap();
    assert_eq!(balance(&book, auto("2990000000033")), Ok(0));
    // A guest without plastic gets a first card.
    replace(&book, Some("79990000002"), "2990000000040", None).unwrap();
    assert_eq!(balance(&book, auto("2990000000040")), Ok(10_000));
    book.house.with(|store| store.add_card(Card::blank("2990000000064")));
    let rule = Err(Code::BusinessError);
    for (guest, new, old, expected) in [
        (Some("2990000000026"), "2990000000033", None, rule),
        (Some("9900000000012"), "2990000000064", None, rule),
        (Some("79990000001"), "2990000000064", None, rule),
        (Some("79990000001"), "2990000000064", Some("2990000000040"), rule),
        (Some("2990000000019"), "2990000000064", None, Err(Code::CardBlocked)),
        (Some("79990000001"), "2990000000071", None, Err(Code::CardNotFound)),
        (Some("79990000001"), "2990000000064", Some("2990000000026"), Ok(())),
    ] {
        let came = replace(&book, guest, new, old).map(drop);
        assert_eq!(came, expected, "{guest:?} {new} {old:?}");
    }
    book.house.with(|store| {
        store.rules.block_before_replace = true;
        store.add_card(Card::blank("2990000000088"));
    });
    let came = replace(&book, Some("2990000000064"), "2990000000088", None).map(drop);
    assert_eq!(came, rule);
}

#[test]
fn favourites_and_common_offers() {
    let book = Book::demo();
    let mut bought = sale("p", lines());
    bought.coupons.clear();
    let discount = |book: &Book, sale: &super::super::Sale| {
        let told = book.ask(Command::Calculate { sale: sale.clone(), wish: None }).unwrap();
        told.lines.iter().map(|line| line.discount.0).collect::<Vec<_>>()
    };
    assert_eq!(discount(&book, &bought), [0, 0]);
    book.house.with(|store| {
        let guest = store.guests.get_mut(&ClientId::DEMO).unwrap();
        guest.favourites.insert("SKU-1002".to_owned());
    });
    assert_eq!(discount(&book, &bought), [0, 1_500]);
    bought.guest = None;
    assert_eq!(discount(&book, &bought), [0, 0]);
    let told = book.ask(Command::Accrue { sale: bought, pays: Vec::new() }).unwrap();
    assert_eq!((told.points, told.balance), (Some(Kopecks(1_850)), None));
    book.confirm("p").unwrap();
    assert!(book.house.with(|store| store.moves.is_empty()));
}
