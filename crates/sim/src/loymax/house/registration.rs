//! Guests who are being registered: by themselves at a till, or by an operator.

use std::collections::BTreeSet;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::{Card, CardState, ClientId, Code, Guest, Key, Store};

/// How many messages to phones are remembered.
const MESSAGES_MAX: usize = 1_000;

/// What a registration asks for.
#[derive(Clone, Debug)]
pub struct Program {
    /// What must be done.
    pub steps: Vec<Step>,
    /// Numbers of the questions that must be answered.
    pub questions: BTreeSet<i64>,
    /// A password is asked for at the beginning.
    pub password_first: bool,
    /// How many wrong codes are taken before the registration is blocked.
    pub tries_max: u32,
}

impl Default for Program {
    fn default() -> Self {
        Self {
            steps: vec![Step::Offer, Step::Phone],
            questions: BTreeSet::new(),
            password_first: false,
            tries_max: 3,
        }
    }
}

/// A step of a registration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Accept the rules.
    Offer,
    /// Confirm the phone.
    Phone,
    /// Answer the questions.
    Questions,
    /// Have a card.
    Card,
    /// Have a password.
    Password,
}

impl Step {
    /// As the protocol writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offer => "AcceptTenderOffer",
            Self::Phone => "ChangePhone",
            Self::Questions => "Questions",
            Self::Card => "AssignCard",
            Self::Password => "PasswordRequired",
        }
    }
}

/// A registration that was begun. Personal: no `Debug` shows it.
#[derive(Clone, Default)]
pub struct Newcomer {
    /// The phone or card it was begun with.
    pub login: String,
    /// The rules are accepted.
    pub offer: bool,
    /// The phone to be confirmed.
    pub phone: Option<String>,
    /// The code that was sent to it last.
    pub code: Option<SecretString>,
    /// Wrong codes so far.
    pub wrong: u32,
    /// The phone is confirmed.
    pub confirmed: bool,
    /// Questions that were answered.
    pub answered: BTreeSet<i64>,
}

impl fmt::Debug for Newcomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newcomer").field("confirmed", &self.confirmed).finish_non_exhaustive()
    }
}

/// A message to a phone.
#[derive(Clone)]
pub struct Message {
    /// The phone.
    pub phone: String,
    /// The code in it.
    pub code: SecretString,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").finish_non_exhaustive()
    }
}

/// What became of the beginning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Begun {
    /// It may go on.
    Started(ClientId),
    /// No such phone or card, or the card's code is wrong.
    Invalid,
    /// A password is asked for.
    Password,
    /// Too many wrong codes.
    Blocked,
    /// Registered already.
    Completed,
}

/// Why something is not done: a code, and words for people.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotDone(pub &'static str, pub &'static str);

impl Store {
    /// Begins a registration, or goes on with the one that was begun with this login.
    pub fn begin_registration(
        &mut self,
        login: &str,
        password: Option<SecretString>,
        cvc: Option<&str>,
    ) -> Begun {
        let phone = is_phone(login);
        let card = self.cards.get(login).cloned();
        if !phone && card.is_none() {
            return Begun::Invalid;
        }
        if card.is_some() && !self.cvc_fits(login, cvc) {
            return Begun::Invalid;
        }
        let owner = self.guest_of_phone(login).or(card.as_ref().and_then(|card| card.owner));
        let registered = |id: &ClientId| self.guests.get(id).is_some_and(|guest| guest.registered);
        if owner.as_ref().is_some_and(registered) {
            return Begun::Completed;
        }
        if self.public.program.password_first && password.is_none() {
            return Begun::Password;
        }
        let begun = self.public.newcomers.iter().find(|(_, newcomer)| newcomer.login == login);
        let client = match begun.map(|(client, _)| *client) {
            Some(client) => client,
            None => self.newcomer(login, phone, owner),
        };
        let wrong = self.public.newcomers.get(&client).map_or(0, |newcomer| newcomer.wrong);
        if wrong >= self.public.program.tries_max {
            return Begun::Blocked;
        }
        if let Some(password) = password {
            self.public.passwords.insert(client, password);
        }
        Begun::Started(client)
    }

    fn newcomer(&mut self, login: &str, phone: bool, owner: Option<ClientId>) -> ClientId {
        let client = owner.unwrap_or_else(|| self.add_guest(Guest::default()));
        let phone = phone.then(|| login.to_owned());
        let newcomer = Newcomer { login: login.to_owned(), phone, ..Newcomer::default() };
        self.public.newcomers.insert(client, newcomer);
        if let Some(card) = self.cards.get_mut(login) {
            card.owner = Some(client);
            card.state = CardState::Activated;
        }
        client
    }

    /// The steps of a registration, and whether each is done.
    pub fn steps(&self, client: ClientId) -> Vec<(Step, bool)> {
        let newcomer = self.public.newcomers.get(&client);
        let done = |step: Step| match step {
            Step::Offer => newcomer.is_some_and(|newcomer| newcomer.offer),
            Step::Phone => newcomer.is_some_and(|newcomer| newcomer.confirmed),
            Step::Questions => newcomer.is_some_and(|newcomer| {
                newcomer.answered.is_superset(&self.public.program.questions)
            }),
            Step::Card => self.cards.values().any(|card| card.owner == Some(client)),
            Step::Password => self.public.passwords.contains_key(&client),
        };
        self.public.program.steps.iter().map(|step| (*step, done(*step))).collect()
    }

    /// The rules are accepted.
    ///
    /// # Errors
    /// Nobody is being registered under this number.
    pub fn accept_offer(&mut self, client: ClientId) -> Result<(), NotDone> {
        self.registering(client)?.offer = true;
        Ok(())
    }

    /// The phone that is to be confirmed.
    ///
    /// # Errors
    /// It is none, or another's.
    pub fn set_phone(&mut self, client: ClientId, phone: &str) -> Result<(), NotDone> {
        if !is_phone(phone) {
            return Err(NotDone("WrongPhone", "Номер телефона неверен"));
        }
        if self.guest_of_phone(phone).is_some_and(|owner| owner != client) {
            return Err(NotDone("PhoneOccupied", "Телефон принадлежит другому клиенту"));
        }
        let newcomer = self.registering(client)?;
        newcomer.phone = Some(phone.to_owned());
        (newcomer.confirmed, newcomer.code) = (false, None);
        Ok(())
    }

    /// Sends a fresh code to the phone; the one before counts no more.
    ///
    /// # Errors
    /// There is no phone, or too many codes were wrong.
    pub fn send_code(&mut self, client: ClientId) -> Result<(), NotDone> {
        let (made, now, most) =
            (self.public.messages.len(), self.now, self.public.program.tries_max);
        let newcomer = self.registering(client)?;
        if newcomer.wrong >= most {
            return Err(BLOCKED);
        }
        let phone = newcomer.phone.clone();
        let phone = phone.ok_or(NotDone("NoPhone", "Телефон не указан"))?;
        let code = code(&format!("{phone}:{made}:{}", now.utc_ms));
        newcomer.code = Some(code.clone());
        if self.public.messages.len() >= MESSAGES_MAX {
            self.public.messages.remove(0);
        }
        self.public.messages.push(Message { phone, code });
        Ok(())
    }

    /// Confirms the phone by the code that was sent last.
    ///
    /// # Errors
    /// The code is wrong; too often, and the registration is blocked.
    pub fn confirm_phone(
        &mut self,
        client: ClientId,
        entered: &str,
        password: Option<SecretString>,
    ) -> Result<(), NotDone> {
        let most = self.public.program.tries_max;
        let newcomer = self.registering(client)?;
        if newcomer.wrong >= most {
            return Err(BLOCKED);
        }
        let sent = newcomer.code.as_ref().map(|code| code.expose_secret());
        if sent != Some(entered) {
            newcomer.wrong = newcomer.wrong.saturating_add(1);
            return Err(NotDone("WrongConfirmCode", "Неверный код подтверждения"));
        }
        (newcomer.code, newcomer.confirmed) = (None, true);
        let phone = newcomer.phone.clone();
        if let Some(guest) = self.guests.get_mut(&client) {
            guest.phone = phone;
        }
        if let Some(password) = password {
            self.public.passwords.insert(client, password);
        }
        Ok(())
    }

    /// Takes answers to these questions.
    ///
    /// # Errors
    /// There is no such question.
    pub fn answer_questions(&mut self, client: ClientId, ids: &[i64]) -> Result<(), NotDone> {
        if ids.iter().any(|id| !self.public.program.questions.contains(id)) {
            return Err(NotDone("UnknownQuestion", "Такого вопроса нет"));
        }
        self.registering(client)?.answered.extend(ids);
        Ok(())
    }

    /// A card becomes the guest's.
    ///
    /// # Errors
    /// It is not known, another's, not to be used, or its code is wrong.
    pub fn attach_card(
        &mut self,
        client: ClientId,
        number: &str,
        cvc: Option<&str>,
    ) -> Result<(), NotDone> {
        let fits = self.cvc_fits(number, cvc);
        let card = self.cards.get_mut(number);
        let card = card.ok_or(NotDone("CardNotFound", "Карта не найдена"))?;
        if !fits {
            return Err(NotDone("WrongCvcCode", "Неверный код карты"));
        }
        if card.owner.is_some() {
            return Err(NotDone("CardOccupied", "Карта принадлежит другому клиенту"));
        }
        if card.blocked || matches!(card.state, CardState::Replaced | CardState::Expired) {
            return Err(NotDone("CardBlocked", "Карту нельзя использовать"));
        }
        card.owner = Some(client);
        card.state = CardState::Activated;
        Ok(())
    }

    /// Makes a virtual card; one for each guest.
    ///
    /// # Errors
    /// There is one.
    pub fn emit_virtual(&mut self, client: ClientId) -> Result<(), NotDone> {
        let mut own = self.cards.values().filter(|card| card.owner == Some(client));
        if own.any(|card| card.is_virtual) {
            return Err(NotDone("VirtualCardExists", "Виртуальная карта уже есть"));
        }
        let number = format!("9800{:09}", client.0);
        let card = Card { is_virtual: true, ..Card::blank(&number).of(client) };
        self.cards.insert(number, card);
        Ok(())
    }

    /// Hands out a blank card.
    ///
    /// # Errors
    /// It is not blank any more.
    pub fn issue_card(&mut self, number: &str) -> Result<(), NotDone> {
        let card = self.cards.get_mut(number);
        let card = card.ok_or(NotDone("CardNotFound", "Карта не найдена"))?;
        if card.owner.is_some() || card.state >= CardState::Issued || card.blocked {
            return Err(NotDone("CardOccupied", "Карта уже выдана"));
        }
        card.state = CardState::Issued;
        Ok(())
    }

    /// Another card takes the place of a guest's, as the till's command does it.
    ///
    /// # Errors
    /// As the till's command.
    pub fn replace_own_card(&mut self, old: &Key, new: &Key) -> Result<(), Code> {
        self.replace_card(Some(old), new, None).map(drop).map_err(|refusal| refusal.code)
    }

    /// Ends a registration; what is missing, when something is.
    ///
    /// # Errors
    /// Nobody is being registered under this number.
    pub fn try_finish(&mut self, client: ClientId) -> Result<Vec<Step>, NotDone> {
        self.registering(client)?;
        let steps = self.steps(client);
        let missing: Vec<Step> =
            steps.into_iter().filter(|(_, done)| !done).map(|(step, _)| step).collect();
        if missing.is_empty()
            && let Some(guest) = self.guests.get_mut(&client)
        {
            guest.registered = true;
        }
        Ok(missing)
    }

    /// Whether the code on a card was told; a card without one needs none.
    pub fn cvc_fits(&self, number: &str, cvc: Option<&str>) -> bool {
        let printed = self.public.cvc.get(number).map(|printed| printed.expose_secret());
        printed.is_none() || printed == cvc
    }

    fn registering(&mut self, client: ClientId) -> Result<&mut Newcomer, NotDone> {
        let newcomer = self.public.newcomers.get_mut(&client);
        newcomer.ok_or(NotDone("RegistrationNotFound", "Регистрация не начата"))
    }
}

const BLOCKED: NotDone = NotDone("TooManyAttempts", "Слишком много неверных кодов");

fn is_phone(text: &str) -> bool {
    text.len() == 11 && text.starts_with('7') && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Six digits that follow from a seed.
fn code(seed: &str) -> SecretString {
    let digest = Sha256::digest(seed);
    let number = digest.iter().take(4).fold(0_u64, |all, byte| all * 256 + u64::from(*byte));
    format!("{:06}", number % 1_000_000).into()
}
