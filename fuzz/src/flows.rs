//! The flows alive: commands, answers and time in any order.
//!
//! Each step fits the flow that made it, and the fold of the stream is the flow that went on live.

use core::time::Duration;

use tillway_core::Timestamp;
use tillway_core::book::{Payer, Record, Seq, Stored, StreamId, StreamKind, TokenId};
use tillway_core::flow::{
    AttemptCommand, AttemptFlow, Begun, BindingAnswer, BindingCommand, BindingEvent, BindingFlow,
    Body, CheckIn, Flow, Next, PaymentCommand, PaymentEvent, PaymentFlow, Phase, STRAYS_MAX, Said,
    Step, Verdict, append, fold,
};
use tillway_core::guest::Identification;
use tillway_core::id::{CommandId, GuestId, OrderId, Owner, PaymentId, RefundId, Uuid};
use tillway_core::money::Kopecks;
use tillway_core::port::{CommandOutcome, PaymentInfo};
use tillway_testkit::builders::till;

use crate::bytes::{Bytes, amount};
use crate::talk::talk;
use crate::tokens::NOW;

pub(crate) const OUTCOMES: [CommandOutcome; 5] = [
    CommandOutcome::Done,
    CommandOutcome::Busy,
    CommandOutcome::Refused,
    CommandOutcome::NotFound,
    CommandOutcome::Closed,
];

/// Mostly near [`NOW`], sometimes anywhere.
pub(crate) fn moment(bytes: &mut Bytes<'_>) -> Timestamp {
    if bytes.rarely(16) {
        Timestamp::utc(bytes.i64())
    } else {
        NOW.after(Duration::from_secs(u64::from(bytes.u16()) * 10))
    }
}

/// A binding, a payment or an attempt at a device, step by step.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.below(4) {
        0 | 1 => binding(&mut bytes),
        2 => payment(&mut bytes),
        _ => attempt(&mut bytes),
    }
}

/// A flow with all that was written of it.
struct Live<F> {
    stream: StreamId,
    flow: F,
    records: Vec<Stored>,
    at: Timestamp,
}

impl<F: Flow> Live<F> {
    fn new(stream: StreamId) -> Self {
        Self { stream, flow: F::new(stream), records: Vec::new(), at: NOW }
    }

    /// Time goes on, or is set back; often to the very moment that the flow waits for.
    fn wait(&mut self, bytes: &mut Bytes<'_>) {
        let by = Duration::from_millis(u64::from(bytes.byte()).pow(4));
        self.at = match bytes.below(8) {
            0..3 => self.flow.head().wake_at.unwrap_or(self.at),
            3 => self.at.before(by),
            _ => self.at.after(by),
        };
    }

    fn write(&mut self, step: &Step<F::Event>) {
        let written = append(&self.flow, self.stream, None, &step.events);
        let (_, after) = written.expect("a flow's own step fits it");
        talk(|| format!("{} {:?}\n=> {after:?}\n", self.at, step.events));
        for event in &step.events {
            let record: Record = F::encode(event);
            let seq = Seq(self.records.len() as u64 + 1);
            self.records.push(Stored { seq, at: self.at, record });
        }
        self.flow = after;
        let mut folded = F::new(self.stream);
        fold(&mut folded, &self.records).expect("the stream is its own");
        assert_eq!(folded, self.flow, "the fold is not the flow that went on live");
    }

    /// What the flow does by itself at this moment; it comes to rest.
    fn go_on(&mut self) {
        for _ in 0..64 {
            match self.flow.next(self.at) {
                Next::Commit(step) => self.write(&step),
                Next::Wait(until) => {
                    assert!(until > self.at, "it waits for what has come");
                    assert_eq!(self.flow.head().wake_at, Some(until), "nobody would wake it");
                    return;
                }
                Next::Done => return,
            }
        }
        panic!("it never comes to rest: {:?}", self.flow);
    }
}

fn payer(bytes: &mut Bytes<'_>) -> Payer {
    let token = bytes.byte();
    Payer {
        guest: GuestId(Uuid::from_u128(bytes.below(12) as u128)),
        identified: bytes.pick(&[Identification::Strong, Identification::Weak]),
        token: (token % 4 == 3).then_some(TokenId([token; 16])),
    }
}

fn binding(bytes: &mut Bytes<'_>) {
    let mut live = Live::<BindingFlow>::new(OrderId(Uuid::from_u128(82)).into());
    let mut asked: Vec<CommandId> = vec![CommandId(Uuid::from_u128(2))];
    while let Some(mut step) = bytes.step() {
        let at = live.at;
        let command = match step.below(10) {
            0..=2 => BindingCommand::CheckIn(check_in(&mut step)),
            3 => BindingCommand::CheckOut,
            4 => BindingCommand::Restart,
            5 => BindingCommand::Close,
            6 => BindingCommand::Touch(at),
            7 => {
                live.wait(&mut step);
                live.go_on();
                continue;
            }
            _ => {
                let (number, outcome) = (step.below(256), step.pick(&OUTCOMES));
                let command = asked[asked.len() - 1 - number % asked.len()];
                if let Some(step) = live.flow.answer(BindingAnswer { command, outcome }, at) {
                    live.write(&step);
                }
                remember(&live, &mut asked);
                continue;
            }
        };
        if let Ok(step) = live.flow.command(command, at) {
            live.write(&step);
        }
        remember(&live, &mut asked);
        assert!(live.flow.strays.len() <= STRAYS_MAX, "{:?}", live.flow.strays);
    }
}

fn check_in(bytes: &mut Bytes<'_>) -> CheckIn {
    let attributes = match bytes.below(4) {
        3 => vec![("sunbed".to_owned(), bytes.byte().to_string())],
        _ => Vec::new(),
    };
    CheckIn {
        payer: payer(bytes),
        till: bytes.pick(&[Some(1), Some(2), None]).map(till),
        once: None,
        attributes,
        ask_till: bytes.pick(&[Some(6), Some(6), Some(0), None]).map(Duration::from_secs),
    }
}

/// The commands that the till has seen, oldest first.
fn remember(live: &Live<BindingFlow>, asked: &mut Vec<CommandId>) {
    let now = match &live.flow.phase {
        Phase::Asked(asked) => Some(asked.command),
        Phase::Free | Phase::Bound { .. } => None,
    };
    let strays = live.flow.strays.iter().map(|stray| stray.command);
    for command in now.into_iter().chain(strays) {
        if !asked.contains(&command) {
            asked.push(command);
        }
    }
    let late = live.records.last().map(|stored| BindingFlow::decode(&stored.record));
    if let Some(Ok(BindingEvent::OrderClosed)) = late {
        assert!(live.flow.strays.is_empty() && live.flow.phase == Phase::Free);
    }
}

fn attempt(bytes: &mut Bytes<'_>) {
    let stream = StreamId { kind: StreamKind::Attempt, id: Uuid::from_u128(3) };
    let mut live = Live::<AttemptFlow>::new(stream);
    while let Some(mut step) = bytes.step() {
        let command = match step.below(5) {
            0 => AttemptCommand::Begin(begun(&mut step)),
            4 => AttemptCommand::Bury(begun(&mut step), said(&mut step)),
            1 => AttemptCommand::Answer(said(&mut step)),
            2 => AttemptCommand::Find(said(&mut step)),
            _ => AttemptCommand::Judge(said(&mut step)),
        };
        let known = live.flow.known().map(|said| said.verdict);
        if let Ok(step) = live.flow.command(command, live.at) {
            live.write(&step);
        }
        // What was done stays done.
        let done = known == Some(Verdict::Done);
        assert!(!done || live.flow.known().map(|said| said.verdict) == known, "{:?}", live.flow);
    }
}

fn begun(bytes: &mut Bytes<'_>) -> Begun {
    Begun {
        device: "kiosk 1".into(),
        what: Body::of(&bytes.flag()),
        total: Kopecks(amount(bytes)),
        before: Body::of(&bytes.byte()),
        run: Owner(Uuid::from_u128(9)),
    }
}

fn said(bytes: &mut Bytes<'_>) -> Said {
    use Verdict::{Done, InDoubt, Person, Refused};
    Said {
        verdict: bytes.pick(&[Done, Refused, InDoubt, Person]),
        body: Body::of(&bytes.byte()),
        by: bytes.flag().then(|| "Анна".into()),
        reference: None,
    }
}

fn payment(bytes: &mut Bytes<'_>) {
    let mut live = Live::<PaymentFlow>::new(PaymentId(Uuid::from_u128(2)).into());
    let mut first = bytes.step().unwrap_or_default();
    let taken = Kopecks(amount(&mut first)).floor_zero();
    let captured = PaymentEvent::Captured {
        order: OrderId(Uuid::from_u128(82)),
        till: first.flag().then(|| till(1)),
        amount: taken,
        info: PaymentInfo::default(),
        at_ms: live.at.utc_ms,
    };
    live.write(&Step { events: vec![captured], ops: Vec::new() });
    let mut rest = taken;
    while let Some(mut step) = bytes.step() {
        let command = match step.below(6) {
            0 => PaymentCommand::Acknowledge,
            1 => PaymentCommand::Cancel,
            2 => {
                // The book lets no more back than was taken.
                let part = Kopecks(amount(&mut step)).floor_zero().min(rest);
                rest = rest.sub(part).expect("a part");
                let refund = RefundId(Uuid::from_u128(u128::from(step.byte())));
                PaymentCommand::Refund { refund, amount: part }
            }
            3 => PaymentCommand::Orphan,
            4 => {
                live.wait(&mut step);
                live.go_on();
                continue;
            }
            _ => {
                let command = CommandId(Uuid::new_v5(&Uuid::from_u128(2), b"verify"));
                let outcome = step.pick(&OUTCOMES);
                if let Some(step) = live.flow.answer((command, outcome), live.at) {
                    live.write(&step);
                }
                continue;
            }
        };
        if let Ok(step) = live.flow.command(command, live.at) {
            live.write(&step);
        }
    }
}
