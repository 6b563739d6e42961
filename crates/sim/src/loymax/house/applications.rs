//! Who may speak the Public API: applications, operators, and the tokens of both and of guests.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tillway_core::Timestamp;

use super::{ClientId, FavouriteSet, Key, KeyKind, Message, Newcomer, Program, Store};

/// How many tokens, and how many codes, are remembered; those that end first are forgotten.
const TOKENS_MAX: usize = 10_000;

/// What only the Public API knows.
#[derive(Clone, Debug, Default)]
pub struct Public {
    /// Applications, by id.
    pub applications: BTreeMap<String, Application>,
    /// Operators: logins and passwords.
    pub operators: BTreeMap<String, SecretString>,
    /// Passwords of guests.
    pub passwords: BTreeMap<ClientId, SecretString>,
    /// How long things live.
    pub lives: Lives,
    /// What a registration asks for.
    pub program: Program,
    /// Registrations that were begun.
    pub newcomers: BTreeMap<ClientId, Newcomer>,
    /// The codes printed on cards, by number.
    pub cvc: BTreeMap<String, SecretString>,
    /// What was sent to phones, in order; old ones are forgotten.
    pub messages: Vec<Message>,
    /// Sets of favourite goods, by number.
    pub favourites: BTreeMap<u64, FavouriteSet>,
    tokens: BTreeMap<String, Given>,
    refresh: BTreeMap<String, Given>,
    codes: BTreeMap<String, Given>,
    made: u64,
}

impl Public {
    /// For the house of the stand: the trusted application `till-app` with the secret `demo`, bound
    /// to TILL-0007, and `shop-app`, bound to TILL-0008; the operator `operator` and guest 1 have
    /// the password `demo-password`; the card …26 has the code 123; set 1 of favourite goods has
    /// three cells, the third of which cannot be changed.
    pub fn demo() -> Self {
        let application = |till: &str, redirect: &str| Application {
            secret: Some("demo".into()),
            redirect: redirect.to_owned(),
            till: till.to_owned(),
            trusted: true,
        };
        let set = FavouriteSet {
            from: "2026-01-01".to_owned(),
            until: "2026-12-31".to_owned(),
            cells: 3,
            cells_max: 5,
            choices: ["SKU-1001", "SKU-1002", "SKU-1003"].map(str::to_owned).into(),
            locked: [3].into(),
            ..FavouriteSet::default()
        };
        Self {
            applications: [
                ("till-app".to_owned(), application("TILL-0007", "app://till")),
                ("shop-app".to_owned(), application("TILL-0008", "app://shop")),
            ]
            .into(),
            operators: [("operator".to_owned(), "demo-password".into())].into(),
            passwords: [(ClientId(1), "demo-password".into())].into(),
            cvc: [("2990000000026".to_owned(), "123".into())].into(),
            favourites: [(1, set)].into(),
            ..Self::default()
        }
    }
}

/// How long things live.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lives {
    /// A token.
    pub token: Duration,
    /// What renews it.
    pub refresh: Duration,
    /// A code that a token is given for.
    pub code: Duration,
}

impl Default for Lives {
    fn default() -> Self {
        let hour = Duration::from_secs(3_600);
        Self { token: hour, refresh: hour * 24, code: Duration::from_secs(60) }
    }
}

/// An application, bound to a till.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its secret, when it has one.
    pub secret: Option<SecretString>,
    /// Where codes are sent to.
    pub redirect: String,
    /// The login of its till.
    pub till: String,
    /// It may ask for the codes of guests who stand at the till.
    pub trusted: bool,
}

/// In whose name a call is made, and by which application.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bearer {
    /// The application's id.
    pub application: String,
    /// Whose token it is.
    pub who: Who,
}

/// Whose a token is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Who {
    /// Nobody's but the application's.
    Application,
    /// A guest's, registered or about to be.
    Guest(ClientId),
    /// An operator's.
    Operator,
}

#[derive(Clone, Debug)]
struct Given {
    bearer: Bearer,
    until: Timestamp,
}

/// What a token is asked for with.
#[derive(Clone, Debug)]
pub enum Grant {
    /// Nothing.
    Anonymous,
    /// A login and its password.
    Password(SecretString, SecretString),
    /// A code.
    Code(SecretString),
    /// What renews a token.
    Refresh(SecretString),
}

/// A token that was given.
#[derive(Clone, Debug)]
pub struct GivenToken {
    /// The token.
    pub access: SecretString,
    /// What renews it.
    pub refresh: SecretString,
    /// How long it lives.
    pub life: Duration,
}

/// Why no token was given, in the words of OAuth 2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoToken {
    /// `invalid_client`
    Client,
    /// `invalid_grant`
    Grant,
    /// `unauthorized_client`
    Unauthorized,
}

impl Store {
    /// Gives a token. A code, and what renews a token, are good once.
    ///
    /// # Errors
    /// Why not.
    pub fn give_token(
        &mut self,
        application: &str,
        secret: Option<&str>,
        redirect: Option<&str>,
        grant: &Grant,
    ) -> Result<GivenToken, NoToken> {
        let known = self.public.applications.get(application).ok_or(NoToken::Client)?;
        let wanted = known.secret.as_ref().map(|secret| secret.expose_secret());
        if wanted.is_some() && wanted != secret {
            return Err(NoToken::Client);
        }
        let bearer = match grant {
            Grant::Anonymous => {
                Bearer { application: application.to_owned(), who: Who::Application }
            }
            Grant::Password(login, password) => {
                let who = self.who(login.expose_secret(), password.expose_secret());
                let who = who.ok_or(NoToken::Grant)?;
                Bearer { application: application.to_owned(), who }
            }
            Grant::Code(code) => {
                if redirect != Some(known.redirect.as_str()) {
                    return Err(NoToken::Grant);
                }
                self.once(application, true, code.expose_secret())?
            }
            Grant::Refresh(refresh) => self.once(application, false, refresh.expose_secret())?,
        };
        Ok(self.token_of(&bearer))
    }

    /// A token for this bearer, without asking anything.
    pub fn token_of(&mut self, bearer: &Bearer) -> GivenToken {
        let (access, refresh) = (self.fresh("token"), self.fresh("refresh"));
        let (now, lives) = (self.now, self.public.lives);
        let given = |life| Given { bearer: bearer.clone(), until: now.after(life) };
        keep(&mut self.public.tokens, access.clone(), given(lives.token));
        keep(&mut self.public.refresh, refresh.clone(), given(lives.refresh));
        GivenToken { access: access.into(), refresh: refresh.into(), life: lives.token }
    }

    /// The code of the guest whom a trusted application names by a phone or a card.
    ///
    /// # Errors
    /// [`NoToken::Unauthorized`] for another application, [`NoToken::Grant`] for nobody known.
    pub fn give_code(&mut self, application: &str, shown: &str) -> Result<String, NoToken> {
        let known = self.public.applications.get(application).ok_or(NoToken::Client)?;
        if !known.trusted {
            return Err(NoToken::Unauthorized);
        }
        let key = Key { kind: KeyKind::Auto, value: shown.to_owned() };
        let found = self.identify(&key, None).map_err(|_| NoToken::Grant)?;
        let code = self.fresh("code");
        let bearer = Bearer { application: application.to_owned(), who: Who::Guest(found.client) };
        let until = self.now.after(self.public.lives.code);
        keep(&mut self.public.codes, code.clone(), Given { bearer, until });
        Ok(code)
    }

    /// Whose a token is, while it lives.
    pub fn bearer(&self, token: &str) -> Option<Bearer> {
        let given = self.public.tokens.get(token)?;
        (self.now < given.until).then(|| given.bearer.clone())
    }

    /// The id of an operation that an operator does without a till.
    pub fn operator_operation(&mut self) -> String {
        self.fresh("operation").chars().take(32).collect()
    }

    /// Forgets every token that was given; what renews them stays.
    pub fn forget_tokens(&mut self) {
        self.public.tokens.clear();
    }

    /// Takes a code, or what renews a token, which is good once.
    fn once(&mut self, application: &str, code: bool, text: &str) -> Result<Bearer, NoToken> {
        let kept = if code { &mut self.public.codes } else { &mut self.public.refresh };
        let given = kept.remove(text).ok_or(NoToken::Grant)?;
        let good = self.now < given.until && given.bearer.application == application;
        if good { Ok(given.bearer) } else { Err(NoToken::Grant) }
    }

    /// An operator, or a registered guest by phone or card.
    fn who(&self, login: &str, password: &str) -> Option<Who> {
        let same = |known: &SecretString| known.expose_secret() == password;
        if let Some(known) = self.public.operators.get(login) {
            return same(known).then_some(Who::Operator);
        }
        let card = self.cards.get(login).and_then(|card| card.owner);
        let client = self.guest_of_phone(login).or(card)?;
        let guest = self.guests.get(&client).filter(|guest| guest.registered && !guest.blocked);
        let known = self.public.passwords.get(&client).filter(|known| same(known));
        guest.and(known).map(|_| Who::Guest(client))
    }

    /// A text that was never given before.
    fn fresh(&mut self, what: &str) -> String {
        self.public.made = self.public.made.saturating_add(1);
        let digest = Sha256::digest(format!("{what}:{}:{}", self.public.made, self.now.utc_ms));
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn keep(kept: &mut BTreeMap<String, Given>, text: String, given: Given) {
    if kept.len() >= TOKENS_MAX {
        let first = kept.iter().min_by_key(|(_, given)| given.until.utc_ms);
        if let Some(first) = first.map(|(text, _)| text.clone()) {
            kept.remove(&first);
        }
    }
    kept.insert(text, given);
}
