//! Requests that are nearly right: known paths and members, each of them odd now and then.

use tillway_core::AccountKind;
use tillway_core::id::Uuid;
use tillway_testkit::builders::{self, id};

use super::Seen;
use crate::bytes::{Bytes, amount};

/// A request to send, and what the check of its answer must know.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: &'static str,
    /// Without the till's prefix, and without the query.
    pub(super) path: String,
    /// Under `/t/{till}`.
    pub(super) prefixed: bool,
    /// The bytes.
    pub(super) request: Vec<u8>,
    /// Whether a repeat must be recognised.
    pub(super) keyed: bool,
}

/// A member of a body and what it is.
type Member = (&'static str, Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Order,
    Wallet,
    PaymentType,
    Payment,
    Hold,
    Minor,
    Small,
    Text,
    Flag,
    Role,
    Currency,
    Time,
    Scan,
    Pin,
    Quantity,
    Outcome,
    Lines,
    Listed,
    Input,
    Parts,
}

use Kind::{
    Currency, Flag, Hold, Input, Lines, Listed, Minor, Order, Outcome, Parts, Payment, PaymentType,
    Pin, Quantity, Role, Scan, Small, Text, Time, Wallet,
};

const CHECK_IN: &[Member] = &[("Value", Scan), ("WaiterPin", Pin)];
const CHECK_OUT: &[Member] = &[("WaiterPin", Pin)];
const TOLD: &[Member] = &[("totalMinor", Minor), ("lines", Lines)];
const LINE: &[Member] = &[
    ("sku", Text),
    ("name", Text),
    ("quantity", Quantity),
    ("priceMinor", Minor),
    ("amountMinor", Minor),
];
const PLAN: &[Member] = &[("dueMinor", Minor), ("input", Input)];
const PART: &[Member] = &[("walletId", Wallet), ("amountMinor", Minor)];
const CLOSED: &[Member] = &[("closedAt", Time), ("totalMinor", Minor), ("payments", Listed)];
const LISTED: &[Member] = &[("transactionId", Payment), ("amountMinor", Minor)];
const RESERVE: &[Member] = &[
    ("orderId", Order),
    ("walletId", Wallet),
    ("bindingEpoch", Small),
    ("amountMinor", Minor),
    ("orderTotalMinor", Minor),
    ("currency", Currency),
    ("role", Role),
    ("ttlSeconds", Small),
    ("supersedes", Hold),
];
const CAPTURE: &[Member] = &[
    ("orderId", Order),
    ("walletId", Wallet),
    ("bindingEpoch", Small),
    ("amountMinor", Minor),
    ("orderTotalMinor", Minor),
    ("paymentTypeId", PaymentType),
    ("attempt", Small),
    ("reservationId", Hold),
    ("currency", Currency),
    ("role", Role),
    ("orderNumber", Small),
    ("prepay", Flag),
    ("cashier", Text),
    ("businessDate", Text),
];
const CANCEL: &[Member] = &[("orderId", Order), ("reason", Text)];
const REASON: &[Member] = &[("reason", Text)];
const REFUND: &[Member] =
    &[("amountMinor", Minor), ("refundedBeforeMinor", Minor), ("reason", Text)];
const UNLINKED: &[Member] = &[
    ("orderId", Order),
    ("paymentTypeId", PaymentType),
    ("role", Role),
    ("amountMinor", Minor),
    ("refundedBeforeMinor", Minor),
    ("reason", Text),
];
const RESULT: &[Member] = &[("outcome", Outcome), ("message", Text)];

/// Method, path, members of the body, and whether it has a key. `o`, `p`, `h`, `r` and `c` stand
/// for an order, a payment, a hold, a refund and a command.
const PLACES: &[(&str, &str, Option<&[Member]>, bool)] = &[
    ("GET", "/ping", None, false),
    ("POST", "/orders/o/checkin", Some(CHECK_IN), false),
    ("POST", "/orders/o/checkin", Some(CHECK_IN), false),
    ("DELETE", "/orders/o/checkin", Some(CHECK_OUT), false),
    ("GET", "/orders/o/loyalty", None, false),
    ("GET", "/orders/o/paymentLimits", None, false),
    ("GET", "/pos/v1/health", None, false),
    ("GET", "/pos/v1/orders/o", None, false),
    ("PUT", "/pos/v1/orders/o", Some(TOLD), false),
    ("POST", "/pos/v1/orders/o/plan", Some(PLAN), false),
    ("POST", "/pos/v1/orders/o/closed", Some(CLOSED), false),
    ("POST", "/pos/v1/reservations", Some(RESERVE), true),
    ("POST", "/pos/v1/reservations", Some(RESERVE), true),
    ("POST", "/pos/v1/reservations/h/void", Some(REASON), false),
    ("PUT", "/pos/v1/payments/p", Some(CAPTURE), true),
    ("PUT", "/pos/v1/payments/p", Some(CAPTURE), true),
    ("PUT", "/pos/v1/payments/p", Some(CAPTURE), true),
    ("GET", "/pos/v1/payments/p", None, false),
    ("POST", "/pos/v1/payments/p/cancel", Some(CANCEL), false),
    ("POST", "/pos/v1/payments/p/acknowledge", None, false),
    ("PUT", "/pos/v1/payments/p/refunds/r", Some(REFUND), true),
    ("PUT", "/pos/v1/unlinked-refunds/r", Some(UNLINKED), true),
    ("GET", "/pos/v1/commands", None, false),
    ("POST", "/pos/v1/commands/c/result", Some(RESULT), false),
    ("POST", "/pos/v1/commands/c/result", Some(RESULT), false),
    ("GET", "/pos/v1/reconciliation", None, false),
];

impl Call {
    /// The next request.
    pub(super) fn next(bytes: &mut Bytes<'_>, seen: &Seen) -> Self {
        let (method, place, members, keyed) = PLACES[bytes.below(PLACES.len())];
        let odd = bytes.byte();
        let method = match odd % 64 {
            61 => "DELETE",
            62 => "HEAD",
            63 => "PATCH",
            _ => method,
        };
        let mut writer = Writer { bytes, seen };
        let path = writer.path(place);
        let body = members.map(|members| writer.body(members)).unwrap_or_default();
        let head = writer.head(place);
        let (prefix, suffix) = match odd % 32 {
            27 => ("/t/till-1", ""),
            28 => ("/T/TILL-2", ""),
            29 => ("/t/nobody", ""),
            30 => ("", "/"),
            _ => ("", ""),
        };
        let query = writer.query(place);
        let length = body.len();
        let mut request = format!(
            "{method} {prefix}{path}{suffix}{query} HTTP/1.1\r\n{head}Content-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(&body);
        Self { method, path, prefixed: !prefix.is_empty(), request, keyed }
    }
}

struct Writer<'a, 'b> {
    bytes: &'a mut Bytes<'b>,
    seen: &'a Seen,
}

impl Writer<'_, '_> {
    fn path(&mut self, place: &str) -> String {
        let segments = place.split('/').map(|segment| match segment {
            "o" => self.order(),
            "p" => self.payment(),
            "h" => self.hold(),
            "r" => self.one(600, 4),
            "c" => self.command(),
            word => word.to_owned(),
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// One of the ids that count from `first`, in one of the forms that peers use.
    fn one(&mut self, first: u64, count: usize) -> String {
        let which = self.bytes.byte();
        let number = first + u64::from(which & 0x0f) % count as u64;
        self.form(id(number), which)
    }

    fn form(&self, id: Uuid, which: u8) -> String {
        match which >> 4 {
            8 => id.simple().to_string(),
            9 => id.braced().to_string().replace('{', "%7B").replace('}', "%7d"),
            10 => id.hyphenated().to_string().to_ascii_uppercase(),
            11 => Uuid::nil().to_string(),
            12 => "82".to_owned(),
            13 => "%00%ff%2F".to_owned(),
            _ => id.to_string(),
        }
    }

    fn order(&mut self) -> String {
        self.one(1, 3)
    }

    fn payment(&mut self) -> String {
        self.one(500, 4)
    }

    fn hold(&mut self) -> String {
        let holds = &self.seen.holds;
        match holds.len() {
            0 => self.one(700, 2),
            count => holds[self.bytes.below(count)].clone(),
        }
    }

    fn command(&mut self) -> String {
        let commands = &self.seen.commands;
        match commands.len() {
            0 => self.one(800, 2),
            count => commands[self.bytes.below(count)].clone(),
        }
    }

    fn query(&mut self, place: &str) -> String {
        const TIMES: [&str; 6] = [
            "2025-12-31T00:00:00Z",
            "2026-01-02T03:00:00%2B03:00",
            "2026-01-01T09:00:00+00:00",
            "-009999-01-02T00:00:00Z",
            "tomorrow",
            "",
        ];
        match place {
            "/pos/v1/commands" => match self.bytes.below(8) {
                0 => "?wait=1".to_owned(),
                1 => "?Wait=30&x".to_owned(),
                2 => "?wait=18446744073709551615".to_owned(),
                3 => "?wait=-1".to_owned(),
                _ => String::new(),
            },
            "/pos/v1/reconciliation" => {
                let (from, to) = (self.bytes.pick(&TIMES), self.bytes.pick(&TIMES));
                format!("?from={from}&to={to}")
            }
            _ if self.bytes.rarely(32) => {
                let fits = |c: &char| c.is_ascii_alphanumeric() || "%+&=-._~?/".contains(*c);
                format!("?{}", self.visible().chars().filter(fits).collect::<String>())
            }
            _ => String::new(),
        }
    }

    /// Text that may stand in a header.
    fn visible(&mut self) -> String {
        let fits = |byte: &&u8| byte.is_ascii_graphic();
        self.bytes.slice().iter().filter(fits).map(|byte| char::from(*byte)).collect()
    }

    fn head(&mut self, place: &str) -> String {
        let mut head = "Host: t\r\n".to_owned();
        let odd = self.bytes.byte();
        let token = match odd % 32 {
            28 => Some("Bearer till-2-secret".to_owned()),
            29 => Some("Bearer wrong-token".to_owned()),
            30 => None,
            31 => Some(self.visible()),
            _ => Some("Bearer till-1-secret".to_owned()),
        };
        if let Some(token) = token {
            head.push_str(&format!("Authorization: {token}\r\n"));
        }
        let kind = match odd / 32 {
            0 => "",
            1 => "Content-Type: text/plain\r\n",
            2 => "Content-Type: application/json; charset=utf-16\r\n",
            3 => "Accept: application/json\r\n",
            4 => "Accept: multipart/form-data;q=0, */*\r\n",
            _ => "Content-Type: application/json\r\n",
        };
        head.push_str(kind);
        if place == "/pos/v1/reservations" {
            let key = self.one(400, 4);
            head.push_str(&format!("Idempotency-Key: {key}\r\n"));
        }
        head
    }

    fn body(&mut self, members: &[Member]) -> Vec<u8> {
        match self.bytes.below(32) {
            30 => Vec::new(),
            31 => self.bytes.slice().to_vec(),
            _ => self.object(members).into_bytes(),
        }
    }

    fn object(&mut self, members: &[Member]) -> String {
        let mut text = String::from("{");
        for (name, kind) in members {
            let odd = self.bytes.byte();
            // Left out now and then; what may be missing is missing half of the time.
            let optional = matches!(kind, Pin | Currency | Role | Hold | Text | Flag);
            if odd % 32 == 31 || optional && odd % 2 == 1 {
                continue;
            }
            let name = match odd % 32 {
                30 => name.to_ascii_uppercase(),
                _ => (*name).to_owned(),
            };
            let value = if odd >= 224 { self.odd() } else { self.value(*kind) };
            let comma = if text.len() > 1 { "," } else { "" };
            text.push_str(&format!("{comma}\"{name}\":{value}"));
        }
        text.push('}');
        text
    }

    /// A value of any type.
    fn odd(&mut self) -> String {
        const ODD: [&str; 12] = [
            "null",
            "true",
            "[]",
            "{}",
            "\"\"",
            "0",
            "-1",
            "1.5",
            "1e3",
            "9223372036854775808",
            "\"\\ud800\"",
            "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        ];
        match self.bytes.below(ODD.len() + 2) {
            at if at < ODD.len() => ODD[at].to_owned(),
            at if at == ODD.len() => self.string(),
            _ => String::from_utf8_lossy(self.bytes.slice()).into_owned(),
        }
    }

    fn string(&mut self) -> String {
        quoted(&self.bytes.text())
    }

    fn value(&mut self, kind: Kind) -> String {
        match kind {
            Order => quoted(&self.order()),
            Payment => quoted(&self.payment()),
            Hold => quoted(&self.hold()),
            Wallet => {
                let wallets = wallets();
                let which = self.bytes.byte();
                let wallet = wallets[usize::from(which & 0x0f) % wallets.len()];
                quoted(&self.form(wallet, which))
            }
            PaymentType => quoted(&self.bytes.pick(&super::PAYMENT_TYPES).0.to_string()),
            Minor => amount(self.bytes).to_string(),
            // An epoch, an attempt, seconds.
            Small => match self.bytes.byte() {
                small @ 0..=200 => (small % 4).to_string(),
                large => (i64::from(large) * 60).to_string(),
            },
            Text => self.string(),
            Flag => self.bytes.flag().to_string(),
            Role => quoted(self.bytes.pick(&["bonus", "deposit", "credit", "other"])),
            Currency => quoted(self.bytes.pick(&["RUB", "RUB", "USD"])),
            Time => {
                quoted(self.bytes.pick(&["2026-01-01T09:00:00Z", "2026-01-01T12:00:00+03:00", "x"]))
            }
            Scan => match self.bytes.below(12) {
                at @ 0..8 => {
                    const VALUES: [&str; 8] = [
                        "149725735",
                        "20001",
                        "10542",
                        "30007",
                        "04:a2:5f:1c:6b:2e:80",
                        "+7 916 123-45-67",
                        "https://venue.example/g?card=20001&table=4",
                        "{\"card\":\"149725735\"}",
                    ];
                    quoted(VALUES[at])
                }
                8 => "149725735".to_owned(),
                _ => self.string(),
            },
            Pin => self.bytes.pick(&["\"12345\"", "12345", "null", "\"0\""]).to_owned(),
            Quantity => {
                const QUANTITIES: [&str; 8] = [
                    "1",
                    "2.5",
                    "0.001",
                    "1e2",
                    "0",
                    "-1",
                    "0.0001",
                    "79228162514264337593543950335",
                ];
                self.bytes.pick(&QUANTITIES).to_owned()
            }
            Outcome => quoted(self.bytes.pick(&[
                "done",
                "done",
                "busy",
                "refused",
                "not_found",
                "closed",
                "maybe",
            ])),
            Lines => self.list(LINE),
            Listed => self.list(LISTED),
            Parts => self.list(PART),
            Input => match self.bytes.below(4) {
                0 => format!("{{\"choose\":{}}}", self.value(Wallet)),
                1 => format!("{{\"enter\":{}}}", self.object(PART)),
                2 => format!("{{\"pinned\":{}}}", self.object(PART)),
                _ => format!("{{\"parts\":{}}}", self.value(Parts)),
            },
        }
    }

    fn list(&mut self, members: &[Member]) -> String {
        let count = self.bytes.below(4);
        let list: Vec<String> = (0..count).map(|_| self.object(members)).collect();
        format!("[{}]", list.join(","))
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text")
}

fn wallets() -> [Uuid; 6] {
    use AccountKind::{Bonus, Credit, Deposit};
    let (anna, all) = (builders::anna(), builders::all_three());
    [
        anna.account(Bonus).0,
        anna.account(Deposit).0,
        all.account(Bonus).0,
        all.account(Deposit).0,
        all.account(Credit).0,
        id(90),
    ]
}
