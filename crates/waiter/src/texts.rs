//! What waiters and cashiers read: one catalogue by code.

use std::collections::BTreeMap;

use tillway_core::AccountKind;

/// The texts shown to waiters and cashiers, by code. Russian by default; each can be replaced.
///
/// `{limit}` stands for an amount and `{type}` for a payment type, where the default text has it.
///
/// ```
/// use tillway_waiter::Texts;
///
/// let texts = Texts::default().with("unknown_card", "Карта не найдена. Позовите менеджера")?;
/// assert_eq!(texts.text("unknown_card"), "Карта не найдена. Позовите менеджера");
/// assert_eq!(texts.text("bad_pin"), "Неверный пин-код официанта");
/// # Ok::<(), tillway_waiter::UnknownText>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Texts {
    replaced: BTreeMap<&'static str, Box<str>>,
}

/// The code, and what is said unless the integrator says otherwise.
const RUSSIAN: &[(&str, &str)] = &[
    // Check-in and check-out.
    ("empty_value", "Ничего не считано. Приложите карту ещё раз"),
    ("bad_value", "Считанное не похоже на карту"),
    ("unknown_card", "Карта не зарегистрирована"),
    ("card_blocked", "Карта заблокирована"),
    ("card_expired", "Срок действия карты истёк или ещё не начался"),
    ("token_expired", "Код устарел. Попросите гостя показать новый"),
    ("token_used", "Код уже использован. Попросите гостя показать новый"),
    ("token_invalid", "Код не распознан. Попросите гостя показать новый"),
    ("ambiguous", "По этому номеру найдено несколько гостей. Нужна карта"),
    ("too_many_attempts", "Слишком много неудачных попыток. Подождите минуту"),
    ("other_guest", "К заказу уже привязан другой гость"),
    ("bad_pin", "Неверный пин-код официанта"),
    ("order_busy", "Заказ редактируется на кассе. Закройте его там и повторите"),
    ("order_closed", "Заказ уже закрыт"),
    ("order_not_found", "Касса не нашла этот заказ"),
    ("till_unreachable", "Касса не отвечает. Гость не привязан, повторите"),
    ("till_told_later", "Гость отвязан. Касса не отвечает и узнает об этом позже"),
    ("no_guest", "К заказу не привязан гость"),
    ("has_payment", "По заказу есть оплата. Сначала отмените её"),
    ("wrong_till", "Заказ открыт на другой кассе"),
    ("unavailable", "Сервис лояльности недоступен"),
    // What the waiter's screen says besides.
    ("overdraft", "Овердрафт подключён"),
    // Faults of the protocol.
    ("value_required", "Не передано значение карты"),
    ("bad_order_id", "Неверный идентификатор заказа"),
    ("bad_id", "Неверный идентификатор"),
    ("bad_json", "Запрос не разобран"),
    ("unsupported_type", "Запрос должен быть в формате JSON"),
    ("too_large", "Запрос слишком большой"),
    ("timed_out", "Запрос не пришёл целиком вовремя"),
    // Payments.
    ("insufficient_funds", "Недостаточно средств: доступно {limit}"),
    ("mixed_money_accounts", "Кредит и депозит нельзя использовать в одном заказе"),
    ("over_total", "Сумма оплат больше суммы заказа"),
    ("transaction_cancelled", "Эта оплата отменена. Добавьте новую"),
    ("already_refunded", "По этой оплате уже был возврат"),
    ("refund_exceeds", "Возврат больше остатка оплаты: можно вернуть {limit}"),
    ("refund_sequence", "По этой оплате только что был другой возврат"),
    ("binding_changed", "Гость заказа изменился. Удалите оплату и добавьте её заново"),
    ("wrong_payment_type", "Этот тип оплаты не подходит. Выберите «{type}»"),
    ("unknown_payment_type", "Тип оплаты не настроен"),
    ("exceeds_reservation", "Сумма больше зарезервированной: {limit}"),
    ("hold_exists", "По этому счёту уже есть резерв"),
    ("reservation_voided", "Резерв отменён"),
    ("already_captured", "Резерв уже стал оплатой"),
    ("weak_identification", "Гость определён только по телефону. Считайте карту"),
    ("account_blocked", "Счёт заблокирован"),
    ("unknown_wallet", "У гостя нет такого счёта"),
    ("unknown_transaction", "Такой оплаты нет"),
    ("unknown_reservation", "Такого резерва нет"),
    ("bad_amount", "Неверная сумма"),
    ("amount_out_of_range", "Сумма вне допустимых пределов: можно до {limit}"),
    ("bad_currency", "Возможна только оплата в рублях"),
    ("order_required", "Для возврата нужен заказ"),
    ("field_required", "В запросе не хватает обязательного поля"),
    ("idempotency_conflict", "Этот номер уже занят другой операцией"),
    ("in_progress", "Операция ещё выполняется. Повторите"),
    ("processing_timeout", "Программа лояльности не ответила. Баллы не списаны"),
    ("clock_in_doubt", "Часы сервера под сомнением. Позовите администратора"),
    ("refused", "Операция отклонена"),
    ("bad_token", "Касса не настроена"),
    ("too_many", "Слишком много обращений. Подождите"),
    ("command_expired", "Команда больше не нужна"),
    // The slip.
    ("slip_available", "Доступно"),
    ("kind_bonus", "Бонусы"),
    ("kind_deposit", "Депозит"),
    ("kind_credit", "Кредит"),
];

impl Texts {
    /// The catalogue with another text for this code.
    ///
    /// # Errors
    /// [`UnknownText`] when no text has this code; [`Texts::codes`] lists them.
    pub fn with(mut self, code: &str, text: &str) -> Result<Self, UnknownText> {
        let known = RUSSIAN.iter().find(|(known, _)| *known == code);
        let (code, _) = known.ok_or_else(|| UnknownText { code: code.into() })?;
        self.replaced.insert(code, text.into());
        Ok(self)
    }

    /// The text of a code; that of `refused` when there is no such code.
    pub fn text(&self, code: &str) -> &str {
        if let Some(text) = self.replaced.get(code) {
            return text;
        }
        let find = |code: &str| RUSSIAN.iter().find(|(known, _)| *known == code);
        find(code).or_else(|| find("refused")).map_or("", |(_, text)| text)
    }

    /// All codes that have a text.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        RUSSIAN.iter().map(|(code, _)| *code)
    }

    /// What an account of this kind is called where it has no name of its own.
    pub(crate) fn kind(&self, kind: AccountKind) -> &str {
        self.text(match kind {
            AccountKind::Bonus => "kind_bonus",
            AccountKind::Deposit => "kind_deposit",
            AccountKind::Credit => "kind_credit",
        })
    }
}

/// There is no text with this code.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no text has the code {code:?}")]
pub struct UnknownText {
    /// The code that was asked for.
    pub code: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_text_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for (code, text) in RUSSIAN {
            assert!(seen.insert(code), "{code} twice");
            assert!(!text.is_empty() && !text.ends_with('.'), "{code}");
        }
        assert_eq!(Texts::codes().count(), RUSSIAN.len());
    }

    #[test]
    fn texts_are_replaced_by_code() {
        let texts = Texts::default().with("bad_pin", "Нет").unwrap();
        assert_eq!(texts.text("bad_pin"), "Нет");
        assert_eq!(texts.text("no_such_code"), "Операция отклонена");
        let unknown = Texts::default().with("no_such_code", "?").unwrap_err();
        assert_eq!(unknown.to_string(), "no text has the code \"no_such_code\"");
    }
}
