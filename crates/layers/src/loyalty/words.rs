//! What a cashier reads.

use tillway_core::flow::purchase::Trouble;
use tillway_core::port::processing::{Class, Kind};

use super::{Letter, Reason, Without};

impl Without {
    /// For the cashier, in Russian: why the sale goes on without it, in a sentence or two.
    pub fn text(&self) -> String {
        let why = reason(self.reason);
        match &self.said {
            // A rule of the programme is in the processing's own words.
            Some(said) if shows_words(self.reason) && !said.as_str().is_empty() => {
                format!("{why}: {}", said.as_str())
            }
            _ => why.to_owned(),
        }
    }
}

impl Letter {
    /// For the list that a person works through, in Russian.
    pub fn text(&self) -> String {
        match &self.why {
            Trouble::Undecided => {
                "Не известно, чем закончилась покупка: баллы остаются в резерве".to_owned()
            }
            Trouble::Refused { kind, refusal } => {
                let (what, code) = (message(*kind), &refusal.code);
                format!("Процессинг отклонил {what} ({code}): {}", refusal.text.as_str())
            }
        }
    }
}

fn shows_words(reason: Reason) -> bool {
    matches!(reason, Reason::Refused(Class::Rule | Class::NoPoints | Class::Coupon | Class::Other))
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Offline => "Нет связи с программой лояльности. Продажа без скидок и баллов",
        Reason::NoAnswer => "Программа лояльности не ответила. Продажа без скидок и баллов",
        Reason::Slow => "Программа лояльности отвечает слишком долго. Продажа идёт без неё",
        Reason::Journal => "Журнал кассы недоступен. Продажа без программы лояльности",
        Reason::Message => "Чек не удалось передать программе лояльности. Продажа идёт без неё",
        Reason::State => "Сейчас это невозможно: покупка уже оформлена иначе",
        Reason::Pins => "ПИН-код введён неверно три раза. Оплата баллами недоступна",
        Reason::Refused(class) => refused(class),
    }
}

fn refused(class: Class) -> &'static str {
    match class {
        Class::Settings => {
            "Касса неверно настроена в программе лояльности. Сообщите администратору"
        }
        Class::UnknownGuest => "Карта не найдена. Продажа без карты",
        Class::TooMuch => "Столько баллов списать нельзя. Уточните доступную сумму",
        Class::CardBlocked => "Карта заблокирована. Предъявите другую карту или телефон",
        Class::AccrualOnly => "Карта не активирована: баллы начисляются, но не списываются",
        Class::WrongPin => "Неверный ПИН-код. Введите ещё раз",
        Class::OtherCheque => "Чек изменился. Рассчитайте скидку заново",
        Class::AlreadyPaid => "Баллы по этому чеку уже списаны",
        Class::NoPoints => "Баллы сейчас не списываются",
        Class::Coupon => "Купон не принят. Продажа без купона",
        Class::Round => "Списать можно только круглую сумму баллов",
        Class::Rule => "Отказ программы лояльности",
        Class::WrongTill => "Покупка открыта на другой кассе",
        Class::Confirmed => "Покупка уже завершена",
        Class::Cancelled => "Покупка уже отменена",
        Class::UnknownPurchase => "Покупка не найдена",
        _ => "Программа лояльности отказала. Продажа идёт без неё",
    }
}

fn message(kind: Kind) -> &'static str {
    match kind {
        Kind::Accrue => "начисление",
        Kind::Confirm => "подтверждение",
        Kind::Cancel => "отмену",
        Kind::Refund => "возврат",
        Kind::Card => "выдачу карты",
        _ => "запрос",
    }
}
