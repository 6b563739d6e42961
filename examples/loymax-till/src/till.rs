//! A till of the demo shop: where its processing is, and what a person does at it.
//!
//! [`Till::run`] takes a line of the menu at a time; [`MENU`] names them all.

mod club;
mod journal;
mod open;
mod order;
mod parse;
mod sale;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tillway::core::loyalty::{Answer, Cheque, Coupon, Identifier, Line, PurchaseId};
use tillway::core::port::Clock;
use tillway::loymax::Loymax;
use tillway::loymax::public::pickup::Order;
use tillway::loymax::public::{PublicApi, Registration};
use tillway::sim::loymax::Processing;
use tokio::sync::oneshot;

use crate::cable::Cable;
use crate::clock::StoryClock;
use crate::desk::{Deal, Desk, Screen};
use crate::tape::Tape;

pub use self::open::{Certificates, Connection, Web};

/// What went wrong, for the person at the till.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Every line of the menu, with the rows of the specification that it reaches.
pub const MENU: &str = "\
Клиент
  карта <штрихкод>             карта по штрихкоду (1), по маске сервера (5)
  номер <номер>                номер карты, набранный рукой
  дорожка1|2|3 <строка>        карта по магнитной полосе (2)
  телефон <номер>              клиент по телефону (3)
  qr <текст>                   клиент по QR-коду (4)
  qr-клиента <телефон>         получить QR-код карты и показать его кассе (4)
  без-карты                    чек без карты (6)
Чек
  товар <код> <имя> <цена> <кол-во> [скидка=] [минцена=] [акция]      (13, 14, 15, 18)
  штрихкод <код> <имя> <цена> <кол-во> [скидка=] [минцена=] [акция]   (13)
  купон <номер>                купон, набранный рукой (10)
  купон-штрихкод <текст>       (7)   купон-дорожка1|2|3 <строка>  (8)   купон-qr <текст>  (9)
  купон-инфо <номер>           что это за купон
Баллы и деньги
  баланс                       (16)  доступно                     (17)
  итог [баллы]                 скидки по чеку, сообщения (19, 21); можно повторять
  списать <сумма> [пин]        оплата баллами (17, 23)
  оплата [Cash=] [Card=]       чек, сообщения, слип, купоны (11, 12, 22, 23), подтверждение
  отмена                       отменить покупку
  возврат <позиция>=<кол-во> … вернуть товары последней покупки (20)
Карты
  выдать <карта> [телефон]     выдача карты (29)
  заменить <старая> <новая>    замена карты (30)
Клуб
  регистрация <телефон>        начать регистрацию (28); дальше: оферта, код,
  подтвердить <код>            код из СМС (слово «смс» берёт его у симулятора), завершить
  любимые <телефон>            любимые товары (27); дальше: выбрать <ячейка> <код>, убрать <ячейка>
  заказ <номер> <баллы>        интернет-магазин резервирует набранный чек (26)
  выкуп <номер>                касса отдаёт заказ   не-забрали <номер>  заказ отменяется
Связь
  связь нет|есть               кабель (25)          очередь  отправить отложенное (25)
  письма                       что осталось человеку
  ждать <секунд>               только с симулятором
  помощь, выход

Подпись (24) включает --profile, кодировку — --encoding, слип сервера (23) — --slip server.";

/// A till, at a processing.
pub struct Till {
    clock: Arc<dyn Clock>,
    screen: Arc<dyn Screen>,
    desk: Desk,
    loymax: Loymax,
    api: Option<PublicApi>,
    shop: Option<PublicApi>,
    cable: Cable,
    tape: Tape,
    simulated: Option<Simulated>,
    guest: Option<Identifier>,
    lines: Vec<Line>,
    coupons: Vec<Coupon>,
    deal: Option<Deal>,
    sold: Option<(PurchaseId, Cheque)>,
    registration: Option<Registration>,
    favourites: Option<Identifier>,
    orders: BTreeMap<String, Order>,
    reserved: BTreeMap<String, Answer>,
}

/// A processing of our own.
struct Simulated {
    processing: Processing,
    clock: StoryClock,
    _running: oneshot::Sender<()>,
}

/// Whether the till goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// It takes another line.
    Line,
    /// It was told to stop.
    Stop,
}

impl Till {
    /// Does what a line of the menu says. An empty line and one that begins with `#` say nothing.
    ///
    /// What the processing refuses is shown, and is no failure: the sale goes on.
    ///
    /// # Errors
    /// The line is none of the menu, or what it needs is missing: it says what.
    pub async fn run(&mut self, line: &str) -> Result<Next, Failure> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(Next::Line);
        }
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match word {
            "помощь" => self.say(MENU),
            "выход" => return Ok(Next::Stop),
            "итог" | "баланс" | "доступно" | "списать" | "оплата" | "отмена" | "возврат" =>
            {
                self.sell(word, rest.trim()).await?;
            }
            "регистрация" | "оферта" | "код" | "подтвердить" | "завершить" =>
            {
                self.register(word, rest.trim()).await?;
            }
            "любимые" | "выбрать" | "убрать" => {
                self.favour(word, rest.trim()).await?
            }
            "qr-клиента" | "купон-инфо" | "выдать" | "заменить" => {
                self.cards(word, rest.trim()).await?;
            }
            "заказ" | "выкуп" | "не-забрали" => {
                self.pick_up(word, rest.trim()).await?
            }
            "связь" | "очередь" | "письма" | "ждать" => {
                self.link(word, rest.trim()).await?
            }
            _ => self.ring_up(word, rest.trim())?,
        }
        Ok(Next::Line)
    }

    fn say(&self, text: &str) {
        self.screen.show(text);
    }

    /// Paper, as it came out of the printer.
    fn show_paper(&self, lines: &[String]) {
        for line in lines {
            self.say(&format!("  | {line}"));
        }
    }

    async fn link(&mut self, word: &str, rest: &str) -> Result<(), Failure> {
        match (word, rest) {
            ("связь", "нет") => self.cable.set_off(true),
            ("связь", "есть") => self.cable.set_off(false),
            ("связь", _) => return Err("связь: «нет» или «есть»".into()),
            ("ждать", _) => {
                let seconds = rest.parse().map_err(|_| "ждать: сколько секунд")?;
                let Some(simulated) = &self.simulated else {
                    return Err("ждать можно только с симулятором".into());
                };
                simulated.clock.advance(core::time::Duration::from_secs(seconds));
            }
            ("очередь", _) => {
                let drained = self.desk.loyalty().drain(100).await;
                let (sent, settled) = (drained.sent, drained.settled);
                self.say(&format!("Отправлено: {sent}, закончено покупок: {settled}"));
            }
            _ => {
                let letters = self.desk.loyalty().listed().await.map_err(|why| why.text())?;
                self.say(&format!("Для администратора: {}", letters.len()));
                letters.iter().for_each(|letter| self.say(&letter.text()));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Till {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Till").field("desk", &self.desk).finish_non_exhaustive()
    }
}
