//! The cheque, from the first goods to the receipt, and goods that come back.

use tillway::core::Kopecks;
use tillway::core::loyalty::print::Sheets;
use tillway::core::loyalty::receipt::points_max;
use tillway::core::loyalty::{Carrier, Cheque, IdentifierKind, Line, Pay, Pin, Sale};
use tillway::core::port::IdSource;
use tillway::loymax::input;
use tillway::runtime::RandomIds;

use super::{Failure, Till, parse};
use crate::desk::Deal;
use crate::shop;

impl Till {
    /// Guests, goods and coupons.
    pub(super) fn ring_up(&mut self, word: &str, rest: &str) -> Result<(), Failure> {
        let position = u32::try_from(self.lines.len())?.saturating_add(1);
        match word {
            "без-карты" => {
                self.guest = None;
                return Ok(());
            }
            "товар" | "штрихкод" => {
                let line = parse::goods(position, word == "штрихкод", rest)?;
                let name = line.name.clone().unwrap_or_default();
                self.say(&format!("{position}. {name}: {}", line.amount.for_people()));
                self.lines.push(line);
                return Ok(());
            }
            _ => {}
        }
        if let Some(kind) = identifier_of(word) {
            let guest = input::identifier(kind, rest);
            self.guest = Some(guest.map_err(|error| format!("{word}: {error}"))?);
            return Ok(());
        }
        let carrier = carrier_of(word);
        let carrier = carrier.ok_or_else(|| format!("нет такой команды: {word}. Есть «помощь»"))?;
        let coupon = input::coupon(carrier, rest).map_err(|error| format!("{word}: {error}"))?;
        self.coupons.push(coupon);
        Ok(())
    }

    pub(super) async fn sell(&mut self, word: &str, rest: &str) -> Result<(), Failure> {
        match word {
            "баланс" => {
                let guest = self.guest.clone().ok_or("чей баланс? Сначала карта или телефон")?;
                self.desk.balance(guest).await;
                Ok(())
            }
            "итог" => self.total(rest).await,
            "доступно" => self.available().await,
            "списать" => self.pay(rest).await,
            "оплата" => self.close(rest).await,
            "отмена" => self.cancel().await,
            _ => self.give_back(rest).await,
        }
    }

    async fn total(&mut self, rest: &str) -> Result<(), Failure> {
        let wish = if rest.is_empty() { None } else { Some(parse::amount(rest)?) };
        let mut deal = self.begun()?;
        self.desk.total(&mut deal, wish).await;
        self.say(&format!("К оплате: {}", deal.due()?.for_people()));
        self.deal = Some(deal);
        Ok(())
    }

    async fn available(&mut self) -> Result<(), Failure> {
        let deal = self.deal.as_ref().ok_or("сначала «итог»")?;
        if let Some(answer) = self.desk.available(deal).await {
            let allowed = answer.amount.unwrap_or_default();
            let most = points_max(&deal.sale.cheque, allowed, Kopecks(100))?;
            self.say(&format!("Можно списать: {}", most.for_people()));
        }
        Ok(())
    }

    async fn pay(&mut self, rest: &str) -> Result<(), Failure> {
        let (sum, pin) = rest.split_once(' ').unwrap_or((rest, ""));
        let (amount, pin) = (parse::amount(sum)?, pin.trim());
        let deal = self.deal.as_mut().ok_or("сначала «итог»")?;
        let pin = (!pin.is_empty()).then(|| Pin::new(pin));
        self.desk.pay(deal, amount, pin).await;
        let due = deal.due()?;
        self.say(&format!("К оплате: {}", due.for_people()));
        Ok(())
    }

    /// All is paid: accrual, receipt, confirmation.
    async fn close(&mut self, rest: &str) -> Result<(), Failure> {
        let mut deal = match self.deal.take() {
            Some(deal) => deal,
            None => self.begun()?,
        };
        let pays = match pays(rest, deal.due()?) {
            Ok(pays) => pays,
            Err(why) => {
                self.deal = Some(deal);
                return Err(why);
            }
        };
        self.desk.accrue(&mut deal, &pays).await;
        let prints = self.desk.prints(&deal, self.clock.now());
        let sheets = Sheets::below_receipt(Vec::new(), &prints);
        let moved = deal.moved();
        let printed = self.tape.sale(&deal.sale.cheque, moved, &pays, sheets.notes).await;
        let paper = match printed {
            Ok(paper) => paper,
            Err(why) => {
                self.desk.cancel(&deal).await;
                return Err(format!("чек не напечатан, покупка отменена: {why}").into());
            }
        };
        self.show_paper(&paper);
        if !sheets.rest.items.is_empty() {
            let paper = self.tape.slip(&sheets.rest).await?;
            self.show_paper(&paper);
        }
        self.desk.confirm(&mut deal).await;
        if let Some(slip) = Sheets::slip(&self.desk.prints_after(&deal)) {
            let paper = self.tape.slip(&slip).await?;
            self.show_paper(&paper);
        }
        self.sold = Some((deal.sale.purchase.clone(), deal.sale.cheque));
        self.forget();
        Ok(())
    }

    async fn cancel(&mut self) -> Result<(), Failure> {
        if let Some(deal) = self.deal.take() {
            self.desk.cancel(&deal).await;
        }
        self.forget();
        self.say("Чек закрыт без покупки");
        Ok(())
    }

    /// Goods of the last sale come back: the refund, its receipt, its confirmation.
    async fn give_back(&mut self, rest: &str) -> Result<(), Failure> {
        let (of, cheque) = self.sold.clone().ok_or("возвращать нечего: покупки ещё не было")?;
        let lines = returned(&cheque, rest)?;
        let sale = shop::sale(self.clock.now(), None, lines, Vec::new());
        let mut deal = Deal::new(sale);
        if !self.desk.refund(&mut deal, &of).await {
            return Ok(());
        }
        let money = deal.due()?;
        let prints = self.desk.prints(&deal, self.clock.now());
        let notes = Sheets::below_receipt(Vec::new(), &prints).notes;
        let printed = self.tape.refund(&deal.sale.cheque, deal.moved(), money, notes).await;
        match printed {
            Ok(paper) => self.show_paper(&paper),
            Err(why) => {
                self.desk.cancel(&deal).await;
                return Err(format!("чек возврата не напечатан, возврат отменён: {why}").into());
            }
        }
        self.desk.confirm(&mut deal).await;
        Ok(())
    }

    /// The sale as it was begun, or a new one of what was rung up since.
    pub(super) fn begun(&mut self) -> Result<Deal, Failure> {
        if self.lines.is_empty() {
            return Err("в чеке нет товаров: «товар SKU-1001 Чай 150 2»".into());
        }
        let sale = self.rung_up();
        let Some(deal) = self.deal.take() else { return Ok(Deal::new(sale)) };
        // The same purchase, whatever changed in the cheque.
        let purchase = deal.sale.purchase.clone();
        Ok(Deal::new(Sale { purchase, ..sale }))
    }

    pub(super) fn rung_up(&self) -> Sale {
        let (lines, coupons) = (self.lines.clone(), self.coupons.clone());
        let sale = shop::sale(self.clock.now(), self.guest.clone(), lines, coupons);
        Sale { purchase: RandomIds.fresh().into(), ..sale }
    }

    /// The next guest.
    pub(super) fn forget(&mut self) {
        (self.guest, self.deal) = (None, None);
        self.lines.clear();
        self.coupons.clear();
    }
}

pub(super) fn identifier_of(word: &str) -> Option<IdentifierKind> {
    Some(match word {
        "карта" => IdentifierKind::CardBarcode,
        "номер" => IdentifierKind::CardNumber,
        "дорожка1" => IdentifierKind::Track1,
        "дорожка2" => IdentifierKind::Track2,
        "дорожка3" => IdentifierKind::Track3,
        "телефон" => IdentifierKind::Phone,
        "qr" => IdentifierKind::Qr,
        _ => return None,
    })
}

fn carrier_of(word: &str) -> Option<Carrier> {
    Some(match word {
        "купон" => Carrier::Number,
        "купон-штрихкод" => Carrier::Barcode,
        "купон-qr" => Carrier::Qr,
        "купон-дорожка1" => Carrier::Track1,
        "купон-дорожка2" => Carrier::Track2,
        "купон-дорожка3" => Carrier::Track3,
        _ => return None,
    })
}

/// `Cash=200 Card=70`; nothing is all of it in cash.
pub(super) fn pays(text: &str, due: Kopecks) -> Result<Vec<Pay>, Failure> {
    if text.is_empty() {
        return Ok(vec![shop::pay("Cash", due.0)]);
    }
    let mut pays = Vec::new();
    for word in text.split_whitespace() {
        let (kind, sum) = word.split_once('=').ok_or("оплата: например Cash=200 Card=70")?;
        pays.push(shop::pay(kind, parse::amount(sum)?.0));
    }
    let paid = Kopecks::total(pays.iter().map(|pay| pay.amount))?;
    if paid == due {
        Ok(pays)
    } else {
        Err(format!("оплачено {}, а нужно {}", paid.for_people(), due.for_people()).into())
    }
}

/// `1=1 2=1.250`: positions of the sale, and how much of each.
fn returned(sold: &Cheque, text: &str) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for word in text.split_whitespace() {
        let (position, count) = word.split_once('=').ok_or("возврат: например 1=1 2=1.250")?;
        let position: u32 = position.parse().map_err(|_| "возврат: номер позиции, = и сколько")?;
        let found = sold.lines.iter().find(|line| line.position == position);
        let line = found.ok_or_else(|| format!("позиции {position} в покупке нет"))?;
        let back = parse::quantity(count)?;
        if back > line.quantity {
            return Err(format!("позиция {position}: столько не продано").into());
        }
        let amount = line.quantity.share_of(line.amount, back)?;
        lines.push(Line { quantity: back, amount, discount: None, ..line.clone() });
    }
    if lines.is_empty() { Err("возврат: например 1=1".into()) } else { Ok(lines) }
}
