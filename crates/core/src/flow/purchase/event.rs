//! What the stream of a purchase records, and what may be asked of it.

use minicbor::{Decode, Encode};

use crate::Kopecks;
use crate::flow::Body;
use crate::id::{Uuid, uuid_bytes};
use crate::loyalty::PurchaseId;
use crate::pan::Masked;
use crate::port::processing::{Kind, Outcome, Refusal};
use crate::time::Timestamp;

/// What a purchase is about.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Opened {
    /// Its number, which every message of it says.
    #[n(0)]
    pub purchase: PurchaseId,
    /// The till, by the name that the venue gave it; at most [`TILL_LEN_MAX`] bytes.
    ///
    /// [`TILL_LEN_MAX`]: super::TILL_LEN_MAX
    #[n(1)]
    pub till: Box<str>,
    /// What it is.
    #[n(2)]
    pub what: What,
    /// What the cheque costs.
    #[n(3)]
    pub total: Kopecks,
    /// The purchase that this one carries on, after nobody knew what had become of that.
    #[n(4)]
    pub replaces: Option<PurchaseId>,
    /// How long it may lie undecided before it is cancelled, or listed when points are at stake.
    #[n(5)]
    pub patience_ms: u64,
    /// When, with the offset of the till.
    #[n(6)]
    pub at: Timestamp,
}

/// What a purchase is.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, PartialEq)]
#[cbor(index_only)]
pub enum What {
    /// Goods are sold.
    #[n(0)]
    Sale,
    /// Goods come back.
    #[n(1)]
    Refund,
    /// A card is issued or replaced: one message, nothing to confirm.
    #[n(2)]
    Card,
}

/// A message, written down before it is sent.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Message {
    /// The id of its operation.
    #[cbor(n(0), with = "uuid_bytes")]
    pub id: Uuid,
    /// What it asks.
    #[n(1)]
    pub kind: Kind,
    /// When the operation was begun: said again with each repeat.
    #[n(2)]
    pub at: Timestamp,
    /// How much is to be paid with points; zero for all else.
    #[n(3)]
    pub amount: Kopecks,
    /// What is needed to send it again, as its driver writes it: personal, so the driver covers
    /// it. Empty for what is never sent twice ([`is_repeatable`](super::is_repeatable)).
    #[n(4)]
    pub body: Body,
}

/// What became of a message.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Said {
    /// Which message.
    #[cbor(n(0), with = "uuid_bytes")]
    pub id: Uuid,
    /// What.
    #[n(1)]
    pub fate: Fate,
    /// When it was known.
    #[n(2)]
    pub at: Timestamp,
}

/// What became of a message, and what follows from that.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub enum Fate {
    /// Done.
    #[n(0)]
    Done(#[n(0)] Noted),
    /// Done by an earlier sending, or there was nothing left to do.
    #[n(1)]
    Already(#[n(0)] Refusal),
    /// Not done, and the purchase stands as before.
    #[n(2)]
    Refused(#[n(0)] Refusal),
    /// It never left the till: nothing happened.
    #[n(3)]
    Unreached(#[n(0)] Masked),
    /// Nobody knows, and it must not be sent again: the purchase is cancelled.
    #[n(4)]
    Torn(#[n(0)] Masked),
    /// It is sent again.
    #[n(5)]
    Later {
        /// Why.
        #[n(0)]
        why: Masked,
        /// When.
        #[n(1)]
        due: Timestamp,
        /// Another operation of the purchase ran: so many times are allowed.
        #[n(2)]
        conflict: bool,
    },
    /// It is asked again under another id: its own was used, or the purchase is not known there
    /// and has to be told anew.
    #[n(6)]
    Anew(#[n(0)] Refusal),
    /// It is of no use to send it again. A person is asked; what stands behind it waits.
    #[n(7)]
    Dead(#[n(0)] Refusal),
}

/// What is kept of a good answer.
#[derive(Clone, Debug, Decode, Default, Encode, Eq, PartialEq)]
pub struct Noted {
    /// The number of the operation at the processing.
    #[n(0)]
    pub transaction: Option<i64>,
    /// Points: taken, or given back.
    #[n(1)]
    pub points: Option<Kopecks>,
    /// The same in money.
    #[n(2)]
    pub amount: Option<Kopecks>,
    /// The whole answer, as the driver writes it: personal, so the driver covers it.
    #[n(3)]
    pub answer: Body,
}

/// What happened to a purchase.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub enum PurchaseEvent {
    /// The till began it.
    #[n(0)]
    Opened(#[n(0)] Opened),
    /// A piece of the body of the next message or answer, which is too long for one record.
    #[n(1)]
    Part(#[n(0)] Body),
    /// A message is to be sent, behind those before it. A *cancel* takes the place of all of them.
    #[n(2)]
    Queued(#[n(0)] Message),
    /// It is known what became of the first message.
    #[n(3)]
    Said(#[n(0)] Said),
    /// The first message goes on under another id. Of two ids the first is for what was reserved,
    /// which is told anew before it.
    #[n(4)]
    Renewed {
        /// One id or two.
        #[n(0)]
        ids: Vec<Renewed>,
        /// When.
        #[n(1)]
        at: Timestamp,
    },
    /// Nobody decided in time, and points are at stake: a person is asked.
    #[n(5)]
    Listed {
        /// When.
        #[n(0)]
        at: Timestamp,
    },
    /// A person has another try made.
    #[n(6)]
    Retried {
        /// Who.
        #[n(0)]
        by: Box<str>,
        /// When.
        #[n(1)]
        at: Timestamp,
    },
    /// A person settled it elsewhere: nothing more is sent.
    #[n(7)]
    GivenUp {
        /// Who.
        #[n(0)]
        by: Box<str>,
        /// When.
        #[n(1)]
        at: Timestamp,
    },
    /// The processing never heard of it, and never will.
    #[n(8)]
    Forgotten {
        /// When.
        #[n(0)]
        at: Timestamp,
    },
}

/// The id of an operation that is asked anew.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, PartialEq)]
#[cbor(transparent)]
pub struct Renewed(#[cbor(n(0), with = "uuid_bytes")] pub Uuid);

/// What may be asked of a purchase.
#[derive(Clone, Debug)]
pub enum PurchaseCommand {
    /// Begin it. A repeat of the same changes nothing.
    Open(Opened),
    /// Write a message down. Durable, it is sent.
    Queue(Message),
    /// Go on under fresh ids: as many as [`Due::Anew`](super::Due::Anew) says, or one before a
    /// message is sent again, where every sending has an id of its own.
    Renew(Vec<Uuid>),
    /// The processing never heard of it: let it be.
    Forget,
    /// A person decides about one that is listed.
    Judge {
        /// Who.
        by: Box<str>,
        /// What.
        judgement: PurchaseJudgement,
    },
}

/// What a person decides about a purchase that is listed. To cancel it, queue a *cancel*.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PurchaseJudgement {
    /// Try again.
    Retry,
    /// It was settled elsewhere, or is let go: send nothing more.
    GiveUp,
}

/// What the processing answered.
#[derive(Clone, Debug)]
pub struct PurchaseAnswer {
    /// To which operation.
    pub id: Uuid,
    /// Whether it was the first sending of this id for certain: written and sent in one breath.
    pub first: bool,
    /// What.
    pub outcome: Outcome,
    /// What to keep of a good answer; empty otherwise.
    pub kept: Body,
}
