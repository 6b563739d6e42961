//! What comes back.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use tillway_core::fiscal::Quantity;
use tillway_core::loyalty::{Answer, Fact, Goods, LineAnswer, Offer, PrintedCoupon};
use tillway_core::port::processing::Kind;

use super::attributes::{Attributes, Spare};
use super::letters::decode;
use super::number::{read_amount, read_quantity};
use crate::dialect::{Dialect, Word};
use crate::errors::Code;

/// The longest answer: a thousand lines with their offers are less than a megabyte.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
const DEPTH_MAX: usize = 16;
const ELEMENTS_MAX: usize = 50_000;
const WORDS_CHARS_MAX: usize = 500;

/// Why an answer cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Longer than [`ANSWER_BYTES_MAX`].
    #[error("the answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    /// More than 16 elements in one another, more than 50 000, or one with more than 64 attributes.
    #[error("the answer has too many elements or attributes")]
    TooMany,
    /// Its bytes are not the letters that they are said to be.
    #[error("the letters of the answer cannot be read")]
    Letters,
    /// Not well-formed, or not whole.
    #[error("the answer is no xml, or not all of it")]
    Syntax,
    /// It has a document type, or names an entity: nobody needs either.
    #[error("the answer has a document type or an entity")]
    Entity,
    /// Its root is another.
    #[error("the answer is no response of a processing")]
    Foreign,
    /// It says two things of the message.
    #[error("the answer says two things of one message")]
    Contradiction,
    /// A number in it is none; the name of its attribute.
    #[error("{0} in the answer is no number")]
    Number(&'static str),
}

/// An answer. Guests and coupons in it stay out of its `Debug`, as their types see to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Response {
    /// What is said of the message as a whole; `None` when nothing is.
    pub message: Option<Failure>,
    /// What is said of each command.
    pub replies: Vec<Reply>,
}

/// A code with its words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The code; it may say that nothing failed.
    pub code: Code,
    /// The processing's words, at most 500 characters.
    pub text: Box<str>,
}

/// What is said of one command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// Which command.
    pub kind: Kind,
    /// Its id, when it is repeated.
    pub operation: Option<Box<str>>,
    /// What became of it; `None` when that is not said.
    pub result: Option<Failure>,
    /// What it brings; without lines.
    pub answer: Answer,
    /// Its lines as they came.
    pub lines: Vec<ReplyLine>,
}

/// A line as it came: its position is what the processing says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReplyLine {
    /// The goods, when they are named.
    pub goods: Option<Goods>,
    /// How much, when that is said.
    pub quantity: Option<Quantity>,
    /// The line.
    pub line: LineAnswer,
}

/// Reads an answer. Elements and attributes that nobody knows are passed over.
///
/// # Errors
/// [`WireError`]: nothing may be concluded from it.
pub fn read(dialect: &Dialect, bytes: &[u8]) -> Result<Response, WireError> {
    if bytes.len() > ANSWER_BYTES_MAX {
        return Err(WireError::TooLong);
    }
    let text = decode(bytes, dialect.letters).ok_or(WireError::Letters)?;
    let mut reader = Reader::from_str(&text);
    let mut parser = Parser::new(dialect);
    loop {
        match reader.read_event().map_err(|_| WireError::Syntax)? {
            Event::Eof => return parser.end(),
            event => parser.event(event)?,
        }
    }
}

/// What an open element is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Root,
    MessageCode,
    MessageText,
    Container(Kind),
    Reply,
    Facts,
    Fact,
    ForCashier,
    ForReceipt,
    Cheque,
    Line,
    Offers,
    Coupons,
    Coupon,
    Nothing,
}

struct Parser<'d> {
    dialect: &'d Dialect,
    response: Response,
    open: Vec<Place>,
    elements: usize,
    root_seen: bool,
    text: String,
    code: Option<u32>,
    words: Option<Box<str>>,
    spare: Spare,
}

impl<'d> Parser<'d> {
    fn new(dialect: &'d Dialect) -> Self {
        Self {
            dialect,
            response: Response::default(),
            open: Vec::new(),
            elements: 0,
            root_seen: false,
            text: String::new(),
            code: None,
            words: None,
            spare: Spare::default(),
        }
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), WireError> {
        match event {
            Event::Start(start) => self.start(&start),
            Event::Empty(start) => {
                self.start(&start)?;
                self.close()
            }
            Event::End(_) => self.close(),
            Event::Text(text) => self.push(&text),
            Event::CData(text) => self.push(&text),
            Event::GeneralRef(reference) => {
                let c = character(&reference)?;
                self.push(c.encode_utf8(&mut [0; 4]))
            }
            Event::DocType(_) => Err(WireError::Entity),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), WireError> {
        self.elements = self.elements.saturating_add(1);
        if self.open.len() >= DEPTH_MAX || self.elements > ELEMENTS_MAX {
            return Err(WireError::TooMany);
        }
        let name = start.name();
        let place = self.place(name.as_ref())?;
        let spare = std::mem::take(&mut self.spare);
        let attributes = Attributes::read(self.dialect, start.attributes_raw(), spare)?;
        self.enter(place, &attributes)?;
        self.spare = attributes.spare();
        self.text.clear();
        self.open.push(place);
        Ok(())
    }

    /// What an element is, by its name and by what it stands in.
    fn place(&mut self, name: &str) -> Result<Place, WireError> {
        let is = |word| name == self.dialect.word(word);
        let place = match self.open.last() {
            None if self.root_seen => return Err(WireError::Syntax),
            None if !is(Word::XmlResponse) => return Err(WireError::Foreign),
            None => Place::Root,
            Some(Place::Root) if is(Word::ErrorCode) => Place::MessageCode,
            Some(Place::Root) if is(Word::ErrorMessage) => Place::MessageText,
            Some(Place::Root) => {
                let named = |kind: &Kind| self.dialect.command(*kind)[0] == name;
                Kind::ALL.into_iter().find(named).map_or(Place::Nothing, Place::Container)
            }
            Some(Place::Container(kind)) => {
                // Some clients saw the request's name in answers to a cancel.
                let [_, request, response] = self.dialect.command(*kind);
                if name == response || name == request { Place::Reply } else { Place::Nothing }
            }
            Some(Place::Reply) if is(Word::IdentifierData) => Place::Facts,
            Some(Place::Reply) if is(Word::CashierMessage) => Place::ForCashier,
            Some(Place::Reply) if is(Word::ChequeMessage) => Place::ForReceipt,
            Some(Place::Reply) if is(Word::Cheque) => Place::Cheque,
            Some(Place::Reply) if is(Word::Coupons) => Place::Coupons,
            Some(Place::Facts) if is(Word::Item) => Place::Fact,
            Some(Place::Cheque) if is(Word::ChequeLine) => Place::Line,
            Some(Place::Line) if is(Word::AppliedOffers) => Place::Offers,
            Some(Place::Coupons) if is(Word::Coupon) => Place::Coupon,
            Some(Place::Offers) if is(Word::Offer) => Place::Nothing,
            Some(_) => Place::Nothing,
        };
        Ok(place)
    }

    fn enter(&mut self, place: Place, attributes: &Attributes) -> Result<(), WireError> {
        let parent = self.open.last().copied();
        match (parent, place) {
            (_, Place::Root) => self.root_seen = true,
            (Some(Place::Container(kind)), Place::Reply) => {
                self.response.replies.push(reply(kind, attributes)?);
            }
            (_, Place::Fact) => {
                let name = attributes.text(Word::Name).unwrap_or_default();
                let fact = Fact { name, value: "".into() };
                self.with_reply(|reply| reply.answer.guest.0.push(fact));
            }
            (_, Place::Cheque) => {
                let amount = attributes.amount(Word::TotalAmount)?;
                let discount = attributes.amount(Word::TotalDiscount)?;
                let cashback = attributes.amount(Word::TotalCashback)?;
                self.with_reply(|reply| {
                    let totals = &mut reply.answer.totals;
                    (totals.amount, totals.discount, totals.cashback) =
                        (amount, discount, cashback);
                });
            }
            (_, Place::Line) => {
                let line = line(attributes)?;
                self.with_reply(|reply| reply.lines.push(line));
            }
            (Some(Place::Offers), _) => {
                let offer = offer(attributes);
                self.with_reply(|reply| {
                    if let Some(line) = reply.lines.last_mut() {
                        line.line.offers.reserve_exact(1);
                        line.line.offers.push(offer);
                    }
                });
            }
            (_, Place::Coupon) => {
                let coupon = coupon(attributes);
                self.with_reply(|reply| reply.answer.coupons.push(coupon));
            }
            _ => {}
        }
        Ok(())
    }

    fn with_reply(&mut self, change: impl FnOnce(&mut Reply)) {
        if let Some(reply) = self.response.replies.last_mut() {
            change(reply);
        }
    }

    fn push(&mut self, text: &str) -> Result<(), WireError> {
        match self.open.last() {
            None if !text.trim().is_empty() => return Err(WireError::Syntax),
            None | Some(Place::Nothing) => {}
            Some(_) => self.text.push_str(text),
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), WireError> {
        let place = self.open.pop().ok_or(WireError::Syntax)?;
        let is_told = !matches!(
            place,
            Place::Nothing | Place::Line | Place::Offers | Place::Cheque | Place::Reply
        );
        let text = if is_told { std::mem::take(&mut self.text) } else { String::new() };
        match place {
            Place::MessageCode => {
                let code = text.trim().parse().ok();
                let code = code.ok_or(WireError::Number(Word::ErrorCode.usual()))?;
                if self.code.replace(code).is_some_and(|before| before != code) {
                    return Err(WireError::Contradiction);
                }
            }
            Place::MessageText => self.words = Some(shortened(&text)),
            Place::ForCashier => self.with_reply(|reply| {
                reply.answer.for_cashier = lines_of(&text);
            }),
            Place::ForReceipt => self.with_reply(|reply| {
                reply.answer.for_receipt = lines_of(&text);
            }),
            Place::Fact => self.with_reply(|reply| {
                if let Some(fact) = reply.answer.guest.0.last_mut() {
                    fact.value = text.trim().into();
                }
            }),
            Place::Coupon => self.with_reply(|reply| {
                if let Some(coupon) = reply.answer.coupons.last_mut() {
                    coupon.text = lines_of(&text);
                }
            }),
            _ => {}
        }
        Ok(())
    }

    fn end(mut self) -> Result<Response, WireError> {
        if !self.root_seen || !self.open.is_empty() {
            return Err(WireError::Syntax);
        }
        let text = self.words.unwrap_or_default();
        self.response.message = self.code.map(|code| Failure { code: Code::Number(code), text });
        Ok(self.response)
    }
}

fn reply(kind: Kind, attributes: &Attributes<'_>) -> Result<Reply, WireError> {
    let code = attributes.number(Word::ErrorCode, |text| text.parse().ok())?;
    let text = attributes.find(Word::ErrorMessage).map(shortened).unwrap_or_default();
    let mut answer = Answer {
        transaction: attributes.number(Word::TransactionId, |text| text.parse().ok())?,
        authorisation: attributes.text(Word::AuthCode),
        currency: attributes.text(Word::Currency),
        refund_kind: attributes.text(Word::RefundOperationType),
        ..Answer::default()
    };
    match kind {
        Kind::Balance => answer.balance = attributes.amount(Word::BonusAmount)?,
        Kind::Calculate => {
            answer.balance = attributes.amount(Word::Balance)?;
            answer.points = attributes.amount(Word::AvailableBonusAmount)?;
            answer.amount = attributes.amount(Word::AvailableAmount)?;
        }
        _ => {
            answer.balance = attributes.amount(Word::Balance)?;
            answer.points = attributes.amount(Word::BonusAmount)?;
            answer.amount = attributes.amount(Word::Amount)?;
        }
    }
    Ok(Reply {
        kind,
        operation: attributes.text(Word::OperationId),
        result: code.map(|code| Failure { code: Code::Number(code), text }),
        answer,
        lines: Vec::new(),
    })
}

fn line(attributes: &Attributes<'_>) -> Result<ReplyLine, WireError> {
    let code = attributes.text(Word::GoodsId).map(Goods::Code);
    let position = attributes.number(Word::PosId, |text| text.parse().ok())?;
    Ok(ReplyLine {
        goods: code.or_else(|| attributes.text(Word::Barcode).map(Goods::Barcode)),
        quantity: attributes.find(Word::Quantity).and_then(read_quantity),
        line: LineAnswer {
            position: position.unwrap_or_default(),
            amount: attributes.amount(Word::Amount)?,
            discount: attributes.amount(Word::Discount)?,
            cashback: attributes.amount(Word::Cashback)?,
            paid: attributes.amount(Word::PayAmount)?,
            message: attributes.text(Word::Message),
            offers: Vec::new(),
        },
    })
}

/// Offers are told to people; no money hangs on their numbers.
fn offer(attributes: &Attributes<'_>) -> Offer {
    Offer {
        id: attributes.text(Word::Id).unwrap_or_default(),
        name: attributes.text(Word::Name).unwrap_or_default(),
        worth: attributes.find(Word::PreferenceValue).and_then(read_amount),
        unit: attributes.text(Word::CurrencyAbbreviation),
        external_id: attributes.text(Word::ExternalId),
    }
}

fn coupon(attributes: &Attributes<'_>) -> PrintedCoupon {
    PrintedCoupon {
        number: attributes.text(Word::Number).unwrap_or_default(),
        barcode: attributes.text(Word::LabelBarcode),
        qr: attributes.text(Word::LabelQr),
        until: attributes.text(Word::ExpiryDate),
        text: "".into(),
    }
}

pub(crate) fn shortened(text: &str) -> Box<str> {
    text.trim().chars().take(WORDS_CHARS_MAX).collect::<String>().into()
}

/// Lines end with LF alone, without blank ones around.
pub(crate) fn lines_of(text: &str) -> Box<str> {
    text.replace("\r\n", "\n").replace('\r', "\n").trim().into()
}

fn character(reference: &BytesRef<'_>) -> Result<char, WireError> {
    if let Some(c) = reference.resolve_char_ref().map_err(|_| WireError::Entity)? {
        return Ok(c);
    }
    match reference.as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(WireError::Entity),
    }
}
