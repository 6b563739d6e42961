//! What comes out of the till's printer.

use tillway::core::Timestamp;
use tillway::core::loyalty::Answer;
use tillway::core::loyalty::print::{Answers, Print, SlipHead, SlipSource, Style};

/// What one answer wants on paper: its message and its coupons.
pub fn of_one(answer: &Answer, style: &Style) -> Vec<Print> {
    of_two(None, answer, style)
}

/// The messages and coupons of a payment with points and of an accrual, without a slip.
pub fn of_two(paid: Option<&Answer>, accrued: &Answer, style: &Style) -> Vec<Print> {
    let (at, slips) = (Timestamp::default(), SlipSource::Server);
    let head = SlipHead { shop: "", till: "", cashier: None, at, refund: false };
    let answers = Answers { moved: paid, accrued: Some(accrued), ..Answers::default() };
    answers.print(&Style { slips, ..style.clone() }, &head)
}
