//! The thirty rows of the specification.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use tillway::core::port::processing::Level;

use super::check::Check;
use super::place::Place;
use super::{beyond, cheque, coupons, guests, messages, offline, refund, signature};

/// A row: a function of a till that takes part in a programme.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its number in the specification.
    pub number: u32,
    /// The lowest level that has it.
    pub level: Level,
    /// What it is.
    pub name: &'static str,
    pub(super) tried: Tried,
}

/// How a row is tried.
pub(super) type Tried = for<'a> fn(&'a Place) -> Pin<Box<dyn Future<Output = Check> + Send + 'a>>;

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("number", &self.number).finish_non_exhaustive()
    }
}

macro_rules! rows {
    ($($number:literal $level:ident $name:literal $tried:path,)*) => {
        /// All of them, in order.
        pub const ROWS: &[Row] = &[$(
            Row {
                number: $number,
                level: Level::$level,
                name: $name,
                tried: |place| Box::pin($tried(place)),
            },
        )*];
    };
}

rows! {
    1 Minimum "Карта по штрихкоду" guests::card_barcode,
    2 Middle "Карта по магнитной полосе" guests::stripe,
    3 Middle "Клиент по телефону" guests::phone,
    4 Maximum "Клиент по QR-коду" guests::qr,
    5 Maximum "Карты по маскам" guests::masks,
    6 Middle "Чек без карты" guests::no_card,
    7 Middle "Купон по штрихкоду" coupons::barcode,
    8 Maximum "Купон по магнитной полосе" coupons::stripe,
    9 Maximum "Купон по QR-коду" coupons::qr,
    10 Middle "Купон вместе с картой" coupons::with_card,
    11 Middle "Печать купона штрихкодом" coupons::printed_barcode,
    12 Maximum "Печать купона QR-кодом" coupons::printed_qr,
    13 Minimum "Товар по коду и штрихкоду" cheque::goods,
    14 Middle "Признак акционности" cheque::promo,
    15 Middle "Минимально возможная цена" cheque::price_min,
    16 Minimum "Баланс" guests::balance,
    17 Minimum "Доступная сумма списания" cheque::available,
    18 Middle "Передача локальных скидок" cheque::local_discount,
    19 Minimum "Прямые скидки" cheque::direct_discount,
    20 Minimum "Возврат через процессинг" refund::refund,
    21 Minimum "Сообщения кассиру" messages::cashier,
    22 Minimum "Сообщения на чеке" messages::receipt,
    23 Minimum "Слип кассы и слип сервера" messages::slip,
    24 Minimum "Электронная подпись" signature::signatures,
    25 Middle "Работа без связи" offline::offline,
    26 Maximum "Выкуп интернет-заказа" beyond::pickup,
    27 Maximum "Любимые товары на кассе" beyond::favourites,
    28 Maximum "Регистрация на кассе" beyond::registration,
    29 Maximum "Выдача карты" beyond::issue,
    30 Maximum "Замена карты" beyond::replace,
}

/// A level in Russian.
pub(super) fn named(level: Level) -> &'static str {
    match level {
        Level::Minimum => "минимальный",
        Level::Middle => "средний",
        Level::Maximum => "максимальный",
    }
}

pub(super) fn short(level: Level) -> &'static str {
    match level {
        Level::Minimum => "мин",
        Level::Middle => "сред",
        Level::Maximum => "макс",
    }
}
