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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::StreamKind;

    const ID: Uuid = Uuid::from_u128(7);
    const TAKEN: Timestamp = Timestamp::utc(1_790_000_000_000);

    fn captured() -> PaymentEvent {
        PaymentEvent::Captured {
            order: OrderId(Uuid::from_u128(82)),
            till: TillId::try_new("till-1").ok(),
            amount: Kopecks(36_000),
            info: PaymentInfo { order_number: Some(82), ..PaymentInfo::default() },
            at_ms: TAKEN.utc_ms,
        }
    }

    fn refund(amount: i64) -> PaymentCommand {
        PaymentCommand::Refund { refund: RefundId(Uuid::from_u128(9)), amount: Kopecks(amount) }
    }

    fn new() -> PaymentFlow {
        PaymentFlow::new(StreamId { kind: StreamKind::Payment, id: ID })
    }

    fn take(flow: &mut PaymentFlow, events: &[PaymentEvent]) {
        for event in events {
            assert_eq!(PaymentFlow::decode(&PaymentFlow::encode(event)).as_ref(), Ok(event));
            flow.apply(event).unwrap();
        }
    }

    /// Captured, and then asked for these; how many events each of them left.
    fn after(commands: impl IntoIterator<Item = PaymentCommand>) -> (PaymentFlow, Vec<usize>) {
        let (mut flow, mut counts) = (new(), Vec::new());
        take(&mut flow, &[captured()]);
        for command in commands {
            let step = flow.command(command, TAKEN).unwrap();
            assert_eq!(step.ops.len(), 0);
            take(&mut flow, &step.events);
            counts.push(step.events.len());
        }
        (flow, counts)
    }

    fn committed(flow: &mut PaymentFlow, at: Timestamp) -> bool {
        match flow.next(at) {
            Next::Commit(step) => take(flow, &step.events),
            _ => return false,
        }
        true
    }

    fn wake(flow: &PaymentFlow, at: Timestamp) -> Option<Timestamp> {
        match flow.next(at) {
            Next::Wait(wake) => Some(wake),
            _ => None,
        }
    }

    use PaymentCommand::{Acknowledge, Cancel, Orphan};

    #[test]
    fn nothing_is_watched_before_the_money_is_taken() {
        assert!(matches!(new().next(TAKEN), Next::Done));
        let done = Head { status: Status::Done, ..Head::default() };
        assert_eq!(new().head(), done);
    }

    /// F1: two minutes after the capture the till is asked, ten minutes later a person is.
    #[test]
    fn f1_a_till_is_asked_and_then_a_person() {
        let (mut flow, _) = after([]);
        assert_eq!(
            (flow.order, flow.amount),
            (Some(OrderId(Uuid::from_u128(82))), Kopecks(36_000))
        );
        let due = TAKEN.after(VERIFY_AFTER);
        let open =
            Head { status: Status::Open, wake_at: Some(due), shelf: None, total: Kopecks(36_000) };
        assert_eq!(flow.head(), open);
        let before = Timestamp::utc(due.utc_ms - 1);
        assert_eq!(wake(&flow, before), Some(due));
        assert!(committed(&mut flow, due));
        let give_up = due.after(VERIFY_PATIENCE);
        let shelf = Some("till-1".into());
        assert_eq!(flow.head(), Head { wake_at: Some(give_up), shelf, ..open.clone() });
        assert_eq!(wake(&flow, Timestamp::utc(give_up.utc_ms - 1)), Some(give_up));
        assert!(committed(&mut flow, give_up));
        assert_eq!(flow.watch, Watch::Listed);
        let listed = Head { status: Status::NeedsPerson, wake_at: None, ..open };
        assert_eq!(flow.head(), listed);
        assert!(matches!(flow.next(give_up), Next::Done));
    }

    /// The command is the same whoever asks: a run that starts anew sends no second one.
    #[test]
    fn the_till_is_asked_by_one_command() {
        let commands = [TAKEN.after(VERIFY_AFTER), TAKEN.after(VERIFY_PATIENCE)].map(|at| {
            let (mut flow, _) = after([]);
            assert!(committed(&mut flow, at));
            match flow.watch {
                Watch::Asked { command, .. } => command,
                other => panic!("{other:?}"),
            }
        });
        let [first, second] = commands;
        assert_eq!(first, second);
        assert_ne!(first.0, ID);
    }

    #[test]
    fn what_settles_a_payment_ends_its_watch() {
        for (command, returned) in
            [(Acknowledge, false), (Cancel, true), (refund(36_000), true), (refund(36_001), true)]
        {
            let (flow, counts) = after([command]);
            assert_eq!((&flow.watch, flow.returned, counts), (&Watch::Settled, returned, vec![1]));
            assert!(matches!(flow.next(TAKEN.after(VERIFY_PATIENCE)), Next::Done));
            let done =
                Head { status: Status::Done, wake_at: None, shelf: None, total: flow.amount };
            assert_eq!(flow.head(), done);
        }
        let (flow, _) = after([refund(35_999)]);
        assert!(matches!(flow.watch, Watch::Unacknowledged { .. }) && !flow.returned);
        let (flow, _) = after([refund(35_999), refund(1)]);
        assert!(flow.watch == Watch::Settled && flow.returned);
        // A part that went back, and iiko has the rest.
        let (flow, _) = after([refund(1), Acknowledge]);
        assert!(flow.watch == Watch::Settled && !flow.returned);
    }

    #[test]
    fn a_payment_that_iiko_closed_without_is_a_persons() {
        let (flow, counts) = after([Orphan, Orphan]);
        assert_eq!((&flow.watch, counts), (&Watch::Listed, vec![1, 0]));
        assert_eq!(flow.head().status, Status::NeedsPerson);
        // It turned up, or the person gave the money back.
        for settles in [Acknowledge, Cancel] {
            assert_eq!(after([Orphan, settles]).0.watch, Watch::Settled);
        }
        assert_eq!(after([Acknowledge, Orphan]).0.watch, Watch::Listed);
    }

    #[test]
    fn a_repeat_leaves_no_event() {
        assert_eq!(after([Acknowledge, Acknowledge]).1, [1, 0]);
        assert_eq!(after([Cancel, Cancel]).1, [1, 0]);
        assert_eq!(after([refund(36_000), Cancel]).1, [1, 0]);
        assert_eq!(after([Acknowledge, Cancel, Acknowledge]).1, [1, 1, 0]);
    }

    #[test]
    fn refunds_that_do_not_fit_are_not_this_flows() {
        let (mut flow, _) = after([refund(i64::MAX)]);
        let PaymentCommand::Refund { refund, amount } = refund(1) else { panic!("a refund") };
        assert_eq!(flow.apply(&PaymentEvent::Refunded { refund, amount }), Err(Illegal));
    }

    /// The till's answer changes nothing; one to another command is nobody's.
    #[test]
    fn a_till_that_looked_has_answered() {
        let (mut flow, _) = after([]);
        let answered = |flow: &PaymentFlow, command| {
            let step = flow.answer((command, CommandOutcome::Done), TAKEN);
            step.map(|step| step.is_nothing())
        };
        let other = CommandId(ID);
        assert_eq!(answered(&new(), other), None);
        assert_eq!(answered(&flow, other), None);
        assert!(committed(&mut flow, TAKEN.after(VERIFY_AFTER)));
        let Watch::Asked { command, .. } = flow.watch else { panic!("not asked") };
        assert_eq!(answered(&flow, command), Some(true));
        assert_eq!(answered(&flow, other), None);
        for ended in [Acknowledge, Orphan] {
            assert_eq!(answered(&after([ended]).0, command), Some(true));
        }
    }
}
