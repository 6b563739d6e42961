//! Why a call of the Public API brought nothing.

use tillway_core::pan::Masked;

use super::json::Unlike;

/// Why a call brought nothing. None of it shows a token, a password, a phone or a card.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The request never left. Try again later.
    #[error("the public api is not reached: {0}")]
    Unreached(Box<str>),
    /// No answer came, or half of one: what was asked may have been done. Read how it is now.
    #[error("the answer of the public api is lost: {0}")]
    Lost(Box<str>),
    /// The application, its till or its rights are set up wrong. Call a person.
    #[error("the public api does not let the application do this: {0}")]
    Denied(Box<str>),
    /// Nobody is known by what was shown.
    #[error("the guest is not known")]
    UnknownGuest,
    /// Login and password do not belong together, or the session has ended. Log in again.
    #[error("login or password is wrong, or the session has ended")]
    LoginRefused,
    /// The server answered no; its own code and words. Show the words.
    #[error("the public api refuses: {code} {text}")]
    Refused {
        /// Its code, or the state when it has none.
        code: Box<str>,
        /// Its words, at most 500 characters.
        text: Masked,
    },
    /// The server does not like fields of the request. Ask for them again.
    #[error("the public api refuses fields: {}", listed(.0))]
    Invalid(Vec<FieldFault>),
    /// The server broke down; what was asked may have been done.
    #[error("the public api broke down: {0}")]
    Broken(Box<str>),
    /// The answer cannot be read; what was asked may have been done. The name of what is wrong.
    #[error("the answer of the public api cannot be read: {0}")]
    Unreadable(&'static str),
}

/// A field that the server does not like.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldFault {
    /// Its name.
    pub field: Box<str>,
    /// The server's words.
    pub text: Masked,
}

fn listed(faults: &[FieldFault]) -> String {
    let shown: Vec<String> =
        faults.iter().map(|fault| format!("{}: {}", fault.field, fault.text)).collect();
    shown.join("; ")
}

impl ApiError {
    /// Whether what was asked may have been done nevertheless.
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Broken(_) | Self::Unreadable(_))
    }

    /// Whether the same call may fare better later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreached(_) | Self::Lost(_) | Self::Broken(_))
    }

    /// What a cashier is told. The server's own words, where it has some, say more.
    pub fn for_cashier(&self) -> String {
        match self {
            Self::Unreached(_) => "Нет связи с программой лояльности. Повторите позже.".into(),
            Self::Lost(_) | Self::Broken(_) | Self::Unreadable(_) => {
                "Ответ программы лояльности не получен. Проверьте результат и повторите.".into()
            }
            Self::Denied(_) => "Касса не настроена в программе лояльности. Позовите \
                                администратора."
                .into(),
            Self::UnknownGuest => "Клиент не найден.".into(),
            Self::LoginRefused => "Неверный логин или пароль.".into(),
            Self::Refused { text, .. } if !text.as_str().is_empty() => text.as_str().to_owned(),
            Self::Refused { .. } => "Программа лояльности отказала.".into(),
            Self::Invalid(faults) => {
                let words: Vec<&str> = faults.iter().map(|fault| fault.text.as_str()).collect();
                format!("Проверьте данные. {}", words.join(" ")).trim_end().to_owned()
            }
        }
    }
}

impl From<Unlike> for ApiError {
    fn from(unlike: Unlike) -> Self {
        Self::Unreadable(unlike.0)
    }
}

/// The server's words as they may be shown and logged: 10 digits or more, whatever stands between
/// them, are a phone or a card, and only the last two stay.
pub(super) fn said(text: &str) -> Masked {
    let mut masked: Vec<char> = text.trim().chars().take(WORDS_CHARS_MAX).collect();
    let mut at = 0_usize;
    while at < masked.len() {
        let rest = masked.get(at..).unwrap_or_default();
        let run = rest.iter().take_while(|c| c.is_ascii_digit() || BETWEEN.contains(c)).count();
        let end = at.saturating_add(run);
        let span = masked.get_mut(at..end).unwrap_or_default();
        let digits = span.iter().filter(|c| c.is_ascii_digit()).count();
        if digits >= DIGITS_MIN {
            let hidden = digits.saturating_sub(2);
            span.iter_mut().filter(|c| c.is_ascii_digit()).take(hidden).for_each(|c| *c = '*');
        }
        at = end.saturating_add(1);
    }
    Masked::new(&masked.into_iter().collect::<String>())
}

const WORDS_CHARS_MAX: usize = 500;
const DIGITS_MIN: usize = 10;
const BETWEEN: [char; 6] = [' ', '+', '(', ')', '-', '\u{a0}'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_and_cards_are_not_said() {
        let rows = [
            ("Телефон 79990000001 занят", "Телефон *********01 занят"),
            ("+7 (999) 000-00-01", "+* (***) ***-**-01"),
            ("карта 2990000000019", "карта ***********19"),
            ("Баланс 1 000 000.00", "Баланс 1 000 000.00"),
            ("код 123456", "код 123456"),
        ];
        for (text, shown) in rows {
            assert_eq!(said(text).as_str(), shown);
        }
        assert_eq!(said(&"я".repeat(900)).as_str().chars().count(), 500);
    }

    #[test]
    fn what_it_means_for_the_caller() {
        let field = FieldFault {
            field: "login".into(), text: Masked::new("Укажите телефон.")
        };
        let refused =
            ApiError::Refused { code: "WrongCode".into(), text: Masked::new("Неверно") };
        let rows = [
            (ApiError::Unreached("".into()), false, true),
            (ApiError::Lost("".into()), true, true),
            (ApiError::Broken("".into()), true, true),
            (ApiError::Unreadable("data"), true, false),
            (ApiError::Denied("".into()), false, false),
            (ApiError::UnknownGuest, false, false),
            (ApiError::LoginRefused, false, false),
            (refused.clone(), false, false),
            (ApiError::Invalid(vec![field.clone()]), false, false),
        ];
        for (error, doubt, temporary) in rows {
            assert_eq!((error.is_in_doubt(), error.is_temporary()), (doubt, temporary), "{error}");
            assert!(!error.for_cashier().is_empty());
        }
        assert_eq!(refused.for_cashier(), "Неверно");
        let told = ApiError::Invalid(vec![field]).for_cashier();
        assert_eq!(told, "Проверьте данные. Укажите телефон.");
    }
}
