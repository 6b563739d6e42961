//! What the driver says when something is wrong: numbers and Russian texts (ATOL note 8).

use std::fmt;

/// A refusal of the register, as the driver numbers it.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Code(pub i32);

macro_rules! codes {
    ($($name:ident = $number:literal $text:literal,)*) => {
        #[expect(missing_docs, reason = "the text beside each number says what it is")]
        impl Code {
            $(pub const $name: Self = Self($number);)*

            /// The driver's text.
            pub fn text(self) -> &'static str {
                match self.0 {
                    $($number => $text,)*
                    _ => "Неизвестная ошибка",
                }
            }
        }

        /// The name of the constant.
        impl fmt::Debug for Code {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    $($number => write!(f, "{} {}", $number, stringify!($name)),)*
                    other => write!(f, "{other}"),
                }
            }
        }
    };
}

codes! {
    CONNECTION_DISABLED = 1 "Соединение не установлено",
    NO_CONNECTION = 2 "Нет связи",
    PORT_BUSY = 3 "Порт занят",
    PORT_NOT_AVAILABLE = 4 "Порт недоступен",
    NOT_SUPPORTED = 11 "Не поддерживается в данной версии",
    INVALID_MODE = 12 "Не поддерживается в данном режиме",
    INVALID_PARAM = 13 "Некорректное значение параметра",
    UNKNOWN = 15 "Неизвестная ошибка",
    CLOSE_SHIFT_INTERRUPTED = 32 "Отчет о закрытии смены прерван",
    CHECK_DATE_TIME = 35 "Проверьте дату и время",
    NO_PAPER = 44 "Нет бумаги",
    COVER_OPENED = 45 "Открыта крышка",
    PRINTER_FAULT = 46 "Нет связи с принтером чеков",
    MECHANICAL_FAULT = 47 "Механическая ошибка печатающего устройства",
    NONCASH_TOO_MUCH = 52 "Сумма безналичных оплат превышает сумму чека",
    RETURN_DENIED = 53 "Накопление меньше суммы возврата или аннулирования",
    BUSY = 55 "Предыдущая операция не завершена",
    INVALID_PAYMENT_TYPE = 60 "Неверный вид оплаты",
    NOT_FULLY_PAID = 66 "Чек оплачен не полностью",
    SHIFT_EXPIRED = 68 "Смена превысила 24 часа",
    DENIED_IN_CLOSED_SHIFT = 73 "Операция невозможна в закрытой смене",
    NO_CASH = 80 "В ККТ нет денег для выплаты",
    DENIED_IN_CLOSED_RECEIPT = 81 "Документ закрыт",
    DENIED_IN_OPENED_RECEIPT = 82 "Документ открыт",
    DENIED_IN_OPENED_SHIFT = 83 "Операция невозможна в открытой смене",
    NOT_REGISTERED = 89 "ККТ не зарегистрирована",
    PRINTER_OVERHEAT = 114 "Перегрев головки принтера",
    FN_EXCHANGE = 115 "Ошибка обмена с ФН",
    FN_FAULT = 118 "Неисправимая ошибка ФН",
    FN_EXPIRED = 120 "Истек срок действия ФН",
    FN_OVERFLOW = 121 "Архив ФН переполнен",
    FN_NO_MORE_DATA = 123 "В ФН отсутствуют запрошенные данные",
    FN_TIMEOUT = 140 "Исчерпан ресурс ожидания передачи данных в ФН",
    FN_SHIFT_EXPIRED = 141 "Продолжительность смены ФН более 24 часов",
    INVALID_TAXATION_TYPE = 143 "Некорректная СНО",
    INVALID_TAX_TYPE = 144 "Недопустимый номер ставки налога",
    REPORT_INTERRUPTED = 151 "Снятие отчета прервалось",
    FN_NOT_FOUND = 166 "ФН не обнаружен",
    OPEN_SHIFT_INTERRUPTED = 175 "Отчет об открытии смены прерван",
    EXCHANGE_REPORT_INTERRUPTED = 176 "Отчет о состоянии обмена с ОФД прерван",
    CLOSE_RECEIPT_INTERRUPTED = 177 "Формирование документа прервано",
    FN_QUERY_INTERRUPTED = 178 "Чтение документа из ФН прервано",
    NEED_CANCEL_DOCUMENT = 203 "Документ необходимо отменить",
    INVALID_TOTAL = 227 "Неверный итог чека",
    CONNECTION_LOST = 241 "Соединение с ККТ потеряно",
    DOCUMENT_CANCELED = 249 "Документ был отменен",
    NO_MARKING_SERVER = 402 "Нет связи с сервером проверки КМ",
    MARKING_DENIED = 406 "Проверка КМ не пройдена",
    MARK_NOT_CHECKED = 420 "КМ не проверен",
    PARSE_ERROR = 501 "Ошибка парсинга запроса",
    INTERRUPTED_BY_PREVIOUS_ERRORS = 502 "Выполнение прервано из-за предыдущих ошибок",
    DRIVER_SCRIPT_ERROR = 503 "Ошибка скрипта драйвера",
    VALIDATE_FUNC_NOT_FOUND = 504 "Функция проверки не найдена",
    WEB_FAIL = 505 "Ошибка веб-сервера",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.text())
    }
}

impl std::error::Error for Code {}
