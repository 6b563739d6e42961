//! Cards that are issued and replaced (loymax.md 7.10).

use super::command::{card_items, refused};
use super::{Card, CardState, ClientId, Code, Guest, Key, Refusal, Reply, Store};

impl Store {
    pub(super) fn replace_card(
        &mut self,
        guest: Option<&Key>,
        new: &Key,
        old: Option<&str>,
    ) -> Result<Reply, Refusal> {
        let new = self.card_of(new).ok_or_else(|| refused(Code::CardNotFound))?.clone();
        if new.owner.is_some() {
            return Err(rule("Новая карта уже принадлежит клиенту"));
        }
        if new.is_virtual || new.blocked || new.state >= CardState::Issued {
            return Err(rule("Новую карту выдать нельзя"));
        }
        let worn = guest.and_then(|key| self.card_of(key)).cloned();
        let (owner, state, replaced) = match (guest, worn, old) {
            (None, _, _) => (self.add_guest(Guest::default()), CardState::Issued, None),
            (_, Some(card), _) => {
                let (owner, state) = self.check_old(&card)?;
                (owner, state, Some(card.number))
            }
            (Some(key), None, old) => {
                let client = self.identify(key, None)?.client;
                self.by_person(client, old)?
            }
        };
        if let Some(card) = replaced.and_then(|number| self.cards.get_mut(&number)) {
            card.state = CardState::Replaced;
        }
        let issued = Card { owner: Some(owner), state, ..new };
        let mut data = self.described(owner, None);
        data.extend(card_items(&issued));
        self.cards.insert(issued.number.clone(), issued);
        Ok(Reply {
            transaction: Some(self.next_transaction()),
            guest: data,
            cashier_message: Some("Карта выдана".to_owned()),
            ..Reply::default()
        })
    }

    /// A guest known by a phone gets a first card, or one in the place of a card that is named.
    fn by_person(
        &self,
        client: ClientId,
        old: Option<&str>,
    ) -> Result<(ClientId, CardState, Option<String>), Refusal> {
        if let Some(number) = old {
            let card = self.cards.get(number).ok_or_else(|| refused(Code::CardNotFound))?;
            let (owner, state) = self.check_old(card)?;
            if owner != client {
                return Err(rule("Старая карта принадлежит другому клиенту"));
            }
            return Ok((owner, state, Some(number.to_owned())));
        }
        let worn = |card: &Card| {
            card.owner == Some(client) && !card.is_virtual && card.state != CardState::Replaced
        };
        if self.cards.values().any(worn) {
            return Err(rule("У клиента уже есть карта: назовите её номер"));
        }
        Ok((client, CardState::Activated, None))
    }

    /// The owner of a card that another takes the place of, and the state that moves over.
    fn check_old(&self, card: &Card) -> Result<(ClientId, CardState), Refusal> {
        if card.state == CardState::Replaced {
            return Err(Refusal::new(Code::CardBlocked, "Карта заменена"));
        }
        if card.is_virtual {
            return Err(rule("Виртуальную карту заменить нельзя"));
        }
        if self.rules.block_before_replace && !card.blocked {
            return Err(rule("Сначала заблокируйте старую карту"));
        }
        let owner = card.owner.ok_or_else(|| refused(Code::CardHolderNotFound))?;
        // An expired card is replaced by one that is valid.
        let state = match card.state {
            CardState::Issued => CardState::Issued,
            _ => CardState::Activated,
        };
        Ok((owner, state))
    }
}

fn rule(why: &str) -> Refusal {
    Refusal::new(Code::BusinessError, why)
}
