//! The way to the Public API: one call at a time, with a token that lives.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{Either, select};
use futures::lock::Mutex;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use secrecy::SecretString;
use serde_json::value::RawValue;
use tillway_core::loyalty::Identifier;
use tillway_core::port::Clock;
use tillway_transport::{HttpTransport, RequestLimits, TransportError};

use super::config::{Config, ConfigError};
use super::envelope;
use super::error::ApiError;
use super::json::{Object, Unlike};
use super::token::{self, Asked, Form, Grant, Token};
use super::words::{Call, Name, Words};
use crate::wire::ANSWER_BYTES_MAX;

/// The Public API of one installation, for one till. Cheap to clone; clones share its line: calls
/// wait for one another, as the processing wants it of a till.
#[derive(Clone)]
pub struct PublicApi(Arc<Line>);

struct Line {
    config: Config,
    http: Arc<dyn HttpTransport>,
    clock: Arc<dyn Clock>,
    turn: Mutex<()>,
}

impl PublicApi {
    /// A client with this configuration. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ConfigError`], as [`Config::check`] gives it.
    pub fn try_new(
        config: Config,
        http: Arc<dyn HttpTransport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self(Arc::new(Line { config, http, clock, turn: Mutex::new(()) })))
    }

    /// A session for this grant. Its token is asked for by the first call.
    pub fn session(&self, grant: Grant) -> Session {
        Session::begun(self.clone(), State { grant: Some(grant), token: None })
    }

    /// A session that has a token and nothing to ask for another with.
    pub(super) fn session_with(&self, token: Token) -> Session {
        Session::begun(self.clone(), State { grant: None, token: Some(token) })
    }

    pub(super) fn words(&self) -> &Words {
        &self.0.config.words
    }

    async fn exchange(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, ApiError> {
        let waits = self.0.config.waits;
        let late = self.0.clock.sleep(waits.turn);
        let _turn = match select(self.0.turn.lock(), late).await {
            Either::Left((turn, _)) => turn,
            Either::Right(_) => {
                return Err(ApiError::Unreached("other calls have not ended".into()));
            }
        };
        RequestLimits {
            connect_timeout: waits.connect,
            answer_timeout: waits.answer,
            answer_bytes_max: ANSWER_BYTES_MAX,
        }
        .attach(&mut request);
        let bound = waits.connect.saturating_add(waits.answer);
        let (sent, late) = (pin!(self.0.http.send(request)), self.0.clock.sleep(bound));
        match select(sent, late).await {
            Either::Left((Ok(answer), _)) => Ok(answer),
            Either::Left((Err(error), _)) => Err(unheard(&error)),
            Either::Right(_) => Err(ApiError::Lost("time is over".into())),
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Request<Bytes>, ApiError> {
        let mut request = Request::new(Bytes::from(body));
        let uri = format!("{}{path}", self.0.config.address).parse();
        *request.uri_mut() = uri.map_err(|_| ApiError::Unreached("the path is too long".into()))?;
        *request.method_mut() = method;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(ACCEPT, json.clone());
        if !request.body().is_empty() {
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        Ok(request)
    }

    async fn token(&self, asked: &Asked<'_>) -> Result<Token, ApiError> {
        let config = &self.0.config;
        let mut request =
            self.request(Method::POST, &config.token_path, token::form(config, asked))?;
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, form);
        let asked_at = self.0.clock.ticks();
        let answer = self.exchange(request).await?;
        token::read(&config.words, answer.status(), answer.body(), asked_at)
    }

    /// The code of a client who is known by a phone or a card: for trusted applications.
    async fn code_of(&self, guest: &Identifier) -> Result<SecretString, ApiError> {
        let config = &self.0.config;
        let words = &config.words;
        let mut query = Form::new();
        query.put(words, Name::ClientId, &config.application.id);
        query.put(words, Name::ResponseType, words.name(Name::FormCode));
        query.put(words, Name::RedirectUri, &config.application.redirect);
        let path = format!("{}?{}", config.authorize_path, query.text());
        let mut request = self.request(Method::GET, &path, String::new())?;
        let name = HeaderName::from_bytes(words.name(Name::XIdentifier).as_bytes());
        let value = HeaderValue::from_str(&guest.value);
        let (Ok(name), Ok(mut value)) = (name, value) else { return Err(ApiError::UnknownGuest) };
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
        let answer = self.exchange(request).await?;
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        token::code(words, answer.status(), location, answer.body())
    }
}

fn unheard(error: &TransportError) -> ApiError {
    let text = error.cause().to_string().into();
    if error.is_in_doubt() { ApiError::Lost(text) } else { ApiError::Unreached(text) }
}

impl fmt::Debug for PublicApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicApi").field("address", &self.0.config.address).finish_non_exhaustive()
    }
}

/// What is done in somebody's name: a client's, an operator's, the application's own. Cheap to
/// clone; clones share the token.
///
/// The token is kept secret, renewed before it ends, and asked for anew once when the server no
/// longer knows it. Such a refusal means that nothing was done, so the call is sent once more.
#[derive(Clone)]
pub struct Session {
    api: PublicApi,
    state: Arc<Mutex<State>>,
}

struct State {
    grant: Option<Grant>,
    token: Option<Token>,
}

impl Session {
    fn begun(api: PublicApi, state: State) -> Self {
        Self { api, state: Arc::new(Mutex::new(state)) }
    }

    /// The API it belongs to.
    pub fn api(&self) -> &PublicApi {
        &self.api
    }

    pub(super) fn words(&self) -> &Words {
        self.api.words()
    }

    pub(super) fn object(&self) -> Object<'_> {
        Object::new(self.words())
    }

    /// Asks for the token now, if there is none that lives: whoever wants to know whether a login
    /// is right before anything else is done.
    ///
    /// # Errors
    /// [`ApiError::LoginRefused`], [`ApiError::UnknownGuest`], or why none can be had.
    pub async fn open(&self) -> Result<(), ApiError> {
        self.bearer(None).await.map(drop)
    }

    /// A token that lives; another one than `refused`.
    async fn bearer(&self, refused: Option<&HeaderValue>) -> Result<HeaderValue, ApiError> {
        let mut state = self.state.lock().await;
        let renew = self.api.0.config.waits.renew;
        if let Some(token) = &state.token {
            let bearer = token.bearer()?;
            let known = refused.is_none_or(|refused| *refused != bearer);
            if known && token.lives(self.api.0.clock.ticks(), renew) {
                return Ok(bearer);
            }
        }
        let token = self.renewed(&mut state).await?;
        let bearer = token.bearer()?;
        state.token = Some(token);
        Ok(bearer)
    }

    async fn renewed(&self, state: &mut State) -> Result<Token, ApiError> {
        let refresh = state.token.as_ref().and_then(|token| token.refresh.clone());
        if let Some(refresh) = refresh {
            match self.api.token(&Asked::Refresh(&refresh)).await {
                Ok(mut token) => {
                    // A server that gives no other goes on taking the old one.
                    token.refresh = token.refresh.or(Some(refresh));
                    return Ok(token);
                }
                Err(ApiError::LoginRefused | ApiError::Denied(_)) => {}
                Err(error) => return Err(error),
            }
        }
        // Neither a refused token nor its refresh token is of use any more.
        state.token = None;
        let once = matches!(state.grant, Some(Grant::Code(_)));
        let grant = if once { state.grant.take() } else { state.grant.clone() };
        match grant {
            None => Err(ApiError::LoginRefused),
            Some(Grant::Application) => self.api.token(&Asked::Application).await,
            Some(Grant::Password { username, password }) => {
                self.api.token(&Asked::Password(&username, &password)).await
            }
            Some(Grant::Code(code)) => {
                let given = self.api.token(&Asked::Code(&code)).await;
                if matches!(given, Err(ApiError::Unreached(_))) {
                    state.grant = Some(Grant::Code(code));
                }
                given
            }
            Some(Grant::Guest(guest)) => {
                let code = self.api.code_of(&guest).await?;
                self.api.token(&Asked::Code(&code)).await
            }
        }
    }

    /// Sends a request with a token that lives, and answers with what came.
    pub(super) async fn send(
        &self,
        method: &Method,
        path: &str,
        body: &str,
    ) -> Result<(StatusCode, Bytes), ApiError> {
        let path = format!("{}{path}", self.api.0.config.base);
        let mut refused = None;
        for _ in 0..2 {
            let bearer = self.bearer(refused.as_ref()).await.map_err(not_begun)?;
            let mut request = self.api.request(method.clone(), &path, body.to_owned())?;
            request.headers_mut().insert(AUTHORIZATION, bearer.clone());
            let (parts, body) = self.api.exchange(request).await?.into_parts();
            if parts.status != StatusCode::UNAUTHORIZED {
                return Ok((parts.status, body));
            }
            refused = Some(bearer);
        }
        Err(ApiError::Denied("HTTP 401".into()))
    }

    /// Makes a call; `read` takes the data of its answer.
    pub(super) async fn call<T>(
        &self,
        (call, arguments): (Call, &[&str]),
        query: &[(Name, String)],
        body: Option<String>,
        read: impl FnOnce(&Words, Option<&RawValue>) -> Result<T, Unlike> + Send,
    ) -> Result<T, ApiError> {
        let words = self.words();
        let (method, mut path) = words.place(call, arguments);
        let mut form = Form::new();
        query.iter().for_each(|(name, value)| form.put(words, *name, value));
        let query = form.text();
        if !query.is_empty() {
            path = format!("{path}?{query}");
        }
        let (status, answer) = self.send(&method, &path, &body.unwrap_or_default()).await?;
        let data = envelope::data(words, status, &answer)?;
        Ok(read(words, data)?)
    }

    /// A call whose answer has nothing to read.
    pub(super) async fn tell(
        &self,
        call: Call,
        arguments: &[&str],
        body: Option<String>,
    ) -> Result<(), ApiError> {
        self.call((call, arguments), &[], body, |_, _| Ok(())).await
    }
}

/// Without a token the call itself was never sent, whatever became of the question for the token.
fn not_begun(error: ApiError) -> ApiError {
    if error.is_in_doubt() {
        ApiError::Unreached(format!("no token: {error}").into())
    } else {
        error
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("api", &self.api).finish_non_exhaustive()
    }
}
