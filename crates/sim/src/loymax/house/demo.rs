//! The house of the stand and of the note's worked examples.

use std::time::Duration;

use tillway_core::Kopecks;

use super::accrue::ean13;
use super::{
    Card, CardState, ClientId, Coupon, Effect, Goods, Guest, KeyKind, Mask, MaskError, Offer,
    PayType, Percent, Public, Series, Store, Till, Which,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Store {
    /// Project `demo`, till `TILL-0007` with password `demo`, and another, `TILL-0008`.
    ///
    /// Guest 1 has the phone 79990000001, the card 2990000000019 and 250.00 points; guest 2 has a
    /// virtual card, guest 3 one that is not activated. Cards 2990000000026, …33 and …40 are
    /// blank. Coupons SPRING-20 to SPRING-29 take 10 % off tea, SKU-1001; coffee, SKU-1003, earns
    /// a coupon NEXT-…; everything earns 5 %, and 30 % of a cheque may be paid with points.
    pub fn demo() -> Self {
        let mut store = Self { transaction: 5_000, ..Self::default() };
        for login in ["TILL-0007", "TILL-0008"] {
            store.tills.insert(login.to_owned(), Till::new(login, "demo"));
        }
        store.pay_types = ["Cash", "Card", "Cheque"]
            .map(|name| PayType { name: name.to_owned(), archived: name == "Cheque" })
            .into();
        store.demo_guests();
        store.demo_goods();
        store.demo_coupons();
        store.masks = masks().unwrap_or_default();
        store.public = Public::demo();
        store
    }

    fn demo_guests(&mut self) {
        let guest = |name: &str, phone: &str, points| Guest {
            name: name.to_owned(),
            phone: Some(phone.to_owned()),
            points: Kopecks(points),
            registered: true,
            ..Guest::default()
        };
        let first = self.add_guest(guest("Тестовый Покупатель", "79990000001", 25_000));
        let second = self.add_guest(guest("Второй Покупатель", "79990000002", 10_000));
        let third = self.add_guest(guest("Третий Покупатель", "79990000003", 5_000));
        self.add_card(Card {
            tracks: [
                Some("B2990000000019^TEST/GUEST^2912101".to_owned()),
                Some("2990000000019=29121010000".to_owned()),
                Some("012990000000019".to_owned()),
            ],
            pin: Some("1234".into()),
            ..Card::blank("2990000000019").of(first)
        });
        self.add_card(Card { is_virtual: true, ..Card::blank("9900000000012").of(second) });
        let issued = Card::blank("2990000000057").of(third);
        self.add_card(Card { state: CardState::Issued, ..issued });
        for number in ["2990000000026", "2990000000033", "2990000000040"] {
            self.add_card(Card::blank(number));
        }
    }

    /// A card is added, under its number.
    pub fn add_card(&mut self, card: Card) {
        self.cards.insert(card.number.clone(), card);
    }

    fn demo_goods(&mut self) {
        let rows = [
            ("SKU-1001", "4600000000022", "Чай"),
            ("SKU-1002", "4600000000015", "Сыр"),
            ("SKU-1003", "4600000000039", "Кофе"),
        ];
        for (code, barcode, name) in rows {
            let goods = Goods {
                code: code.to_owned(),
                barcodes: vec![barcode.to_owned()],
                name: name.to_owned(),
                price_min: None,
            };
            self.goods.insert(code.to_owned(), goods);
        }
        let tea = vec!["SKU-1001".to_owned()];
        let coffee = vec!["SKU-1003".to_owned()];
        let tenth = vec![Effect::Discount(Percent::of(10))];
        let usual = vec![Effect::Cashback(Percent::of(5)), Effect::PayCap(Percent::of(30))];
        let next = vec![
            Effect::IssueCoupon("NEXT".to_owned()),
            Effect::CashierMessage("Напомните гостю о купоне".to_owned()),
            Effect::ChequeMessage("Купон на сыр ниже".to_owned()),
        ];
        let offers = [
            Offer {
                version: 3,
                which: Which::Goods(tea),
                coupon: Some("SPRING".to_owned()),
                skip_promo: true,
                ..Offer::new(12, "Чай -10%", tenth)
            },
            Offer {
                which: Which::Goods(vec!["SKU-1002".to_owned()]),
                coupon: Some("NEXT".to_owned()),
                ..Offer::new(13, "Сыр -20%", vec![Effect::Discount(Percent::of(20))])
            },
            Offer::new(20, "Баллы 5%", usual),
            Offer {
                which: Which::Goods(coffee), ..Offer::new(30, "Купон за кофе", next)
            },
            Offer {
                which: Which::Favourites,
                guests_only: true,
                ..Offer::new(40, "Любимые -15%", vec![Effect::Discount(Percent::of(15))])
            },
        ];
        self.offers = offers.into_iter().map(|offer| (offer.id, offer)).collect();
    }

    fn demo_coupons(&mut self) {
        let series = |name: &str, text: &str, life| Series {
            name: name.to_owned(),
            prefix: format!("{name}-"),
            text: text.to_owned(),
            life,
            reusable: false,
        };
        let all = [
            series("SPRING", "Скидка 10% на чай", DAY.saturating_mul(90)),
            series("NEXT", "Скидка 20% на сыр", DAY.saturating_mul(31)),
        ];
        self.series = all.into_iter().map(|series| (series.name.clone(), series)).collect();
        for number in 20_u32..30 {
            let name = format!("SPRING-{number}");
            let coupon = Coupon {
                barcode: Some(ean13(&format!("2200000{number}000"))),
                qr: Some(format!("LMXC:{name}")),
                tracks: [None, Some(format!("2200{number}=01")), None],
                ..Coupon::issued(&name, "SPRING")
            };
            self.coupons.insert(name, coupon);
        }
    }
}

/// The guest of the worked examples.
impl ClientId {
    /// Guest 1 of [`Store::demo`].
    pub const DEMO: Self = Self(1);
}

fn masks() -> Result<Vec<Mask>, MaskError> {
    use KeyKind::{CardBarCode, CardNumber, CardTrack, Coupon, Phone, QrCode};
    let rows = [
        (QrCode, r"LMXQR1\..+", "$0"),
        (Phone, "7[0-9]{10}", "$0"),
        (Phone, "8([0-9]{10})", "7$1"),
        (CardTrack(1), r"B[0-9]{13}\^.*", "$0"),
        (CardTrack(2), "[0-9]{13}=[0-9]*", "$0"),
        (CardTrack(3), "01[0-9]{13}", "$0"),
        (CardNumber, "(?:29|99)[0-9]{11}", "$0"),
        // Cards of a partner have numbers of their own.
        (CardBarCode, "77([0-9]{11})", "29$1"),
        (Coupon, "C-(.+)", "$1"),
    ];
    let numbered = (1_u32..).zip(rows);
    numbered.map(|(order, (kind, mask, to))| Mask::try_new(kind, order, mask, to)).collect()
}
