//! Tokens: what is asked for one, and when it ends.

use core::time::Duration;

use http::StatusCode;
use http::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tillway_core::loyalty::Identifier;

use super::config::Config;
use super::error::ApiError;
use super::json::Node;
use super::words::{Name, Words, encoded};

/// What a token is given for. Its `Debug` shows nobody.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Grant {
    /// The application itself, without a client: `anonymous`.
    Application,
    /// A client or an operator who logs in.
    Password {
        /// The login: a phone, a card, a name.
        username: SecretString,
        /// The password.
        password: SecretString,
    },
    /// A code that a client gave the application. It is good once; then the session lives by its
    /// refresh token.
    Code(SecretString),
    /// A client who stands at the till and is known by this phone or card: a trusted application
    /// asks for the code itself.
    Guest(Identifier),
}

/// A token in use.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) access: SecretString,
    pub(super) refresh: Option<SecretString>,
    /// By the clock's ticks; `None` when the server did not say.
    pub(super) until: Option<Duration>,
}

impl Token {
    /// A token that was given without saying how long it lives.
    pub(super) fn given(access: &str) -> Result<Self, ApiError> {
        let token = Self { access: access.into(), refresh: None, until: None };
        token.bearer().map(|_| token)
    }

    /// Whether it still lives that long.
    pub(super) fn lives(&self, now: Duration, renew: Duration) -> bool {
        self.until.is_none_or(|until| now.saturating_add(renew) < until)
    }

    pub(super) fn bearer(&self) -> Result<HeaderValue, ApiError> {
        let text = format!("Bearer {}", self.access.expose_secret());
        let unreadable = ApiError::Unreadable(Name::AccessToken.usual());
        let mut value = HeaderValue::from_str(&text).map_err(|_| unreadable)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The form of a token request.
pub(super) struct Form(String);

impl Form {
    pub(super) fn new() -> Self {
        Self(String::new())
    }

    pub(super) fn put(&mut self, words: &Words, name: Name, value: &str) {
        let join = if self.0.is_empty() { "" } else { "&" };
        self.0.push_str(&format!("{join}{}={}", encoded(words.name(name)), encoded(value)));
    }

    pub(super) fn text(self) -> String {
        self.0
    }
}

/// The form that asks for a token. A guest's code is asked for first and comes here as a code.
pub(super) fn form(config: &Config, asked: &Asked<'_>) -> String {
    let words = &config.words;
    let mut form = Form::new();
    let grant = match asked {
        Asked::Application => Name::GrantAnonymous,
        Asked::Password(..) => Name::GrantPassword,
        Asked::Code(_) => Name::GrantCode,
        Asked::Refresh(_) => Name::GrantRefresh,
    };
    form.put(words, Name::GrantType, words.name(grant));
    form.put(words, Name::ClientId, &config.application.id);
    if let Some(secret) = &config.application.secret {
        form.put(words, Name::ClientSecret, secret.expose_secret());
    }
    match asked {
        Asked::Application => {}
        Asked::Password(username, password) => {
            form.put(words, Name::Username, username.expose_secret());
            form.put(words, Name::FormPassword, password.expose_secret());
        }
        Asked::Code(code) => {
            form.put(words, Name::RedirectUri, &config.application.redirect);
            form.put(words, Name::FormCode, code.expose_secret());
        }
        Asked::Refresh(refresh) => form.put(words, Name::RefreshToken, refresh.expose_secret()),
    }
    form.text()
}

/// What a token request shows.
pub(super) enum Asked<'a> {
    Application,
    Password(&'a SecretString, &'a SecretString),
    Code(&'a SecretString),
    Refresh(&'a SecretString),
}

/// Reads the answer to a token request that was sent at `asked_at`.
pub(super) fn read(
    words: &Words,
    status: StatusCode,
    body: &[u8],
    asked_at: Duration,
) -> Result<Token, ApiError> {
    let http = || format!("HTTP {}", status.as_u16());
    let Ok(root) = Node::parse(words, body) else {
        return Err(match status {
            _ if status.is_success() => ApiError::Unreadable("an object"),
            _ if status.is_server_error() => ApiError::Broken(http().into()),
            _ => ApiError::Denied(http().into()),
        });
    };
    if !status.is_success() {
        let error = root.text(Name::Error).ok().flatten().unwrap_or_default();
        return Err(match error.as_ref() {
            _ if status.is_server_error() => ApiError::Broken(http().into()),
            "invalid_grant" => ApiError::LoginRefused,
            _ => ApiError::Denied(format!("{} {}", http(), super::error::said(&error)).into()),
        });
    }
    let access = root.text(Name::AccessToken)?;
    let access = access.ok_or(ApiError::Unreadable(Name::AccessToken.usual()))?;
    let seconds = root.integer(Name::ExpiresIn)?.map(|seconds| u64::try_from(seconds).ok());
    let lives = seconds.map(|seconds| seconds.ok_or(ApiError::Unreadable("expires_in")));
    let until = lives.transpose()?.map(|lives| asked_at.saturating_add(Duration::from_secs(lives)));
    let refresh = root.text(Name::RefreshToken)?.map(|text| SecretString::from(text.as_ref()));
    Ok(Token { until, refresh, ..Token::given(&access)? })
}

/// The code in the answer of a trusted application's question: in the address it is sent to, or in
/// the body.
pub(super) fn code(
    words: &Words,
    status: StatusCode,
    location: Option<&str>,
    body: &[u8],
) -> Result<SecretString, ApiError> {
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Err(ApiError::Denied(format!("HTTP {}", status.as_u16()).into()));
    }
    if status.is_client_error() {
        return Err(ApiError::UnknownGuest);
    }
    if status.is_server_error() {
        return Err(ApiError::Broken(format!("HTTP {}", status.as_u16()).into()));
    }
    let found = match location {
        Some(location) => parameter(location, words.name(Name::FormCode)),
        None => Node::parse(words, body)
            .ok()
            .and_then(|root| root.text(Name::FormCode).ok().flatten())
            .map(String::from),
    };
    let found = found.filter(|code| !code.is_empty());
    found.map(SecretString::from).ok_or(ApiError::Unreadable(Name::FormCode.usual()))
}

/// A parameter of an address.
fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let query = query.split('#').next()?;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    decoded(pairs.into_iter().find(|(key, _)| *key == name)?.1)
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (hex, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(core::str::from_utf8(hex).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_secs(100);

    fn token(status: u16, body: &str) -> Result<Token, ApiError> {
        read(&Words::default(), StatusCode::from_u16(status).unwrap(), body.as_bytes(), AT)
    }

    #[test]
    fn a_token_ends_when_the_server_says() {
        let renew = Duration::from_secs(30);
        let given = r#"{"access_token":"abc","expires_in":60,"refresh_token":"r"}"#;
        let given = token(200, given).unwrap();
        assert_eq!(given.until, Some(Duration::from_secs(160)));
        assert!(given.lives(Duration::from_secs(129), renew));
        assert!(!given.lives(Duration::from_secs(130), renew));
        assert_eq!(given.bearer().unwrap(), "Bearer abc");
        let forever = token(200, r#"{"access_token":"abc"}"#).unwrap();
        assert!(forever.lives(Duration::MAX, renew));
        let shown = format!("{given:?} {:?}", given.bearer());
        assert!(!shown.contains("abc"), "{shown}");
    }

    #[test]
    fn every_other_answer_is_an_error() {
        let rows = [
            (200, "{}", ApiError::Unreadable("access_token")),
            (200, r#"{"access_token":""}"#, ApiError::Unreadable("access_token")),
            (200, "{\"access_token\":\"a\\u0001b\"}", ApiError::Unreadable("access_token")),
            (200, r#"{"access_token":"a","expires_in":-1}"#, ApiError::Unreadable("expires_in")),
            (200, r#"{"access_token":"a","expires_in":"x"}"#, ApiError::Unreadable("expires_in")),
            (200, "<html/>", ApiError::Unreadable("an object")),
            (400, r#"{"error":"invalid_grant"}"#, ApiError::LoginRefused),
            (
                400,
                r#"{"error":"invalid_client"}"#,
                ApiError::Denied("HTTP 400 invalid_client".into()),
            ),
            (401, "", ApiError::Denied("HTTP 401".into())),
            (502, "<html/>", ApiError::Broken("HTTP 502".into())),
            (503, r#"{"error":"invalid_grant"}"#, ApiError::Broken("HTTP 503".into())),
        ];
        for (status, body, error) in rows {
            assert_eq!(token(status, body).err(), Some(error), "{status} {body}");
        }
    }

    #[test]
    fn a_code_is_found_in_the_address_or_in_the_body() {
        let found = |status, location, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            let code = code(&Words::default(), status, location, body.as_bytes());
            code.map(|code| code.expose_secret().to_owned())
        };
        assert_eq!(found(302, Some("app://till?state=1&code=a%2Bb#x"), ""), Ok("a+b".into()));
        assert_eq!(found(200, None, r#"{"code":"c"}"#), Ok("c".into()));
        let none = Err(ApiError::Unreadable("code"));
        for location in ["app://till", "app://till?code=", "app://till?code=%4", "a?code=%zz"] {
            assert_eq!(found(302, Some(location), ""), none.clone(), "{location}");
        }
        assert_eq!(found(200, None, "<html/>"), none);
        assert_eq!(found(404, None, ""), Err(ApiError::UnknownGuest));
        assert_eq!(found(401, None, ""), Err(ApiError::Denied("HTTP 401".into())));
        assert_eq!(found(500, None, ""), Err(ApiError::Broken("HTTP 500".into())));
    }
}
