//! A payment until iiko is known to have it (F1).
//!
//! ```text
//! captured ──acknowledged, closed, cancelled──▶ settled
//!    │ 2 minutes
//!    ▼
//! the till is asked to verify ──10 minutes──▶ a person is asked
//! ```

use core::time::Duration;

use crate::Kopecks;
use crate::book::{Head, Record, Refusal, Status, StreamId};
use crate::flow::{BadRecord, Flow, Illegal, Next, Step, decode_event, encode_event};
use crate::id::{CommandId, OrderId, PaymentId, RefundId, TillId, Uuid};
use crate::port::{CommandOutcome, PaymentInfo};
use crate::time::Timestamp;

/// How long a capture may stay unacknowledged before the till is asked.
pub const VERIFY_AFTER: Duration = Duration::from_secs(120);
/// How long the till is asked before a person is.
pub const VERIFY_PATIENCE: Duration = Duration::from_secs(600);

/// The flow of one payment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PaymentFlow {
    /// The payment.
    pub id: PaymentId,
    /// Its order.
    pub order: Option<OrderId>,
    /// Its till.
    pub till: Option<TillId>,
    /// Its amount.
    pub amount: Kopecks,
    /// Where it stands.
    pub watch: Watch,
    /// Whether the guest has all of the money back.
    pub returned: bool,
    /// Σ of refunds.
    refunded: Kopecks,
}

/// Whether iiko is known to have a payment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Watch {
    /// Nothing was captured yet.
    New,
    /// Captured; the till is asked when the time comes.
    Unacknowledged {
        /// When.
        due: Timestamp,
    },
    /// The till is asked.
    Asked {
        /// The command.
        command: CommandId,
        /// When a person is asked.
        give_up: Timestamp,
    },
    /// Listed for a person: charged, and not known to iiko.
    Listed,
    /// iiko has it, or the guest has the money back.
    Settled,
}

/// What the stream records.
#[derive(Clone, Debug, Eq, PartialEq, minicbor::Encode, minicbor::Decode)]
#[non_exhaustive]
pub enum PaymentEvent {
    /// Money was taken.
    #[n(0)]
    Captured {
        /// The order.
        #[n(0)]
        order: OrderId,
        /// The till.
        #[n(1)]
        till: Option<TillId>,
        /// How much.
        #[n(2)]
        amount: Kopecks,
        /// For people and reports.
        #[n(3)]
        info: PaymentInfo,
        /// When, in milliseconds since the epoch.
        #[n(4)]
        at_ms: i64,
    },
    /// The till is asked to verify.
    #[n(1)]
    Asked {
        /// The command.
        #[n(0)]
        command: CommandId,
        /// When a person is asked, in milliseconds since the epoch.
        #[n(1)]
        give_up_ms: i64,
    },
    /// iiko has it.
    #[n(2)]
    Acknowledged,
    /// The guest has the money back.
    #[n(3)]
    Cancelled,
    /// A part went back.
    #[n(4)]
    Refunded {
        /// The refund.
        #[n(0)]
        refund: RefundId,
        /// How much.
        #[n(1)]
        amount: Kopecks,
    },
    /// iiko closed the order without it, or with it and the guest was not charged.
    #[n(5)]
    Orphaned,
    /// Left to a person.
    #[n(6)]
    Listed,
}

/// What may happen to a payment.
#[derive(Clone, Debug)]
pub enum PaymentCommand {
    /// iiko has it.
    Acknowledge,
    /// It was cancelled.
    Cancel,
    /// A part was refunded.
    Refund {
        /// The refund.
        refund: RefundId,
        /// How much.
        amount: Kopecks,
    },
    /// iiko closed the order without it, or with it and the guest was not charged.
    Orphan,
}

impl Flow for PaymentFlow {
    type Event = PaymentEvent;
    type Command = PaymentCommand;
    type Answer = (CommandId, CommandOutcome);

    fn new(stream: StreamId) -> Self {
        Self {
            id: PaymentId(stream.id),
            order: None,
            till: None,
            amount: Kopecks::ZERO,
            watch: Watch::New,
            returned: false,
            refunded: Kopecks::ZERO,
        }
    }

    fn apply(&mut self, event: &PaymentEvent) -> Result<(), Illegal> {
        match event {
            PaymentEvent::Captured { order, till, amount, at_ms, .. } => {
                self.order = Some(*order);
                self.till = till.clone();
                self.amount = *amount;
                let due = Timestamp::utc(*at_ms).after(VERIFY_AFTER);
                self.watch = Watch::Unacknowledged { due };
            }
            PaymentEvent::Asked { command, give_up_ms } => {
                let give_up = Timestamp::utc(*give_up_ms);
                self.watch = Watch::Asked { command: *command, give_up };
            }
            PaymentEvent::Acknowledged => self.watch = Watch::Settled,
            PaymentEvent::Cancelled => {
                self.watch = Watch::Settled;
                self.returned = true;
            }
            PaymentEvent::Refunded { amount, .. } => {
                self.refunded = self.refunded.add(*amount).map_err(|_| Illegal)?;
                if self.refunded >= self.amount {
                    self.watch = Watch::Settled;
                    self.returned = true;
                }
            }
            PaymentEvent::Orphaned | PaymentEvent::Listed => self.watch = Watch::Listed,
        }
        Ok(())
    }

    fn next(&self, at: Timestamp) -> Next<PaymentEvent> {
        match &self.watch {
            Watch::New | Watch::Listed | Watch::Settled => Next::Done,
            Watch::Unacknowledged { due } if *due <= at => {
                let command = CommandId(Uuid::new_v5(&self.id.0, b"verify"));
                let give_up_ms = at.after(VERIFY_PATIENCE).utc_ms;
                let events = vec![PaymentEvent::Asked { command, give_up_ms }];
                Next::Commit(Step { events, ops: Vec::new() })
            }
            Watch::Asked { give_up, .. } if *give_up <= at => {
                Next::Commit(Step { events: vec![PaymentEvent::Listed], ops: Vec::new() })
            }
            Watch::Unacknowledged { due: wake } | Watch::Asked { give_up: wake, .. } => {
                Next::Wait(*wake)
            }
        }
    }

    fn command(
        &self,
        command: PaymentCommand,
        _at: Timestamp,
    ) -> Result<Step<PaymentEvent>, Refusal> {
        let events = match command {
            // A repeat leaves no event.
            PaymentCommand::Acknowledge if self.watch == Watch::Settled => Vec::new(),
            PaymentCommand::Cancel if self.returned => Vec::new(),
            PaymentCommand::Orphan if self.watch == Watch::Listed => Vec::new(),
            PaymentCommand::Acknowledge => vec![PaymentEvent::Acknowledged],
            PaymentCommand::Cancel => vec![PaymentEvent::Cancelled],
            PaymentCommand::Refund { refund, amount } => {
                vec![PaymentEvent::Refunded { refund, amount }]
            }
            PaymentCommand::Orphan => vec![PaymentEvent::Orphaned],
        };
        Ok(Step { events, ops: Vec::new() })
    }

    /// The plugin acknowledges or cancels by calls of their own; the result only says that it
    /// looked, so it changes nothing.
    fn answer(&self, answer: Self::Answer, _at: Timestamp) -> Option<Step<PaymentEvent>> {
        match &self.watch {
            Watch::Asked { command, .. } if *command == answer.0 => Some(Step::nothing()),
            Watch::Settled | Watch::Listed => Some(Step::nothing()),
            _ => None,
        }
    }

    fn head(&self) -> Head {
        let (status, wake_at) = match &self.watch {
            Watch::New | Watch::Settled => (Status::Done, None),
            Watch::Unacknowledged { due } => (Status::Open, Some(*due)),
            Watch::Asked { give_up, .. } => (Status::Open, Some(*give_up)),
            Watch::Listed => (Status::NeedsPerson, None),
        };
        let asked = matches!(self.watch, Watch::Asked { .. });
        let shelf = self.till.as_ref().filter(|_| asked).map(|t| t.as_str().into());
        Head { status, wake_at, shelf, total: self.amount }
    }

    fn encode(event: &PaymentEvent) -> Record {
        encode_event(KIND, event)
    }

    fn decode(record: &Record) -> Result<PaymentEvent, BadRecord> {
        decode_event(KIND, record)
    }
}

/// The stored number of this flow's records.
const KIND: u16 = 2;
