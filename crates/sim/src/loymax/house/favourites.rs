//! Goods that guests choose, for which offers are better.

use std::collections::{BTreeMap, BTreeSet};

use tillway_core::Timestamp;

use super::{ClientId, NotDone, Store};

/// A set of cells that each guest fills.
#[derive(Clone, Debug, Default)]
pub struct FavouriteSet {
    /// From which day it counts: `2026-03-01`.
    pub from: String,
    /// Until which day.
    pub until: String,
    /// How many cells everybody has.
    pub cells: u32,
    /// How many there can be.
    pub cells_max: u32,
    /// Codes of goods that may be chosen.
    pub choices: Vec<String>,
    /// Cells that cannot be changed now.
    pub locked: BTreeSet<u32>,
    /// What was chosen.
    pub chosen: BTreeMap<(ClientId, u32), Chosen>,
}

/// What is in a cell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chosen {
    /// The code of the goods.
    pub goods: String,
    /// Since when.
    pub at: Timestamp,
}

impl Store {
    /// Puts goods into a guest's cell, in the place of what was there.
    ///
    /// # Errors
    /// There is no such set or cell, it cannot be changed now, the goods cannot be chosen or are
    /// in another cell.
    pub fn choose(
        &mut self,
        client: ClientId,
        set: u64,
        position: u32,
        goods: &str,
    ) -> Result<(), NotDone> {
        let at = self.now;
        let set = self.cell(set, position)?;
        if !set.choices.iter().any(|code| code == goods) {
            return Err(NotDone("GoodNotAllowed", "Этот товар нельзя выбрать"));
        }
        let elsewhere = |(key, chosen): (&(ClientId, u32), &Chosen)| {
            key.0 == client && key.1 != position && chosen.goods == goods
        };
        if set.chosen.iter().any(elsewhere) {
            return Err(NotDone("GoodAlreadyChosen", "Товар уже выбран в другой ячейке"));
        }
        set.chosen.insert((client, position), Chosen { goods: goods.to_owned(), at });
        self.renew_favourites(client);
        Ok(())
    }

    /// Empties a guest's cell.
    ///
    /// # Errors
    /// There is no such set or cell, or it cannot be changed now.
    pub fn clear(&mut self, client: ClientId, set: u64, position: u32) -> Result<(), NotDone> {
        self.cell(set, position)?.chosen.remove(&(client, position));
        self.renew_favourites(client);
        Ok(())
    }

    fn cell(&mut self, set: u64, position: u32) -> Result<&mut FavouriteSet, NotDone> {
        let set = self.public.favourites.get_mut(&set);
        let set = set.ok_or(NotDone("SetNotFound", "Набор не найден"))?;
        if !(1..=set.cells).contains(&position) {
            return Err(NotDone("PositionNotFound", "Такой ячейки нет"));
        }
        if set.locked.contains(&position) {
            return Err(NotDone("ChangeNotAllowed", "Ячейку сейчас нельзя изменить"));
        }
        Ok(set)
    }

    /// What offers look at.
    fn renew_favourites(&mut self, client: ClientId) {
        let all = self.public.favourites.values().flat_map(|set| &set.chosen);
        let own = all.filter(|(key, _)| key.0 == client).map(|(_, chosen)| chosen.goods.clone());
        let own: BTreeSet<String> = own.collect();
        if let Some(guest) = self.guests.get_mut(&client) {
            guest.favourites = own;
        }
    }
}
