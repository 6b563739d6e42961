//! The driver's errors: what each number means, and whether a document may exist all the same.
//!
//! Numbers and texts are the driver's (ATOL note 8); cause and trace are ours.

use tillway_core::port::fiscal::{Cause, RegisterError};

/// What is known of one number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Code {
    /// The driver's number.
    pub number: i32,
    /// The driver's text, shortened.
    pub text: &'static str,
    /// What kind of trouble it is.
    pub cause: Cause,
    /// Whether a document may be in the memory although the call failed.
    pub trace: Trace,
}

/// Whether a call that failed may have written a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trace {
    /// Nothing was written.
    Never,
    /// A JSON task wrote nothing; a command of the low level may have.
    BelowJson,
    /// It may be written: read the memory before anything else.
    Maybe,
}

/// How the register was driven.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// By a JSON task, which asks the register itself whether the document was closed.
    Json,
    /// By single commands.
    LowLevel,
}

/// What is known of a number; `None` for one that nobody has described.
pub fn code(number: i32) -> Option<&'static Code> {
    CODES.iter().find(|code| code.number == number)
}

/// Whether a call that failed with this number may have written a document. Yes for numbers that
/// nobody has described.
pub fn may_be_written(number: i32, way: Way) -> bool {
    match code(number).map(|code| code.trace) {
        Some(Trace::Never) => false,
        Some(Trace::BelowJson) => way == Way::LowLevel,
        Some(Trace::Maybe) => true,
        None => !MARKING.contains(&number),
    }
}

/// An error of the driver in the words of the port. An empty `text` becomes that of the table.
pub fn error(number: i32, text: &str) -> RegisterError {
    let known = code(number);
    let cause = match known {
        Some(known) => known.cause,
        None if MARKING.contains(&number) => Cause::Marking,
        None => Cause::Unknown,
    };
    let text = tidy(text);
    let text = if text.is_empty() { known.map_or("", |known| known.text).into() } else { text };
    RegisterError { cause, code: Some(number), text }
}

/// A peer's text on one line, and no longer than a person reads.
pub(crate) fn tidy(text: &str) -> Box<str> {
    let mut tidy = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        tidy.push_str(word);
    }
    match tidy.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => tidy[..end].trim_end().into(),
        None => tidy.into(),
    }
}

const TEXT_CHARS_MAX: usize = 200;

/// The family of marking codes.
const MARKING: core::ops::RangeInclusive<i32> = 401..=426;

/// Every number that the note describes, in order.
pub const CODES: &[Code] = &[
    never(1, Cause::Link, "Соединение не установлено"),
    maybe(2, Cause::Link, "Нет связи"),
    never(3, Cause::Setup, "Порт занят"),
    maybe(4, Cause::Link, "Порт недоступен"),
    never(9, Cause::Setup, "Некорректные настройки"),
    never(10, Cause::Setup, "Драйвер не настроен"),
    never(11, Cause::Unsupported, "Не поддерживается в данной версии"),
    never(12, Cause::Unsupported, "Не поддерживается в данном режиме"),
    never(13, Cause::BadTask, "Некорректное значение параметра"),
    maybe(15, Cause::Unknown, "Неизвестная ошибка"),
    maybe(32, Cause::Interrupted, "Отчет о закрытии смены прерван"),
    never(34, Cause::Service, "Вход в режим заблокирован"),
    never(35, Cause::Clock, "Проверьте дату и время"),
    never(36, Cause::Clock, "Дата и время меньше, чем в ФН"),
    below(44, Cause::Paper, "Нет бумаги"),
    below(45, Cause::Paper, "Открыта крышка"),
    below(46, Cause::Printer, "Нет связи с принтером чеков"),
    below(47, Cause::Printer, "Механическая ошибка печатающего устройства"),
    never(52, Cause::BadReceipt, "Сумма безналичных оплат превышает сумму чека"),
    never(53, Cause::Money, "Накопление меньше суммы возврата или аннулирования"),
    never(55, Cause::Busy, "Предыдущая операция не завершена"),
    never(60, Cause::Setup, "Неверный вид оплаты"),
    never(66, Cause::BadReceipt, "Чек оплачен не полностью"),
    never(68, Cause::ShiftExpired, "Смена превысила 24 часа"),
    never(73, Cause::ShiftClosed, "Операция невозможна в закрытой смене"),
    never(80, Cause::Money, "В ККТ нет денег для выплаты"),
    never(81, Cause::NoReceipt, "Документ закрыт"),
    never(82, Cause::ReceiptOpen, "Документ открыт"),
    never(83, Cause::ShiftOpen, "Операция невозможна в открытой смене"),
    never(89, Cause::Setup, "ККТ не зарегистрирована"),
    never(94, Cause::Setup, "Некорректная лицензия"),
    never(96, Cause::Setup, "Запрещено лицензией"),
    maybe(104, Cause::Service, "Внутренняя ошибка обмена с фискальным модулем"),
    maybe(105, Cause::Service, "Требуется техническое обслуживание"),
    maybe(114, Cause::Printer, "Перегрев головки принтера"),
    maybe(115, Cause::Service, "Ошибка обмена с ФН"),
    maybe(116, Cause::Service, "Неверный формат обмена с ФН"),
    maybe(117, Cause::Service, "Неверное состояние ФН"),
    never(118, Cause::Memory, "Неисправимая ошибка ФН"),
    never(119, Cause::Memory, "Ошибка криптографии ФН"),
    never(120, Cause::Memory, "Истек срок действия ФН"),
    never(121, Cause::Memory, "Архив ФН переполнен"),
    never(122, Cause::Clock, "Неверные дата и время в ФН"),
    never(123, Cause::BadTask, "В ФН отсутствуют запрошенные данные"),
    never(124, Cause::Memory, "Итог чека превышает счетчики ФН"),
    never(136, Cause::Memory, "Исчерпан ресурс криптографии ФН"),
    never(137, Cause::Memory, "Исчерпан ресурс хранения ФН"),
    never(139, Cause::Unsent, "В ФН есть неотправленные документы"),
    never(140, Cause::Unsent, "Исчерпан ресурс ожидания передачи данных в ФН"),
    never(141, Cause::ShiftExpired, "Продолжительность смены ФН более 24 часов"),
    never(142, Cause::Clock, "Время ФН отличается от времени ККТ"),
    never(143, Cause::Setup, "Некорректная СНО"),
    never(144, Cause::Setup, "Недопустимый номер ставки налога"),
    below(150, Cause::Printer, "Ошибка отрезчика"),
    maybe(151, Cause::Interrupted, "Снятие отчета прервалось"),
    maybe(159, Cause::Service, "Ошибка интерфейса ФН"),
    never(161, Cause::BadReceipt, "Нет обязательного реквизита"),
    maybe(165, Cause::Service, "Неисправимая ошибка ККТ"),
    maybe(166, Cause::Service, "ФН не обнаружен"),
    never(168, Cause::BadReceipt, "Реквизит недопустим в этом документе"),
    never(169, Cause::BadReceipt, "Некорректное сочетание реквизитов"),
    never(172, Cause::Setup, "Кассир не зарегистрирован"),
    maybe(173, Cause::Interrupted, "Отчет о регистрации прерван"),
    maybe(174, Cause::Interrupted, "Отчет о закрытии ФН прерван"),
    maybe(175, Cause::Interrupted, "Отчет об открытии смены прерван"),
    maybe(176, Cause::Interrupted, "Отчет о состоянии обмена с ОФД прерван"),
    maybe(177, Cause::Interrupted, "Формирование документа прервано"),
    never(178, Cause::Busy, "Чтение документа из ФН прервано"),
    never(188, Cause::Service, "Требуется перезагрузка"),
    never(189, Cause::Setup, "Отсутствует лицензия"),
    never(195, Cause::BadReceipt, "Обязательный реквизит не задан"),
    never(196, Cause::Setup, "Ошибка регистрации кассира"),
    never(203, Cause::ReceiptOpen, "Документ необходимо отменить"),
    never(215, Cause::BadReceipt, "Некорректное сочетание реквизитов"),
    never(216, Cause::BadReceipt, "Некорректное значение реквизита"),
    never(217, Cause::BadReceipt, "Реквизит не поддерживается"),
    never(219, Cause::BadReceipt, "В чеке ставки разных лет"),
    never(227, Cause::BadReceipt, "Неверный итог чека"),
    maybe(241, Cause::Link, "Соединение с ККТ потеряно"),
    never(249, Cause::Cancelled, "Документ был отменен"),
    never(277, Cause::Setup, "Нет связи с сервисом печати"),
    never(500, Cause::Service, "Внутренняя ошибка веб-сервера"),
    never(501, Cause::BadTask, "Ошибка парсинга запроса"),
    never(502, Cause::Cancelled, "Выполнение прервано из-за предыдущих ошибок"),
    maybe(503, Cause::Service, "Ошибка скрипта драйвера"),
    never(504, Cause::Unsupported, "Функция проверки не найдена"),
    maybe(505, Cause::Unknown, "Ошибка веб-сервера"),
    never(601, Cause::Setup, "Удаленное подключение: нет связи с сервером"),
    never(602, Cause::Setup, "Удаленное подключение: ошибка сервера"),
    never(603, Cause::Setup, "Удаленное подключение: неверный ответ"),
];

const fn never(number: i32, cause: Cause, text: &'static str) -> Code {
    Code { number, text, cause, trace: Trace::Never }
}

const fn below(number: i32, cause: Cause, text: &'static str) -> Code {
    Code { number, text, cause, trace: Trace::BelowJson }
}

const fn maybe(number: i32, cause: Cause, text: &'static str) -> Code {
    Code { number, text, cause, trace: Trace::Maybe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_and_texts_are_there() {
        for pair in CODES.windows(2) {
            assert!(pair[0].number < pair[1].number, "{}", pair[1].number);
        }
        assert!(CODES.iter().all(|code| !code.text.is_empty()));
    }

    #[test]
    fn the_table_of_the_note() {
        use Trace::{BelowJson, Maybe, Never};
        let rows: &[(&[i32], Trace)] = &[
            (&[1, 3, 9, 10, 11, 12, 13, 34, 35, 36, 52, 53, 55, 60, 66, 68, 73, 80, 81, 82], Never),
            (&[83, 89, 94, 96, 189, 118, 119, 120, 136, 137, 121, 124, 122, 142, 139, 140], Never),
            (&[141, 143, 144, 172, 196, 188, 203, 219, 227, 249, 277, 501, 502], Never),
            (&[2, 4, 15, 32, 104, 105, 114, 115, 116, 117, 151, 159, 166, 173, 174, 175], Maybe),
            (&[176, 177, 241, 503], Maybe),
            (&[44, 45, 46, 47, 150], BelowJson),
        ];
        for (numbers, trace) in rows {
            for number in *numbers {
                assert_eq!(code(*number).map(|code| code.trace), Some(*trace), "{number}");
            }
        }
        assert!(may_be_written(44, Way::LowLevel) && !may_be_written(44, Way::Json));
        assert!(may_be_written(1234, Way::Json), "nobody knows what a user's script did");
        assert!(!may_be_written(420, Way::Json));
    }

    #[test]
    fn errors_are_told_in_words() {
        assert_eq!(
            error(68, "").to_string(),
            "the shift is older than 24 hours: 68 Смена превысила 24 часа"
        );
        assert_eq!(error(406, "отказ").cause, Cause::Marking);
        assert_eq!(error(7_777, "").cause, Cause::Unknown);
        let long = format!("a\r\n\tb {}", "ё".repeat(500));
        let text = error(15, &long).text;
        assert!(text.starts_with("a b ё") && text.chars().count() == 200, "{text}");
    }
}
