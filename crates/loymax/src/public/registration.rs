//! A client is registered at the till, in the client's own name or by an operator (loymax.md 13).
//!
//! ```text
//! begin ─ Started ─▶ steps ─▶ accept_offer, set_phone, send_code, confirm_phone, answer, card …
//!                      ▲                                                           │
//!                      └───────────── Unfinished(steps) ◀── try_finish ◀───────────┘
//!                                                              └─▶ Completed
//! ```

use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;
use tillway_core::loyalty::{Identifier, Pin};

use super::error::ApiError;
use super::json::{Node, Object, Unlike, nodes};
use super::session::Session;
use super::token::Token;
use super::words::{Call, Name, Words};

/// How a registration begins.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// A phone or a card.
    pub login: Identifier,
    /// A password, where the programme asks for one at once.
    pub password: Option<SecretString>,
    /// The code on the card, where there is one.
    pub cvc: Option<Pin>,
    /// The phone is not called; a message brings the code.
    pub without_call: bool,
}

/// What became of the beginning.
#[derive(Clone, Debug)]
pub enum Begun {
    /// The steps may be done now.
    Started(Registration),
    /// Login, password or the card's code are wrong. Ask for them again.
    InvalidLogin,
    /// The programme asks for a password at once. Ask for it, and begin again.
    PasswordRequired,
    /// Too many tries. Later, or by an operator.
    Blocked,
    /// The client is registered already: nothing is to be done, points can be earned.
    AlreadyCompleted,
}

impl Begun {
    /// What the cashier is told.
    pub fn for_cashier(&self) -> &'static str {
        match self {
            Self::Started(_) => "Регистрация начата.",
            Self::InvalidLogin => "Номер или код карты неверны. Проверьте и повторите.",
            Self::PasswordRequired => "Нужен пароль. Попросите клиента придумать пароль.",
            Self::Blocked => "Слишком много попыток. Повторите позже.",
            Self::AlreadyCompleted => "Клиент уже зарегистрирован.",
        }
    }
}

impl Session {
    /// Begins a registration, in the application's name. A repeat goes on with the one that was
    /// begun.
    ///
    /// # Errors
    /// [`ApiError`]. After a lost answer call it again.
    pub async fn begin_registration(&self, newcomer: &Newcomer) -> Result<Begun, ApiError> {
        let mut body = self.object();
        body.text(Name::Login, &newcomer.login.value);
        body.text_some(Name::Password, newcomer.password.as_ref().map(|it| it.expose_secret()));
        body.text_some(Name::CvcCode, newcomer.cvc.as_ref().map(Pin::expose));
        body.flag(Name::WithoutCall, newcomer.without_call);
        let call = (Call::BeginRegistration, &[][..]);
        let started = self.call(call, &[], Some(body.end()), started).await?;
        let begun = match started {
            Started::Yes { token, person } => {
                let session = self.api().session_with(Token::given(&token)?);
                Begun::Started(Registration { session, person: Person(person), by_operator: false })
            }
            Started::No(begun) => begun,
        };
        Ok(begun)
    }

    /// The registration of a client that an operator goes on with. The session is the operator's.
    pub fn registration_of(&self, person: Person) -> Registration {
        Registration { session: self.clone(), person, by_operator: true }
    }
}

/// The number of a client at the processing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Person(pub Box<str>);

enum Started {
    Yes { token: Box<str>, person: Box<str> },
    No(Begun),
}

fn started(words: &Words, data: Option<&RawValue>) -> Result<Started, Unlike> {
    let data = data.ok_or(Unlike(Name::Data.usual()))?;
    let node = Node::of(words, data, Name::Data)?;
    let state = node.text(Name::State)?.unwrap_or_default();
    let is = |name: Name| words.name(name).eq_ignore_ascii_case(&state);
    if is(Name::StateSuccess) {
        let token = node.text(Name::Token)?.ok_or(Unlike(Name::Token.usual()))?;
        let person = node.text(Name::PersonId)?.ok_or(Unlike(Name::PersonId.usual()))?;
        return Ok(Started::Yes { token, person });
    }
    let others = [
        (Name::InvalidLoginPassword, Begun::InvalidLogin),
        (Name::PasswordRequired, Begun::PasswordRequired),
        (Name::RegistrationBlocked, Begun::Blocked),
        (Name::RegistrationAlreadyCompleted, Begun::AlreadyCompleted),
    ];
    let found = others.into_iter().find(|(name, _)| is(*name));
    found.map(|(_, begun)| Started::No(begun)).ok_or(Unlike(Name::State.usual()))
}

/// A registration that was begun. Steps are done in any order; each may be repeated.
#[derive(Clone, Debug)]
pub struct Registration {
    session: Session,
    person: Person,
    by_operator: bool,
}

/// What is to be done before a client is registered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What.
    pub kind: StepKind,
    /// The registration cannot be finished without it.
    pub required: bool,
    /// It is done.
    pub done: bool,
}

/// The kind of a step.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StepKind {
    /// Accept the rules: [`Registration::accept_offer`].
    AcceptOffer,
    /// Name the phone and confirm it: [`Registration::set_phone`], [`Registration::send_code`],
    /// [`Registration::confirm_phone`].
    Phone,
    /// Answer questions: [`Registration::answer`].
    Questions,
    /// Attach a card: [`Registration::attach_card`].
    AttachCard,
    /// Take a card of any kind: [`Registration::virtual_card`] or [`Registration::attach_card`].
    AssignCard,
    /// Name the email.
    Email,
    /// Choose a password: [`Registration::set_password`].
    Password,
    /// Change or reset it.
    ChangePassword,
    /// Be shown a text.
    ShowMessage,
    /// Allow messages.
    Subscriptions,
    /// Another one, in the server's word.
    Other(Box<str>),
}

impl StepKind {
    /// What the cashier is told to do.
    pub fn for_cashier(&self) -> &'static str {
        match self {
            Self::AcceptOffer => "Клиент принимает правила программы",
            Self::Phone => "Подтвердите телефон кодом из СМС",
            Self::Questions => "Заполните анкету",
            Self::AttachCard => "Привяжите карту",
            Self::AssignCard => "Выдайте карту или виртуальную карту",
            Self::Email => "Укажите электронную почту",
            Self::Password => "Клиент придумывает пароль",
            Self::ChangePassword => "Клиент меняет пароль",
            Self::ShowMessage => "Покажите клиенту сообщение",
            Self::Subscriptions => "Клиент соглашается на рассылку",
            Self::Other(_) => "Шаг выполняется в личном кабинете",
        }
    }
}

/// What became of the end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Finished {
    /// The client is registered and can earn at once.
    Completed,
    /// These steps are missing.
    Unfinished(Vec<Step>),
}

/// An answer to a question of the programme.
#[derive(Clone, Eq, PartialEq)]
pub struct Answered {
    /// Its number.
    pub question: i64,
    /// The number of its group.
    pub group: i64,
    /// What was said, for a free answer. Personal: its `Debug` does not show it.
    pub value: Box<str>,
    /// The numbers of chosen answers.
    pub fixed: Vec<i64>,
    /// The programme's own mark of the question.
    pub tag: Option<Box<str>>,
}

impl core::fmt::Debug for Answered {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Answered").field("question", &self.question).finish_non_exhaustive()
    }
}

impl Registration {
    /// Who is registered.
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// The session of the client who is registered, or of the operator.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Which steps there are. An operator has no such list: [`Registration::try_finish`] names
    /// what is missing.
    ///
    /// # Errors
    /// [`ApiError`], as of every method here; each may be called again after any of them.
    pub async fn steps(&self) -> Result<Vec<Step>, ApiError> {
        let call = (Call::RegistrationActions, &[][..]);
        self.session.call(call, &[], None, |words, data| steps(words, data, Name::Actions)).await
    }

    /// The client has accepted the rules.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn accept_offer(&self) -> Result<(), ApiError> {
        self.tell(Call::AcceptTenderOffer, Call::AcceptTenderOfferOf, None).await
    }

    /// The client's phone.
    ///
    /// # Errors
    /// [`ApiError`]: it may belong to another client.
    pub async fn set_phone(&self, phone: &Identifier) -> Result<(), ApiError> {
        let mut body = self.session.object();
        body.text(Name::PhoneNumber, &phone.value);
        self.tell(Call::SetPhone, Call::SetPhoneOf, Some(body)).await
    }

    /// Sends the code to the phone. A repeat sends another one, and only that counts.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn send_code(&self) -> Result<(), ApiError> {
        self.tell(Call::SendConfirmCode, Call::SendConfirmCodeOf, None).await
    }

    /// The code that came to the phone, with a password where the programme wants one.
    ///
    /// # Errors
    /// [`ApiError::Refused`]: a wrong code. Ask again, or send another.
    pub async fn confirm_phone(
        &self,
        code: &Pin,
        password: Option<&SecretString>,
    ) -> Result<(), ApiError> {
        let mut body = self.session.object();
        body.text(Name::ConfirmCode, code.expose());
        body.text_some(Name::Password, password.map(|password| password.expose_secret()));
        self.tell(Call::ConfirmPhone, Call::ConfirmPhoneOf, Some(body)).await
    }

    /// Answers to questions.
    ///
    /// # Errors
    /// [`ApiError::Invalid`] names those that the programme does not take.
    pub async fn answer(&self, answers: &[Answered]) -> Result<(), ApiError> {
        let words = self.session.words();
        let all: Vec<String> = answers.iter().map(|one| answered(words, one)).collect();
        let body = format!("[{}]", all.join(","));
        self.tell_text(Call::Answers, Call::AnswersOf, Some(body)).await
    }

    /// A card of the client's, by its number and the code on it.
    ///
    /// # Errors
    /// [`ApiError::Refused`]: it is not known, belongs to somebody, or the code is wrong.
    pub async fn attach_card(&self, number: &str, cvc: Option<&Pin>) -> Result<(), ApiError> {
        let body = card(self.session.object(), number, cvc);
        self.tell(Call::SetCard, Call::SetCardOf, Some(body)).await
    }

    /// A virtual card. Only in the client's own name.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn virtual_card(&self) -> Result<(), ApiError> {
        self.session.tell(Call::EmitVirtual, &[], None).await
    }

    /// The client's password. Only in the client's own name.
    ///
    /// # Errors
    /// [`ApiError::Invalid`]: not one that the programme takes.
    pub async fn set_password(&self, password: &SecretString) -> Result<(), ApiError> {
        let mut body = self.session.object();
        body.text(Name::Password, password.expose_secret());
        self.session.tell(Call::SetPassword, &[], Some(body.end())).await
    }

    /// Ends the registration, if all that is required is done. A repeat answers the same.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn try_finish(&self) -> Result<Finished, ApiError> {
        if !self.by_operator {
            return self.session.call((Call::TryFinish, &[]), &[], None, finished).await;
        }
        let mut body = self.session.object();
        body.text(Name::PersonId, &self.person.0);
        self.session.call((Call::TryFinishOf, &[]), &[], Some(body.end()), finished).await
    }

    async fn tell(&self, own: Call, of: Call, body: Option<Object<'_>>) -> Result<(), ApiError> {
        self.tell_text(own, of, body.map(Object::end)).await
    }

    async fn tell_text(&self, own: Call, of: Call, body: Option<String>) -> Result<(), ApiError> {
        let person: [&str; 1] = [&self.person.0];
        let (call, arguments) = if self.by_operator { (of, &person[..]) } else { (own, &[][..]) };
        self.session.tell(call, arguments, body).await
    }
}

pub(super) fn card<'w>(mut body: Object<'w>, number: &str, cvc: Option<&Pin>) -> Object<'w> {
    body.text(Name::CardNumber, number);
    body.text_some(Name::CvcCode, cvc.map(Pin::expose));
    body
}

fn answered(words: &Words, answer: &Answered) -> String {
    let mut object = Object::new(words);
    object.number(Name::QuestionId, answer.question);
    object.number(Name::QuestionGroupId, answer.group);
    object.text(Name::Value, &answer.value);
    object.list(Name::FixedAnswerIds, &answer.fixed, ToString::to_string);
    object.text_some(Name::Tag, answer.tag.as_deref());
    object.end()
}

fn finished(words: &Words, data: Option<&RawValue>) -> Result<Finished, Unlike> {
    let node = Node::of(words, data.ok_or(Unlike(Name::Data.usual()))?, Name::Data)?;
    let missing = Unlike(Name::RegistrationCompleted.usual());
    if node.flag(Name::RegistrationCompleted)?.ok_or(missing)? {
        return Ok(Finished::Completed);
    }
    let steps = node.nodes(Name::UncompletedActions)?;
    Ok(Finished::Unfinished(steps.iter().map(|node| step(words, node)).collect::<Result<_, _>>()?))
}

/// A list, bare or under this name.
fn steps(words: &Words, data: Option<&RawValue>, name: Name) -> Result<Vec<Step>, Unlike> {
    let data = data.ok_or(Unlike(Name::Data.usual()))?;
    let list = if data.get().starts_with('[') {
        nodes(words, data, name)?
    } else {
        Node::of(words, data, Name::Data)?.nodes(name)?
    };
    list.iter().map(|node| step(words, node)).collect()
}

fn step(words: &Words, node: &Node<'_>) -> Result<Step, Unlike> {
    let word = node.text(Name::UserActionType)?.ok_or(Unlike(Name::UserActionType.usual()))?;
    let state = node.text(Name::ActionState)?.unwrap_or_default();
    Ok(Step {
        kind: kind(words, &word),
        required: state.eq_ignore_ascii_case(words.name(Name::Required)),
        done: node.flag(Name::IsDone)?.unwrap_or_default(),
    })
}

fn kind(words: &Words, word: &str) -> StepKind {
    let kinds = [
        (Name::AcceptTenderOffer, StepKind::AcceptOffer),
        (Name::ChangePhone, StepKind::Phone),
        (Name::Questions, StepKind::Questions),
        (Name::AttachCard, StepKind::AttachCard),
        (Name::AssignCard, StepKind::AssignCard),
        (Name::ChangeEmail, StepKind::Email),
        (Name::PasswordRequired, StepKind::Password),
        (Name::ChangePassword, StepKind::ChangePassword),
        (Name::ResetPassword, StepKind::ChangePassword),
        (Name::ShowMessage, StepKind::ShowMessage),
        (Name::AcceptSubscriptionsConfirm, StepKind::Subscriptions),
    ];
    let found = kinds.into_iter().find(|(name, _)| words.name(*name).eq_ignore_ascii_case(word));
    found.map_or_else(|| StepKind::Other(word.into()), |(_, kind)| kind)
}
