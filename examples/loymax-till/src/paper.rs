//! What comes out of the till's printer.

use tillway::core::Timestamp;
use tillway::core::loyalty::Answer;
use tillway::core::loyalty::print::{Answers, Print, SlipHead, Style};

/// What one answer wants on paper: its message and its coupons.
pub fn of_one(answer: &Answer, style: &Style) -> Vec<Print> {
    let at = Timestamp::default();
    let head = SlipHead { shop: "", till: "", cashier: None, at, refund: false };
    Answers { accrued: Some(answer), ..Answers::default() }.print(style, &head)
}
