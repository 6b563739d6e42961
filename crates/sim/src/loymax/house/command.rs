//! Which command does what, and when it may (loymax.md 9).

use super::words::money;
use super::{
    Card, Cheque, ClientId, Code, Command, Kind, PurchaseKind, Refusal, Reply, Request, State,
    Store,
};

/// The most purchases of a house; none is ever forgotten.
const PURCHASES_MAX: usize = 200_000;

/// The most lines of a cheque.
const LINES_MAX: usize = 1_000;

impl Store {
    pub(super) fn command(&mut self, request: &Request) -> Result<Reply, Refusal> {
        match &request.command {
            Command::Balance { guest } => {
                let found = self.identify(guest, None)?;
                let balance = self.usable_points(found.client)?;
                Ok(Reply {
                    balance: Some(balance),
                    guest: self.described(found.client, found.card.as_deref()),
                    cashier_message: Some(format!("Баланс: {}", money(balance))),
                    ..Reply::default()
                })
            }
            Command::Calculate { sale, wish } => self.calculate(request, sale, *wish),
            Command::Available { purchase, guest, cheque } => {
                self.available(request, purchase, guest, cheque)
            }
            Command::Pay { sale, amount, pin } => self.pay(request, sale, *amount, pin.as_ref()),
            Command::Accrue { sale, pays } => self.accrue(request, sale, pays),
            Command::Confirm { purchase } => self.confirm(request, purchase),
            Command::Cancel { purchase } => self.cancel(request, purchase),
            Command::CancelOperation { purchase, operation } => {
                self.cancel_operation(request, purchase, operation)
            }
            Command::Refund { purchase, of_purchase, of_transaction, guest, cheque } => {
                let of = (of_purchase.as_deref(), *of_transaction);
                self.refund(request, purchase, of, guest.as_ref(), cheque)
            }
            Command::Card { guest, new, old_card } => {
                self.replace_card(guest.as_ref(), new, old_card.as_deref())
            }
        }
    }

    /// Whether a command fits the state of its purchase and the till it comes from. A payment of
    /// a purchase that is paid is let through: whose it is decides the code.
    pub(super) fn stage(&self, request: &Request) -> Result<Option<State>, Refusal> {
        use Kind::{Available, Calculate, Cancel, CancelOperation, Confirm, Pay, Refund};
        let kind = request.command.kind();
        let purchase = request.command.purchase().and_then(|id| self.purchases.get(id));
        let Some(purchase) = purchase else {
            return match kind {
                Pay => Err(refused(Code::IncorrectOperationOrder)),
                Confirm | Cancel | CancelOperation => Err(refused(Code::PurchaseNotFound)),
                _ if self.purchases.len() >= PURCHASES_MAX => {
                    Err(Refusal::new(Code::SystemError, "Слишком много покупок"))
                }
                _ => Ok(None),
            };
        };
        let stranger = self.tills.get(&request.till).map(|till| &till.partner)
            != Some(&purchase.partner)
            || (request.till != purchase.till && !self.rules.allow_cross_device);
        if stranger {
            return Err(refused(Code::DifferentLegals));
        }
        let early = self.rules.confirm_requires_discount;
        let code = match (purchase.state, kind) {
            (_, Refund) => Code::NotUniquePurchaseID,
            (State::Cancelled, _) => Code::OperationIsCanceled,
            (State::Confirmed, Confirm | Cancel) => Code::OperationIsConfirmed,
            (State::Confirmed, _) => Code::ConfirmedPurchaseOperation,
            (State::Closed, Calculate | Available | Pay | CancelOperation) => {
                Code::IncorrectOperationOrder
            }
            (State::Paid, Calculate) => Code::IncorrectOperationOrder,
            (State::Calculated | State::Paid, Confirm) if early => Code::IncorrectOperationOrder,
            (State::Calculated, CancelOperation) => Code::OperationNotFound,
            (state, _) => return Ok(Some(state)),
        };
        Err(refused(code))
    }

    /// Points that the guest can use.
    pub(super) fn usable_points(&self, client: ClientId) -> Result<tillway_core::Kopecks, Refusal> {
        let guest = self.guests.get(&client);
        let guest = guest.ok_or_else(|| refused(Code::CardHolderNotFound))?;
        Ok(guest.available()?)
    }

    pub(super) fn next_transaction(&mut self) -> u64 {
        self.transaction = self.transaction.saturating_add(1);
        self.transaction
    }

    /// Who the guest is, as answers tell it.
    pub(super) fn described(
        &self,
        client: ClientId,
        card: Option<&str>,
    ) -> Vec<(&'static str, String)> {
        let mut items = Vec::new();
        if let Some(guest) = self.guests.get(&client).filter(|guest| !guest.name.is_empty()) {
            items.push(("Person", guest.name.clone()));
        }
        if let Some(card) = card.and_then(|number| self.cards.get(number)) {
            items.extend(card_items(card));
        }
        items
    }

    /// The sale that a refund names.
    pub(super) fn sale_of(&self, of: (Option<&str>, Option<u64>)) -> Option<String> {
        let (purchase, transaction) = of;
        let fits = |id: &str| {
            let known = self.purchases.get(id);
            known.is_some_and(|known| {
                transaction.is_none_or(|number| known.transactions.contains(&number))
            })
        };
        match (purchase, transaction) {
            (Some(id), _) => fits(id).then(|| id.to_owned()),
            (None, Some(_)) => self
                .purchases
                .iter()
                .find(|(id, known)| known.kind == PurchaseKind::Sale && fits(id))
                .map(|(id, _)| id.clone()),
            (None, None) => None,
        }
    }
}

pub(super) fn card_items(card: &Card) -> [(&'static str, String); 4] {
    let kind = if card.is_virtual { "VirtualCard" } else { "BonusCard" };
    [
        ("MaskedNumber", card.masked()),
        ("CardType", kind.to_owned()),
        ("Status", card.state.name().to_owned()),
        ("Cardnumber", card.number.clone()),
    ]
}

/// Refuses what is no cheque.
pub(super) fn check_cheque(cheque: &Cheque) -> Result<(), Refusal> {
    let malformed = |why: &str| Err(Refusal::new(Code::FormatException, why));
    if !(1..=LINES_MAX).contains(&cheque.lines.len()) {
        return malformed("В чеке от 1 до 1000 позиций");
    }
    let mut positions: Vec<u32> = cheque.lines.iter().map(|line| line.position).collect();
    positions.sort_unstable();
    positions.dedup();
    if positions.len() != cheque.lines.len() || positions.first() == Some(&0) {
        return malformed("PosID: больше нуля, у каждой позиции свой");
    }
    if cheque.lines.iter().any(|line| line.amount < tillway_core::Kopecks::ZERO) {
        return malformed("Amount: не меньше нуля");
    }
    Ok(())
}

/// A refusal in the words that go with its code.
pub(super) fn refused(code: Code) -> Refusal {
    let words = match code {
        Code::CardNotFound => "Карта не найдена",
        Code::LargePaymentAmount => "Сумма оплаты баллами больше доступной",
        Code::NotEnoughMoney => "Недостаточно баллов",
        Code::CardHolderNotFound => "Владелец карты не найден",
        Code::CardNotActivated => "Карта не активирована: баллы можно только копить",
        Code::WrongPin => "Неверный код подтверждения",
        Code::OperationNotFound => "Операция не найдена",
        Code::OperationIsConfirmed => "Покупка уже подтверждена",
        Code::OperationIsCanceled => "Покупка отменена",
        Code::PurchaseNotFound => "Покупка не найдена",
        Code::DifferentCheque => "Чек отличается от рассчитанного",
        Code::IncorrectOperationOrder => "Неверный порядок операций",
        Code::CardExtraPayment => "Покупка уже оплачена этой картой",
        Code::PurchaseExtraPayment => "Покупка уже оплачена баллами",
        Code::ConfirmedPurchaseOperation => "Операция над подтверждённой покупкой",
        Code::DifferentPurchase => "Покупка принадлежит другому клиенту",
        Code::NotUniquePurchaseID => "Покупка с таким номером уже есть",
        Code::DivisibilityError => "Сумма оплаты баллами не кратна шагу",
        Code::DifferentLegals => "Покупка начата на другой кассе",
        _ => code.name(),
    };
    Refusal::new(code, words)
}
