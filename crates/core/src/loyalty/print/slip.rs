//! The slip of a payment with points, or of points that came back.

use super::super::{Answer, Kopecks};
use crate::time::Timestamp;

/// Who writes the slip.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SlipSource {
    /// The till, from the fields of the answer.
    #[default]
    Till,
    /// The processing: its message is the slip, printed as it is in its place among the messages.
    Server,
}

/// What the till knows for its slip.
#[derive(Clone, Copy, Debug)]
pub struct SlipHead<'a> {
    /// The shop, as guests know it.
    pub shop: &'a str,
    /// The till.
    pub till: &'a str,
    /// Who stands there.
    pub cashier: Option<&'a str>,
    /// When, with the offset of the till.
    pub at: Timestamp,
    /// Points come back.
    pub refund: bool,
}

/// The words before each value, and the names of the values themselves where the processing's
/// configuration says them. Adapters have them in Russian.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Labels {
    /// The operation: points were taken.
    pub payment: Box<str>,
    /// The operation: points came back.
    pub refund: Box<str>,
    /// Before the till.
    pub till: Box<str>,
    /// Before the cashier.
    pub cashier: Box<str>,
    /// Before the masked number of the card.
    pub card: Box<str>,
    /// Before the amount in money.
    pub amount: Box<str>,
    /// Before the points.
    pub points: Box<str>,
    /// Before the number of the operation.
    pub transaction: Box<str>,
    /// Before the authorisation code.
    pub authorisation: Box<str>,
    /// Before the balance.
    pub balance: Box<str>,
    /// Before the day until which a coupon is good.
    pub until: Box<str>,
    /// Under which names the masked number of a card is among what is known of the guest.
    pub card_facts: Vec<Box<str>>,
}

impl SlipHead<'_> {
    /// One line a value; what nobody said is left out. The card may have been named before.
    pub(super) fn slip(
        &self,
        moved: &Answer,
        calculated: Option<&Answer>,
        labels: &Labels,
    ) -> Vec<Box<str>> {
        let names: Vec<&str> = labels.card_facts.iter().map(|name| &**name).collect();
        let card = moved.guest.find(&names);
        let card = card.or_else(|| calculated.and_then(|answer| answer.guest.find(&names)));
        let transaction = moved.transaction.map(|number| number.to_string());
        let rest = [
            (&labels.cashier, self.cashier.map(str::to_owned)),
            (&labels.card, card.map(str::to_owned)),
            (&labels.amount, moved.amount.map(Kopecks::for_people)),
            (&labels.points, moved.points.map(Kopecks::for_people)),
            (&labels.transaction, transaction),
            (&labels.authorisation, moved.authorisation.as_deref().map(str::to_owned)),
            (&labels.balance, moved.balance.map(Kopecks::for_people)),
        ];
        let operation = if self.refund { &labels.refund } else { &labels.payment };
        let mut lines: Vec<Box<str>> = vec![operation.clone(), self.shop.into()];
        lines.push(line(&labels.till, self.till));
        lines.push(moment(self.at));
        let said = rest.into_iter().filter_map(|(label, value)| Some((label, value?)));
        lines.extend(said.map(|(label, value)| line(label, &value)));
        lines
    }
}

/// A value after its word.
pub(super) fn line(label: &str, value: &str) -> Box<str> {
    format!("{label}: {value}").into()
}

/// As receipts show it: `02.03.2026 12:41`.
fn moment(at: Timestamp) -> Box<str> {
    let (day, minute) = at.wall();
    let part = |text: &str, from, to| text.get(from..to).unwrap_or_default().to_owned();
    let (year, month, date) = (part(&day, 0, 4), part(&day, 4, 6), part(&day, 6, 8));
    let (hour, minute) = (part(&minute, 0, 2), part(&minute, 2, 4));
    format!("{date}.{month}.{year} {hour}:{minute}").into()
}
