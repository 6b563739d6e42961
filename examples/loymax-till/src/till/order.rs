//! Orders of the web shop: the shop reserves them in JSON, the till gives them out in XML.

use tillway::core::Kopecks;
use tillway::core::loyalty::Answer;
use tillway::core::loyalty::print::Sheets;
use tillway::core::port::processing::{Command, Operation, Outcome};
use tillway::core::port::{IdSource, LoyaltyProcessing};
use tillway::loymax::public::pickup::{Act, Order};
use tillway::loymax::public::{JsonMirror, Speaker};
use tillway::loymax::{Dialect, texts};
use tillway::runtime::RandomIds;

use super::sale::pays;
use super::{Failure, Till, parse};
use crate::paper;

impl Till {
    pub(super) async fn pick_up(&mut self, word: &str, rest: &str) -> Result<(), Failure> {
        match word {
            "заказ" => self.reserve(rest).await,
            "выкуп" => self.collect(rest).await,
            _ => {
                let order = self.order(rest)?;
                if self.told_of(&self.loymax, order.cancel(self.act())).await?.is_some() {
                    self.orders.remove(rest);
                    self.say(&format!("Заказ {rest} отменён, баллы свободны"));
                }
                Ok(())
            }
        }
    }

    /// The web shop: what was rung up is its order.
    async fn reserve(&mut self, rest: &str) -> Result<(), Failure> {
        let (number, sum) = rest.split_once(' ').ok_or("заказ: номер и сколько баллов")?;
        let points = parse::amount(sum.trim())?;
        if self.lines.is_empty() || self.guest.is_none() {
            return Err("для заказа нужны клиент и товары".into());
        }
        let api = self.shop.as_ref().ok_or("нет интернет-магазина: укажите --shop")?;
        let shop = JsonMirror::new(api, Speaker::Application, Dialect::default(), false);
        let sale = self.rung_up();
        let calculate = Command::Calculate { sale: sale.clone(), wish: None };
        let Act { id, at, cashier } = self.act();
        let calculate = Operation { id, at, cashier, command: calculate };
        let Some(answer) = self.told_of(&shop, calculate).await? else { return Ok(()) };
        let order = Order::calculated(number, sale, &answer)?;
        self.reserved.remove(number);
        if points > Kopecks::ZERO {
            let reserve = order.reserve(self.act(), points, None);
            let Some(paid) = self.told_of(&shop, reserve).await? else {
                self.told_of(&shop, order.cancel(self.act())).await?;
                return Ok(());
            };
            self.reserved.insert(number.to_owned(), paid);
        }
        let left = order.sale.cheque.total()?.sub(points)?;
        self.say(&format!("Заказ {number} собран, к оплате {}", left.for_people()));
        self.orders.insert(number.to_owned(), order);
        self.forget();
        Ok(())
    }

    /// The till: paid, told under the purchase of the shop, printed, confirmed.
    async fn collect(&mut self, number: &str) -> Result<(), Failure> {
        let order = self.order(number)?;
        let paid = self.reserved.get(number).cloned();
        let points = paid.as_ref().and_then(|paid| paid.amount).unwrap_or_default();
        let due = order.sale.cheque.total()?.sub(points)?;
        let pays = pays("", due)?;
        let accrue = order.accrue(self.act(), pays.clone());
        let Some(accrued) = self.told_of(&self.loymax, accrue).await? else { return Ok(()) };
        let prints = paper::of_two(paid.as_ref(), &accrued, &texts::style());
        let notes = Sheets::below_receipt(Vec::new(), &prints).notes;
        let paper = self.tape.sale(&order.sale.cheque, paid.as_ref(), &pays, notes).await?;
        self.show_paper(&paper);
        if self.told_of(&self.loymax, order.confirm(self.act())).await?.is_some() {
            self.orders.remove(number);
            self.say(&format!("Заказ {number} выдан, оплачено {}", due.for_people()));
        }
        Ok(())
    }

    fn order(&self, number: &str) -> Result<Order, Failure> {
        let known = self.orders.get(number).cloned();
        known.ok_or_else(|| format!("заказа «{number}» нет").into())
    }

    fn act(&self) -> Act {
        Act { id: RandomIds.fresh(), at: self.clock.now(), cashier: None }
    }

    /// Does it once, and shows what is said. A till of a venue journals it first.
    async fn told_of(
        &self,
        processing: &dyn LoyaltyProcessing,
        operation: Operation,
    ) -> Result<Option<Answer>, Failure> {
        match processing.send(&processing.seal(&operation)?).await {
            Outcome::Done(answer) => {
                if !answer.for_cashier.is_empty() {
                    self.say(&answer.for_cashier);
                }
                Ok(Some(*answer))
            }
            Outcome::Refused(refusal) => {
                self.say(&format!("Отказ {}: {}", refusal.code, refusal.text.as_str()));
                Ok(None)
            }
            Outcome::Unreached(_) | Outcome::InDoubt(_) => {
                self.say("Программа лояльности не ответила. Повторите позже");
                Ok(None)
            }
        }
    }
}
