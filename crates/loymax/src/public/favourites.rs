//! Goods that a client chose, for which offers are better (loymax.md 13).

use serde_json::value::RawValue;

use super::error::ApiError;
use super::json::{Node, Unlike, nodes};
use super::registration::Person;
use super::session::Session;
use super::words::{Call, Name, Words};

/// Favourite goods of the session's own client, or of one that an operator names. Reads may be
/// repeated; so may changes, which say what is to be.
#[derive(Clone, Debug)]
pub struct Favourites {
    session: Session,
    person: Option<Person>,
}

/// A set of cells that a client fills.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FavouriteSet {
    /// Its number.
    pub id: Box<str>,
    /// From when it counts, as the server says it.
    pub from: Option<Box<str>>,
    /// Until when.
    pub until: Option<Box<str>>,
    /// How many cells everybody has.
    pub cells: u32,
    /// How many there can be.
    pub cells_max: u32,
    /// The cells.
    pub goods: Vec<Cell>,
}

/// A cell of a set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cell {
    /// Its number in the set.
    pub position: u32,
    /// Whether it can be changed now.
    pub changeable: bool,
    /// What is in it; `None` when it is empty.
    pub goods: Option<FavouriteGoods>,
    /// When it was changed last, as the server says it.
    pub changed: Option<Box<str>>,
    /// Why the client has it.
    pub kind: CellKind,
}

/// Why a client has a cell.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CellKind {
    /// Everybody has it.
    Normal,
    /// For the birthday.
    Birthday,
    /// By an offer.
    Offer,
    /// Another reason, in the server's word.
    Other(Box<str>),
}

/// Goods that are, or may be, chosen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FavouriteGoods {
    /// The code by which they are chosen.
    pub code: Box<str>,
    /// Their barcode.
    pub barcode: Option<Box<str>>,
    /// Their name.
    pub name: Box<str>,
}

/// Which sets are asked for. Everything by default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SetRange {
    /// Those that count from this day on: `2026-03-14`.
    pub from_date: Option<Box<str>>,
    /// Those that count until this day.
    pub to_date: Option<Box<str>>,
    /// How many are left out at the beginning.
    pub skip: Option<u32>,
    /// How many are told.
    pub count: Option<u32>,
}

impl FavouriteSet {
    /// Whether a cell can be changed; what the cashier is told when not.
    ///
    /// # Errors
    /// The cell is not there, or does not change now. The server refuses it as well.
    pub fn check(&self, position: u32) -> Result<(), &'static str> {
        match self.goods.iter().find(|cell| cell.position == position) {
            None => Err("Такой ячейки нет в наборе."),
            Some(cell) if !cell.changeable => {
                Err("Любимый товар в этой ячейке сейчас не меняется.")
            }
            Some(_) => Ok(()),
        }
    }
}

impl Session {
    /// The favourite goods of the session's own client.
    pub fn favourites(&self) -> Favourites {
        Favourites { session: self.clone(), person: None }
    }

    /// Those of a client. The session is an operator's.
    pub fn favourites_of(&self, person: Person) -> Favourites {
        Favourites { session: self.clone(), person: Some(person) }
    }
}

impl Favourites {
    /// The client's sets.
    ///
    /// # Errors
    /// [`ApiError`], as of every method here; each may be called again after any of them.
    pub async fn sets(&self, range: &SetRange) -> Result<Vec<FavouriteSet>, ApiError> {
        let number = |value: Option<u32>| value.map(|value| value.to_string());
        let text = |value: &Option<Box<str>>| value.as_deref().map(ToOwned::to_owned);
        let query = [
            (Name::FromDate, text(&range.from_date)),
            (Name::ToDate, text(&range.to_date)),
            (Name::From, number(range.skip)),
            (Name::CountOf, number(range.count)),
        ];
        let query: Vec<_> =
            query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        self.call((Call::Favourites, Call::FavouritesOf), &[], &query, None, |words, data| {
            listed(words, data, set)
        })
        .await
    }

    /// One set.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn set(&self, id: &str) -> Result<FavouriteSet, ApiError> {
        self.call((Call::Favourite, Call::FavouriteOf), &[id], &[], None, |words, data| {
            set(words, &Node::of(words, data.ok_or(NO_DATA)?, Name::Data)?)
        })
        .await
    }

    /// What may be chosen for a set; those whose names have this in them.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn choices(
        &self,
        id: &str,
        name: Option<&str>,
    ) -> Result<Vec<FavouriteGoods>, ApiError> {
        let calls = (Call::FavouriteChoices, Call::FavouriteChoicesOf);
        let query: Vec<_> = name.into_iter().map(|name| (Name::NameOf, name.to_owned())).collect();
        self.call(calls, &[id], &query, None, |words, data| {
            listed(words, data, |_, node| goods(node))
        })
        .await
    }

    /// Puts goods into a cell, in the place of what is there.
    ///
    /// # Errors
    /// [`ApiError::Refused`]: the cell does not change now, or the goods are not among the choices.
    pub async fn choose(&self, id: &str, position: u32, code: &str) -> Result<(), ApiError> {
        let mut body = self.session.object();
        body.text(Name::GoodsId, code);
        let position = position.to_string();
        let calls = (Call::Choose, Call::ChooseOf);
        self.call(calls, &[id, &position], &[], Some(body.end()), |_, _| Ok(())).await
    }

    /// Empties a cell.
    ///
    /// # Errors
    /// [`ApiError::Refused`]: the cell does not change now.
    pub async fn clear(&self, id: &str, position: u32) -> Result<(), ApiError> {
        let position = position.to_string();
        self.call((Call::Clear, Call::ClearOf), &[id, &position], &[], None, |_, _| Ok(())).await
    }

    async fn call<T>(
        &self,
        (own, of): (Call, Call),
        arguments: &[&str],
        query: &[(Name, String)],
        body: Option<String>,
        read: impl FnOnce(&Words, Option<&RawValue>) -> Result<T, Unlike> + Send,
    ) -> Result<T, ApiError> {
        let person = self.person.as_ref().map(|person| person.0.as_ref());
        let call = if person.is_some() { of } else { own };
        let all: Vec<&str> = person.into_iter().chain(arguments.iter().copied()).collect();
        self.session.call((call, &all), query, body, read).await
    }
}

const NO_DATA: Unlike = Unlike(Name::Data.usual());

fn listed<T>(
    words: &Words,
    data: Option<&RawValue>,
    read: impl Fn(&Words, &Node<'_>) -> Result<T, Unlike>,
) -> Result<Vec<T>, Unlike> {
    let list = nodes(words, data.ok_or(NO_DATA)?, Name::Data)?;
    list.iter().map(|node| read(words, node)).collect()
}

fn set(words: &Words, node: &Node<'_>) -> Result<FavouriteSet, Unlike> {
    let cells = node.nodes(Name::Goods)?;
    Ok(FavouriteSet {
        id: node.text(Name::Id)?.ok_or(Unlike(Name::Id.usual()))?,
        from: node.text(Name::FromDate)?,
        until: node.text(Name::ToDate)?,
        cells: small(node, Name::DefaultGoodsCount)?.unwrap_or_default(),
        cells_max: small(node, Name::MaxGoodsCount)?.unwrap_or_default(),
        goods: cells.iter().map(|node| cell(words, node)).collect::<Result<_, _>>()?,
    })
}

fn cell(words: &Words, node: &Node<'_>) -> Result<Cell, Unlike> {
    let word = node.text(Name::PositionType)?.unwrap_or_default();
    let kinds = [
        (Name::TypeNormal, CellKind::Normal),
        (Name::TypeBirthday, CellKind::Birthday),
        (Name::TypeAction, CellKind::Offer),
    ];
    let is = |name: Name| words.name(name).eq_ignore_ascii_case(&word);
    let kind = kinds.into_iter().find(|(name, _)| is(*name));
    Ok(Cell {
        position: small(node, Name::Position)?.ok_or(Unlike(Name::Position.usual()))?,
        changeable: node.flag(Name::AllowChange)?.unwrap_or_default(),
        goods: node.node(Name::Good)?.map(|node| goods(&node)).transpose()?,
        changed: node.text(Name::LastChanged)?,
        kind: kind.map_or_else(|| CellKind::Other(word.clone()), |(_, kind)| kind),
    })
}

fn goods(node: &Node<'_>) -> Result<FavouriteGoods, Unlike> {
    Ok(FavouriteGoods {
        code: node.text(Name::CodeGood)?.ok_or(Unlike(Name::CodeGood.usual()))?,
        barcode: node.text(Name::BarCode)?,
        name: node.text(Name::NameOf)?.unwrap_or_default(),
    })
}

fn small(node: &Node<'_>, name: Name) -> Result<Option<u32>, Unlike> {
    let number = node.integer(name)?.map(u32::try_from).transpose();
    number.map_err(|_| Unlike(name.usual()))
}
