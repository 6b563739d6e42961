//! Cards, registration and favourite goods.

use secrecy::ExposeSecret;
use tillway::core::loyalty::{Identifier, IdentifierKind, Pin};
use tillway::core::port::IdSource;
use tillway::loymax::input;
use tillway::loymax::public::{
    ApiError, Begun, Finished, Grant, Newcomer, PublicApi, Registration, Session, SetRange,
};
use tillway::runtime::RandomIds;

use super::{Failure, Till};

impl Till {
    fn public(&self) -> Result<&PublicApi, Failure> {
        self.api.as_ref().ok_or_else(|| "нет Public API: укажите --public-api".into())
    }

    /// Tells what was refused; nothing else goes wrong with it.
    pub(super) fn told<T>(&self, answer: Result<T, ApiError>) -> Option<T> {
        match answer {
            Ok(done) => Some(done),
            Err(error) => {
                self.say(&error.for_cashier());
                None
            }
        }
    }

    /// A session in the name of a client who stands at the till.
    fn client(&self, phone: &Identifier) -> Result<Session, Failure> {
        Ok(self.public()?.session(Grant::Guest(phone.clone())))
    }

    pub(super) async fn cards(&mut self, word: &str, rest: &str) -> Result<(), Failure> {
        match word {
            "qr-клиента" => self.qr_of(&phone(rest)?).await,
            "купон-инфо" => {
                let session = self.public()?.session(Grant::Application);
                if let Some(coupon) = self.told(session.coupon(rest).await) {
                    let about = coupon.description.as_deref().unwrap_or("Купон");
                    self.say(&format!("{about}. {}", coupon.state.for_cashier()));
                }
                Ok(())
            }
            "выдать" => {
                let (card, owner) = rest.split_once(' ').unwrap_or((rest, ""));
                let owner = owner.trim();
                let guest = if owner.is_empty() { None } else { Some(phone(owner)?) };
                self.card(guest, card).await
            }
            _ => {
                let (old, new) = rest.split_once(' ').ok_or("заменить: старая карта и новая")?;
                let old = input::identifier(IdentifierKind::CardBarcode, old)?;
                self.card(Some(old), new.trim()).await
            }
        }
    }

    async fn qr_of(&mut self, phone: &Identifier) -> Result<(), Failure> {
        let cards = self.client(phone)?.cards();
        let Some(all) = self.told(cards.list().await) else { return Ok(()) };
        let card = all.first().ok_or("у клиента нет карты")?;
        let Some(code) = self.told(cards.qr(&card.id).await) else { return Ok(()) };
        self.say(&format!("QR-код клиента действует {} с", code.lives.as_secs()));
        let shown = input::identifier(IdentifierKind::Qr, code.content.expose_secret())?;
        self.guest = Some(shown);
        Ok(())
    }

    async fn card(&self, guest: Option<Identifier>, new: &str) -> Result<(), Failure> {
        let new = input::identifier(IdentifierKind::CardBarcode, new)?;
        let operation = RandomIds.fresh().into();
        let settled = self.desk.loyalty().card(&operation, guest, None, new, None).await;
        self.desk.settled(settled);
        Ok(())
    }

    pub(super) async fn register(&mut self, word: &str, rest: &str) -> Result<(), Failure> {
        if word == "регистрация" {
            return self.begin_registration(&phone(rest)?).await;
        }
        let registration = self.registration.clone().ok_or("сначала «регистрация <телефон>»")?;
        match word {
            "оферта" => {
                if self.told(registration.accept_offer().await).is_some() {
                    self.say("Правила приняты");
                }
            }
            "код" => {
                if self.told(registration.send_code().await).is_some() {
                    self.say("Код отправлен");
                }
            }
            "подтвердить" => {
                let code = if rest == "смс" { self.sms()? } else { rest.to_owned() };
                let confirmed = registration.confirm_phone(&Pin::new(&code), None).await;
                if self.told(confirmed).is_some() {
                    self.say("Телефон подтверждён");
                }
            }
            _ => self.finish(&registration).await,
        }
        Ok(())
    }

    async fn begin_registration(&mut self, login: &Identifier) -> Result<(), Failure> {
        let (login, password, cvc) = (login.clone(), None, None);
        let newcomer = Newcomer { login, password, cvc, without_call: true };
        let session = self.public()?.session(Grant::Application);
        let Some(begun) = self.told(session.begin_registration(&newcomer).await) else {
            return Ok(());
        };
        self.say(begun.for_cashier());
        if let Begun::Started(registration) = begun {
            self.registration = Some(registration);
        }
        Ok(())
    }

    async fn finish(&mut self, registration: &Registration) {
        match self.told(registration.try_finish().await) {
            Some(Finished::Completed) => {
                self.say("Клиент зарегистрирован");
                self.registration = None;
            }
            Some(Finished::Unfinished(steps)) => {
                self.say("Не хватает:");
                steps.iter().for_each(|step| self.say(step.kind.for_cashier()));
            }
            None => {}
        }
    }

    /// The last code that the simulated processing sent.
    fn sms(&self) -> Result<String, Failure> {
        let simulated = self.simulated.as_ref().ok_or("код знает только клиент")?;
        let last = simulated.processing.house().with(|store| {
            store.public.messages.last().map(|sms| sms.code.expose_secret().to_owned())
        });
        last.ok_or_else(|| "код ещё не отправлен".into())
    }

    pub(super) async fn favour(&mut self, word: &str, rest: &str) -> Result<(), Failure> {
        if word == "любимые" {
            self.favourites = Some(phone(rest)?);
        }
        let guest = self.favourites.clone().ok_or("сначала «любимые <телефон>»")?;
        let favourites = self.client(&guest)?.favourites();
        let Some(sets) = self.told(favourites.sets(&SetRange::default()).await) else {
            return Ok(());
        };
        let set = sets.first().ok_or("наборов любимых товаров сейчас нет")?;
        let (cell, code) = rest.split_once(' ').unwrap_or((rest, ""));
        let number = || cell.parse::<u32>().map_err(|_| "номер ячейки");
        let done = match word {
            "выбрать" => self.told(favourites.choose(&set.id, number()?, code.trim()).await),
            "убрать" => self.told(favourites.clear(&set.id, number()?).await),
            _ => Some(()),
        };
        let Some(now) = self.told(favourites.set(&set.id).await) else { return Ok(()) };
        if done.is_some() {
            for cell in &now.goods {
                let goods = cell.goods.as_ref().map_or("свободно", |goods| &*goods.name);
                let fixed = if cell.changeable { "" } else { " (не меняется)" };
                self.say(&format!("{}. {goods}{fixed}", cell.position));
            }
        }
        Ok(())
    }
}

fn phone(text: &str) -> Result<Identifier, Failure> {
    let read = input::identifier(IdentifierKind::Phone, text);
    read.map_err(|_| format!("номер телефона, а не «{text}»").into())
}
