//! What is asked of the servers.

use std::collections::VecDeque;

use crate::load::Script;
use crate::venue::{GUESTS, Space, card, id};

/// A request with a body, or without one.
pub(crate) fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nHost: till\r\nAccept: application/json\r\n\
         Authorization: Bearer till-1-secret\r\n"
    );
    if !body.is_empty() {
        let length = body.len();
        text += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
    }
    (text + "\r\n" + body).into_bytes()
}

/// The same requests again and again, each a unit of work.
pub(crate) struct Repeat {
    requests: Vec<Vec<u8>>,
    next: usize,
    status: u16,
}

impl Repeat {
    pub(crate) fn of(requests: Vec<Vec<u8>>, status: u16) -> Self {
        Self { requests, next: 0, status }
    }

    /// A read over many orders.
    pub(crate) fn reads(what: &str, orders: u64) -> Self {
        let one = |n| request("GET", &format!("/orders/{}/{what}", id(Space::Order, n)), "");
        Self::of((0..orders).map(one).collect(), 200)
    }
}

impl Script for Repeat {
    fn ask(&mut self, _: usize, out: &mut Vec<u8>) -> Option<()> {
        out.extend_from_slice(&self.requests[self.next]);
        self.next = (self.next + 1) % self.requests.len();
        Some(())
    }

    fn answer(&mut self, _: usize, status: u16, body: &[u8]) -> bool {
        expect(self.status, status, body);
        true
    }
}

fn expect(expected: u16, status: u16, body: &[u8]) {
    assert_eq!(expected, status, "{}", String::from_utf8_lossy(body));
}

/// Movements of the smallest server, each under a key of its own.
#[derive(Default)]
pub(crate) struct Movements {
    next: u64,
}

impl Script for Movements {
    fn ask(&mut self, _: usize, out: &mut Vec<u8>) -> Option<()> {
        let (key, account) = (id(Space::BonusPayment, self.next), self.next % GUESTS);
        self.next += 1;
        let body = format!(r#"{{"key":"{key}","account":{account},"amount":75000}}"#);
        out.extend_from_slice(&request("POST", "/movements", &body));
        Some(())
    }

    fn answer(&mut self, _: usize, status: u16, body: &[u8]) -> bool {
        expect(200, status, body);
        true
    }
}

/// The orders of one stand, by number.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    next: u64,
    /// Have a guest, and are not paid.
    pub(crate) bound: VecDeque<u64>,
    /// Are paid, and not closed.
    pub(crate) paid: Vec<u64>,
}

/// How far an order goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    CheckIn,
    Plan,
    PayBonus,
    PayDeposit,
    Close,
}

/// Leads orders through some steps; each order is a unit of work.
pub(crate) struct Walk<'a> {
    orders: &'a mut Orders,
    steps: &'static [Step],
    /// No more than so many orders.
    left: u64,
    /// Order and next step of each connection.
    places: Vec<Option<(u64, usize)>>,
}

impl<'a> Walk<'a> {
    /// The orders that fit the first step: new ones, bound ones, or paid ones.
    pub(crate) fn of(orders: &'a mut Orders, steps: &'static [Step], most: u64) -> Self {
        Self { orders, steps, left: most, places: Vec::new() }
    }

    fn begin(&mut self) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        match self.steps[0] {
            Step::CheckIn => {
                self.orders.next += 1;
                Some(self.orders.next - 1)
            }
            Step::Close => self.orders.paid.pop(),
            _ => self.orders.bound.pop_front(),
        }
    }
}

impl Script for Walk<'_> {
    fn ask(&mut self, connection: usize, out: &mut Vec<u8>) -> Option<()> {
        if self.places.len() <= connection {
            self.places.resize(connection + 1, None);
        }
        let place = match self.places[connection] {
            Some(place) => place,
            None => (self.begin()?, 0),
        };
        self.places[connection] = Some(place);
        out.extend_from_slice(&asked(place.0, self.steps[place.1]));
        Some(())
    }

    fn answer(&mut self, connection: usize, status: u16, body: &[u8]) -> bool {
        let (order, nth) = self.places[connection].unwrap();
        let expected = match self.steps[nth] {
            Step::CheckIn | Step::Close => 204,
            Step::Plan => 200,
            Step::PayBonus | Step::PayDeposit => 201,
        };
        expect(expected, status, body);
        if nth + 1 < self.steps.len() {
            self.places[connection] = Some((order, nth + 1));
            return false;
        }
        self.places[connection] = None;
        match self.steps[nth] {
            Step::CheckIn => self.orders.bound.push_back(order),
            Step::PayDeposit => self.orders.paid.push(order),
            _ => {}
        }
        true
    }
}

/// 1 650.00 of which 750.00 are points, as order 82 of the guide.
fn asked(n: u64, step: Step) -> Vec<u8> {
    let order = id(Space::Order, n);
    let guest = n % GUESTS;
    match step {
        Step::CheckIn => {
            let body = format!(r#"{{"Value":"{}","WaiterPin":"12345"}}"#, card(guest));
            request("POST", &format!("/orders/{order}/checkin"), &body)
        }
        Step::Plan => {
            let wallet = id(Space::Bonus, guest);
            let input = format!(r#"{{"enter":{{"walletId":"{wallet}","amountMinor":75000}}}}"#);
            let body = format!(r#"{{"dueMinor":165000,"input":{input}}}"#);
            request("POST", &format!("/pos/v1/orders/{order}/plan"), &body)
        }
        Step::PayBonus => {
            let paying = "0668e655-15a0-4b5e-ab3c-c7f7003cb8cc";
            let ids = [id(Space::BonusPayment, n), id(Space::Bonus, guest)];
            payment(&order, ids, 75_000, paying)
        }
        Step::PayDeposit => {
            let paying = "d645d632-cd95-4d49-9974-06911a9cd314";
            let ids = [id(Space::DepositPayment, n), id(Space::Deposit, guest)];
            payment(&order, ids, 90_000, paying)
        }
        Step::Close => {
            let of = |space, amount| {
                let id = id(space, n);
                format!(r#"{{"transactionId":"{id}","amountMinor":{amount}}}"#)
            };
            let (one, two) = (of(Space::BonusPayment, 75_000), of(Space::DepositPayment, 90_000));
            let head = r#""closedAt":"2026-11-22T09:00:00Z","totalMinor":165000"#;
            let body = format!(r#"{{{head},"payments":[{one},{two}]}}"#);
            request("POST", &format!("/pos/v1/orders/{order}/closed"), &body)
        }
    }
}

fn payment(order: &str, [payment, wallet]: [String; 2], amount: u32, paying: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"orderId":"{order}","walletId":"{wallet}","bindingEpoch":1,"amountMinor":{amount},"orderTotalMinor":165000,"paymentTypeId":"{paying}"}}"#
    );
    request("PUT", &format!("/pos/v1/payments/{payment}"), &body)
}
