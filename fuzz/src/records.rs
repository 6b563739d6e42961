//! Stored bytes: the journal of every flow, and what rows keep in core's codec.
//!
//! Bytes are refused, or are a value that is written as the same bytes again. Whatever a stream
//! holds, folding it ends in a state or in an error.

use minicbor::{Decode, Encode};
use tillway_core::Timestamp;
use tillway_core::account::Parts;
use tillway_core::book::{
    Payer, RECORD_BODY_MAX, Record, Refusal, Seq, Stored, StreamId, StreamKind,
};
use tillway_core::flow::purchase::{
    Due, PurchaseAnswer, PurchaseCommand, PurchaseJudgement, stream,
};
use tillway_core::flow::{
    AttemptFlow, BindingAnswer, BindingCommand, BindingFlow, Body, Flow, Next, PaymentCommand,
    PaymentFlow, PurchaseFlow, Step, append, decode_lines, encode_lines, fold,
};
use tillway_core::guest::Guest;
use tillway_core::id::{CommandId, OrderId, PaymentId, Uuid};
use tillway_core::loyalty::PurchaseId;
use tillway_core::pan::Masked;
use tillway_core::port::CommandOutcome;
use tillway_core::port::processing::{Class, Outcome, Refusal as Refused};

use crate::bytes::Bytes;
use crate::flows::{OUTCOMES, moment};

/// A stream of one of the flows, or the bytes of a row.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.below(5) {
        0 => binding(&mut bytes),
        1 => payment(&mut bytes),
        2 => {
            let stream = StreamId { kind: StreamKind::Attempt, id: Uuid::from_u128(3) };
            let flow = stored::<AttemptFlow>(stream, 3, &mut bytes);
            after(&flow, flow.next(Timestamp::utc(0)), stream);
        }
        3 => row(&mut bytes),
        _ => purchase(&mut bytes),
    }
}

fn binding(bytes: &mut Bytes<'_>) {
    let stream = StreamId::from(OrderId(Uuid::from_u128(82)));
    let at = moment(bytes);
    let flow = stored::<BindingFlow>(stream, 1, bytes);
    after(&flow, flow.next(at), stream);
    for command in [
        BindingCommand::CheckOut,
        BindingCommand::Restart,
        BindingCommand::Close,
        BindingCommand::Touch(at),
    ] {
        let step = flow.command(command, at).unwrap_or_else(|_| Step::nothing());
        after(&flow, Next::Commit(step), stream);
    }
    let commands = flow.strays.iter().flat_map(|stray| [stray.command, stray.bind]);
    for command in commands.chain([CommandId(Uuid::from_u128(2))]) {
        for outcome in OUTCOMES {
            let answered = flow.answer(BindingAnswer { command, outcome }, at);
            after(&flow, Next::Commit(answered.unwrap_or_else(Step::nothing)), stream);
        }
    }
}

fn payment(bytes: &mut Bytes<'_>) {
    let stream = StreamId::from(PaymentId(Uuid::from_u128(2)));
    let at = moment(bytes);
    let flow = stored::<PaymentFlow>(stream, 2, bytes);
    after(&flow, flow.next(at), stream);
    for command in [PaymentCommand::Acknowledge, PaymentCommand::Cancel, PaymentCommand::Orphan] {
        let step = flow.command(command, at).unwrap_or_else(|_| Step::nothing());
        after(&flow, Next::Commit(step), stream);
    }
    let _answered = flow.answer((CommandId(Uuid::from_u128(2)), CommandOutcome::Done), at);
}

fn purchase(bytes: &mut Bytes<'_>) {
    let stream = stream(&PurchaseId::from(Uuid::from_u128(7)));
    let at = moment(bytes);
    let flow = stored::<PurchaseFlow>(stream, 4, bytes);
    after(&flow, flow.next(at), stream);
    let judge = |judgement| PurchaseCommand::Judge { by: "Анна".into(), judgement };
    for command in [
        PurchaseCommand::Forget,
        PurchaseCommand::Renew(vec![Uuid::from_u128(91)]),
        PurchaseCommand::Renew(vec![Uuid::from_u128(91), Uuid::from_u128(92)]),
        judge(PurchaseJudgement::Retry),
        judge(PurchaseJudgement::GiveUp),
    ] {
        let step = flow.command(command, at).unwrap_or_else(|_| Step::nothing());
        after(&flow, Next::Commit(step), stream);
    }
    let Due::Send(message) = flow.due(at) else { return };
    let refused = |class| Refused { class, code: "".into(), text: Masked::default() };
    for outcome in [
        Outcome::Done(Box::default()),
        Outcome::Unreached(Masked::default()),
        Outcome::InDoubt(Masked::default()),
        Outcome::Refused(refused(Class::Repeated)),
        Outcome::Refused(refused(Class::UnknownPurchase)),
        Outcome::Refused(refused(Class::Conflict)),
        Outcome::Refused(refused(Class::Other)),
    ] {
        let (id, kept) = (message.id, Body::default());
        let answer = PurchaseAnswer { id, first: false, outcome, kept };
        let step = flow.answer(answer, at).unwrap_or_else(Step::nothing);
        after(&flow, Next::Commit(step), stream);
    }
}

/// Folds records as a store would give them, one by one and all at once.
fn stored<F: Flow>(stream: StreamId, kind: u16, bytes: &mut Bytes<'_>) -> F {
    let mut flow = F::new(stream);
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let version = if bytes.rarely(32) { bytes.u16() } else { 1 };
        let length = usize::from(bytes.u16()) % 1_024;
        let record = Record { kind, version, body: bytes.take(length).into() };
        let Ok(event) = F::decode(&record) else { continue };
        let again = F::encode(&event);
        assert!(again.body.len() <= RECORD_BODY_MAX);
        assert_eq!(again, record, "other bytes than those that were read");
        let mut next = flow.clone();
        if next.apply(&event).is_ok() {
            let seq = Seq(records.len() as u64 + 1);
            records.push(Stored { seq, at: Timestamp::utc(0), record });
            flow = next;
            let _shown = flow.head();
        }
    }
    let mut whole = F::new(stream);
    fold(&mut whole, &records).expect("it was folded before");
    assert_eq!(whole, flow);
    flow
}

/// What a flow wants to write fits it, and reads back.
fn after<F: Flow>(flow: &F, next: Next<F::Event>, stream: StreamId) {
    let Next::Commit(step) = next else { return };
    // An epoch may be at its end.
    let Ok((_, after)) = append(flow, stream, None, &step.events) else { return };
    let mut replayed = flow.clone();
    for event in &step.events {
        let read = F::decode(&F::encode(event)).expect("what was written reads back");
        replayed.apply(&read).expect("it was applied before");
    }
    assert_eq!(replayed, after, "replay is not what went on live");
}

fn row(bytes: &mut Bytes<'_>) {
    let kind = bytes.below(5);
    let body = bytes.rest();
    match kind {
        0 => {
            let Ok(lines) = decode_lines(body) else { return };
            assert_eq!(decode_lines(&encode_lines(&lines)).as_ref(), Ok(&lines));
        }
        1 => read_back::<Refusal>(body),
        2 => read_back::<Guest>(body),
        3 => read_back::<Payer>(body),
        _ => read_back::<Parts>(body),
    }
}

fn read_back<T>(body: &[u8])
where
    T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + core::fmt::Debug,
{
    let Ok(value) = minicbor::decode::<T>(body) else { return };
    let written = minicbor::to_vec(&value).expect("into a Vec");
    assert!(minicbor::decode::<T>(&written).is_ok_and(|again| again == value), "{value:?}");
}
