use super::*;
use crate::loyalty::Answer;
use crate::pan::Masked;
use crate::port::processing::{Class, Outcome};

const BEGUN: Timestamp = Timestamp::utc(1_790_000_000_000);
const PATIENCE: Duration = Duration::from_secs(1_800);

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn opened(what: What) -> Opened {
    Opened {
        purchase: id(7).into(),
        till: "till-1".into(),
        what,
        total: Kopecks(37_000),
        replaces: None,
        patience_ms: 1_800_000,
        at: BEGUN,
    }
}

fn message(number: u128, kind: Kind) -> Message {
    let amount = if kind == Kind::Pay { Kopecks(10_000) } else { Kopecks::ZERO };
    let body = if is_repeatable(kind) { Body::of(&"body") } else { Body::default() };
    Message { id: id(number), kind, at: BEGUN, amount, body }
}

/// A purchase as its stream has it: each step is written, read back and folded.
#[derive(Clone)]
struct Live {
    flow: PurchaseFlow,
    at: Timestamp,
    ids: u128,
}

impl Live {
    fn new(what: What) -> Self {
        let flow = PurchaseFlow::new(stream(&id(7).into()));
        let mut live = Self { flow, at: BEGUN, ids: 100 };
        live.ask(PurchaseCommand::Open(opened(what))).unwrap();
        live
    }

    fn take(&mut self, events: &[PurchaseEvent]) {
        for event in events {
            let record = PurchaseFlow::encode(event);
            assert_eq!(PurchaseFlow::decode(&record).as_ref(), Ok(event));
            self.flow.apply(event).unwrap();
        }
        // What is asked of a flow always fits it.
        if let Next::Commit(step) = self.flow.next(self.at) {
            let mut after = self.flow.clone();
            step.events.iter().try_for_each(|event| after.apply(event)).unwrap();
        }
    }

    fn ask(&mut self, command: PurchaseCommand) -> Result<usize, Refusal> {
        let step = self.flow.command(command, self.at)?;
        self.take(&step.events);
        Ok(step.events.len())
    }

    fn queue(&mut self, kind: Kind) -> Result<Uuid, Refusal> {
        self.ids += 1;
        self.ask(PurchaseCommand::Queue(message(self.ids, kind)))?;
        Ok(id(self.ids))
    }

    fn said(&mut self, first: bool, outcome: Outcome) {
        let id = self.flow.queue[0].message.id;
        let kept = if let Outcome::Done(_) = outcome { Body::of(&"kept") } else { Body::default() };
        let answer = PurchaseAnswer { id, first, outcome, kept };
        let step = self.flow.answer(answer, self.at).unwrap();
        self.take(&step.events);
    }

    /// Asked for the first time and answered so.
    fn told(mut self, kind: Kind, outcome: Outcome) -> Self {
        self.queue(kind).unwrap();
        self.said(true, outcome);
        self
    }

    fn judge(&mut self, judgement: PurchaseJudgement) -> Result<usize, Refusal> {
        self.ask(PurchaseCommand::Judge { by: "Анна".into(), judgement })
    }

    fn kinds(&self) -> Vec<Kind> {
        self.flow.queue.iter().map(|waiting| waiting.message.kind).collect()
    }
}

fn done() -> Outcome {
    Outcome::Done(Box::default())
}

fn refused(class: Class) -> Outcome {
    let (code, text) = ("0".into(), Masked::new("нет"));
    Outcome::Refused(processing::Refusal { class, code, text })
}

fn silent() -> Outcome {
    Outcome::InDoubt(Masked::new("no answer"))
}

fn no_link() -> Outcome {
    Outcome::Unreached(Masked::new("no link"))
}

fn sale() -> Live {
    Live::new(What::Sale)
}

fn calculated() -> Live {
    sale().told(Kind::Calculate, done())
}

fn paid() -> Live {
    let answer = Answer { amount: Some(Kopecks(9_000)), ..Answer::default() };
    calculated().told(Kind::Pay, Outcome::Done(Box::new(answer)))
}

fn closed() -> Live {
    paid().told(Kind::Accrue, done())
}

/// The life of loymax.md 9.1: each step leads where the table says, and keeps its answer.
#[test]
fn a_sale_from_the_first_question_to_the_end() {
    assert_eq!(sale().flow.stage, Stage::Open);
    assert_eq!(calculated().flow.stage, Stage::Calculated);
    let flow = paid().flow;
    let points = Points { operation: id(102), amount: Kopecks(9_000) };
    assert_eq!((flow.stage, flow.paid), (Stage::Paid, Some(points)));
    assert_eq!(closed().flow.stage, Stage::Closed);
    let flow = closed().told(Kind::Confirm, done()).flow;
    assert_eq!((flow.stage, flow.due(BEGUN)), (Stage::Confirmed, Due::Over));
    assert_eq!(flow.answer_to(Kind::Accrue).unwrap().answer, Body::of(&"kept"));
    let over = Head { status: Status::Done, total: Kopecks(37_000), ..Head::default() };
    assert_eq!(flow.head(), over);
    assert!(flow.reserve.is_none(), "what is over holds no bodies");
    let flow = paid().told(Kind::Cancel, done()).flow;
    assert_eq!(flow.stage, Stage::Cancelled);
    let flow = paid().told(Kind::CancelOne, done()).flow;
    assert_eq!((flow.stage, flow.paid), (Stage::Calculated, None));
    assert_eq!(sale().told(Kind::Accrue, done()).flow.stage, Stage::Closed, "offline");
}

#[test]
fn what_may_be_asked_where() {
    use Kind::{Accrue, Calculate, Cancel, CancelOne, Card, Confirm, Pay, Refund};
    let torn = calculated().told(Pay, silent());
    let over = closed().told(Confirm, done());
    let rows: [(&str, Live, &[Kind]); 9] = [
        ("open", sale(), &[Calculate, Pay, Accrue, Cancel]),
        ("calculated", calculated(), &[Calculate, Pay, Accrue, Confirm, Cancel]),
        ("paid", paid(), &[Accrue, Confirm, Cancel, CancelOne]),
        ("closed", closed(), &[Confirm, Cancel]),
        ("torn", torn, &[Cancel]),
        ("over", over, &[]),
        ("refund", Live::new(What::Refund), &[Cancel, Refund]),
        ("returned", Live::new(What::Refund).told(Refund, done()), &[Confirm, Cancel]),
        ("card", Live::new(What::Card), &[Card]),
    ];
    for (name, live, may) in rows {
        for kind in Kind::ALL {
            let may = may.contains(&kind);
            assert_eq!(live.flow.may(kind), may, "{name}: {kind:?}");
            assert_eq!(live.clone().queue(kind).is_ok(), may, "{name}: {kind:?}");
        }
    }
    assert!(!PurchaseFlow::new(stream(&id(7).into())).may(Cancel));
}

/// The table of loymax.md 9.3: a break in the middle of an online sale.
#[test]
fn a_break_in_the_middle_of_a_sale() {
    // Nobody knows what became of it: it is cancelled, and never asked again.
    for live in [sale().told(Kind::Calculate, silent()), calculated().told(Kind::Pay, silent())] {
        let mut live = live;
        assert_eq!((live.flow.stage, live.flow.due(BEGUN)), (Stage::Torn, Due::Cancel));
        assert_eq!(live.flow.head().wake_at, Some(BEGUN));
        let successor = live.flow.successor().unwrap();
        assert_ne!(successor, id(7).into());
        live.queue(Kind::Cancel).unwrap();
        live.said(true, no_link());
        assert_eq!(live.flow.due(BEGUN), Due::Wait(BEGUN.after(BACKOFF[0])));
        live.said(false, refused(Class::UnknownPurchase));
        assert_eq!((live.flow.stage, live.flow.torn), (Stage::Cancelled, true));
        assert_eq!(live.flow.successor(), Some(successor));
    }
    // It never left the till: the purchase stands as before.
    assert_eq!(sale().told(Kind::Calculate, no_link()).flow, {
        let mut flow = sale().flow;
        flow.touched = BEGUN;
        flow
    });
    assert_eq!(calculated().told(Kind::Pay, no_link()).flow.stage, Stage::Calculated);
    // The cheque was changed, and the processing has the old one.
    // What was granted before may be for another cheque; after a payment it is for this one.
    let asked_again = calculated().told(Kind::Calculate, no_link()).flow;
    assert_eq!((asked_again.stage, asked_again.answer_to(Kind::Calculate)), (Stage::Torn, None));
    let unpaid = calculated().told(Kind::Pay, silent()).flow;
    assert!(unpaid.stage == Stage::Torn && unpaid.answer_to(Kind::Calculate).is_some());
    // What can be sent again is, in its order.
    for live in [calculated(), paid(), sale()] {
        for outcome in [silent(), no_link()] {
            let mut live = live.clone().told(Kind::Accrue, outcome);
            let accrue = id(live.ids);
            live.queue(Kind::Confirm).unwrap();
            assert_eq!(live.kinds(), [Kind::Accrue, Kind::Confirm]);
            live.at = BEGUN.after(BACKOFF[0]);
            assert!(matches!(live.flow.due(live.at), Due::Send(message) if message.id == accrue));
            live.said(false, done());
            live.said(true, silent());
            live.said(false, refused(Class::Confirmed));
            assert_eq!(live.flow.stage, Stage::Confirmed);
        }
    }
}

/// The program dies between the write and the answer.
#[test]
fn what_was_interrupted_is_known_by_its_kind() {
    for kind in [Kind::Calculate, Kind::Pay] {
        let mut live = if kind == Kind::Pay { calculated() } else { sale() };
        live.queue(kind).unwrap();
        assert!(matches!(live.flow.due(BEGUN), Due::Interrupted(message) if message.kind == kind));
        assert_eq!(live.flow.head().wake_at, Some(BEGUN));
        live.at = BEGUN.after(PATIENCE);
        assert!(matches!(live.flow.next(live.at), Next::Wait(_)));
        live.said(false, silent());
        assert_eq!(live.flow.stage, Stage::Torn);
    }
    let mut live = paid();
    live.queue(Kind::Accrue).unwrap();
    assert!(matches!(live.flow.due(BEGUN), Due::Send(_)));
}

#[test]
fn a_repeat_that_was_done_is_done() {
    use Class::{Cancelled, Confirmed, Repeated, UnknownPurchase};
    let rows = [
        (Kind::Confirm, Confirmed, true, Stage::Confirmed),
        (Kind::Confirm, Confirmed, false, Stage::Confirmed),
        (Kind::Confirm, Repeated, false, Stage::Confirmed),
        (Kind::Cancel, Cancelled, true, Stage::Cancelled),
        (Kind::Cancel, Repeated, false, Stage::Cancelled),
        (Kind::Cancel, UnknownPurchase, true, Stage::Cancelled),
    ];
    for (kind, class, first, stage) in rows {
        let mut live = closed();
        live.queue(kind).unwrap();
        live.said(first, refused(class));
        assert_eq!(live.flow.stage, stage, "{kind:?} {class:?}");
    }
    let mut live = paid();
    live.queue(Kind::Accrue).unwrap();
    live.said(false, refused(Repeated));
    assert_eq!(live.flow.stage, Stage::Closed);
    assert!(live.flow.answer_to(Kind::Accrue).is_none());
    // The number of a refund is taken by the refund itself, or, at the first time, by another.
    let refund = Live::new(What::Refund).told(Kind::Refund, refused(Class::PurchaseTaken));
    assert_eq!(refund.flow.stage, Stage::Open);
    let mut refund = Live::new(What::Refund).told(Kind::Refund, silent());
    refund.said(false, refused(Class::PurchaseTaken));
    assert_eq!(refund.flow.stage, Stage::Closed);
}

/// 207 to a first sending: the id is somebody else's.
#[test]
fn an_id_that_is_taken_is_changed() {
    let mut live = paid().told(Kind::Accrue, refused(Class::Repeated));
    for number in 1..=u128::from(RENEWALS_MAX) {
        assert_eq!(live.flow.due(BEGUN), Due::Anew(1));
        assert_eq!(
            live.ask(PurchaseCommand::Renew(vec![id(1), id(2)])),
            Err(Refusal::PurchaseState)
        );
        live.ask(PurchaseCommand::Renew(vec![id(number)])).unwrap();
        assert!(matches!(live.flow.due(BEGUN), Due::Send(message) if message.id == id(number)));
        assert_eq!(live.flow.queue[0].message.body, Body::of(&"body"));
        live.said(true, refused(Class::Repeated));
    }
    assert!(live.flow.trouble.is_none(), "the till hears of it");
    assert_eq!((live.flow.stage, live.kinds()), (Stage::Paid, vec![]));
}

/// 216 to *confirm*: accrue again, then confirm.
#[test]
fn a_purchase_that_was_lost_is_told_anew() {
    let mut live = calculated().told(Kind::Accrue, done()).told(Kind::Confirm, silent());
    live.said(false, refused(Class::UnknownPurchase));
    assert_eq!(live.flow.due(live.at), Due::Anew(2));
    assert!(live.queue(Kind::Cancel).is_err());
    live.ask(PurchaseCommand::Renew(vec![id(1), id(2)])).unwrap();
    assert_eq!(live.kinds(), [Kind::Accrue, Kind::Confirm]);
    let ids: Vec<_> = live.flow.queue.iter().map(|waiting| waiting.message.id).collect();
    assert_eq!(ids, [id(1), id(2)]);
    assert_eq!(live.flow.queue[0].message.body, Body::of(&"body"));
    live.said(true, done());
    live.said(true, done());
    assert_eq!(live.flow.stage, Stage::Confirmed);
    // Points were taken for it, and the guest has the discount: a person looks.
    let mut live = closed().told(Kind::Confirm, refused(Class::UnknownPurchase));
    assert_eq!((live.flow.due(BEGUN), live.flow.head().status), (Due::Person, Status::NeedsPerson));
    live.judge(PurchaseJudgement::GiveUp).unwrap();
    assert_eq!((live.flow.stage, live.flow.head().status), (Stage::GivenUp, Status::Done));
    // And not for ever.
    let mut live = sale().told(Kind::Accrue, done()).told(Kind::Confirm, silent());
    for number in 0..=RENEWALS_MAX {
        assert_eq!(live.flow.trouble, None, "{number}");
        live.said(false, refused(Class::UnknownPurchase));
        let ids = [u128::from(number) * 2, u128::from(number) * 2 + 1].map(id).to_vec();
        if live.ask(PurchaseCommand::Renew(ids)).is_ok() {
            live.said(true, done());
        }
    }
    assert_eq!(live.flow.due(BEGUN), Due::Person);
}

/// Under the policy of fresh ids each sending has its own.
#[test]
fn a_repeat_may_have_a_fresh_id() {
    let mut live = paid().told(Kind::Accrue, silent());
    for number in 1..=9 {
        live.ask(PurchaseCommand::Renew(vec![id(number)])).unwrap();
        assert_eq!(live.flow.queue[0].message.id, id(number));
        live.said(true, silent());
    }
    let mut live = calculated();
    live.queue(Kind::Pay).unwrap();
    assert!(live.ask(PurchaseCommand::Renew(vec![id(1)])).is_err(), "never a payment");
}

#[test]
fn waits_grow_and_never_end() {
    let mut live = closed().told(Kind::Confirm, no_link());
    for (nth, seconds) in [5, 15, 60, 300, 300, 300].into_iter().enumerate() {
        let wait = Due::Wait(live.at.after(Duration::from_secs(seconds)));
        assert_eq!(live.flow.due(live.at), wait, "{nth}");
        live.at = live.at.after(Duration::from_secs(seconds));
        assert!(matches!(live.flow.due(live.at), Due::Send(_)));
        let outcome = if nth % 2 == 0 { silent() } else { refused(Class::Unavailable) };
        live.said(false, outcome);
    }
    // 237: after a second, three times.
    let mut live = closed().told(Kind::Confirm, refused(Class::Conflict));
    for _ in 0..CONFLICT_TRIES_MAX {
        assert_eq!(live.flow.due(live.at), Due::Wait(live.at.after(CONFLICT_WAIT)));
        live.said(false, refused(Class::Conflict));
    }
    assert_eq!(live.flow.due(live.at), Due::Person);
}

#[test]
fn what_is_refused_for_good_waits_for_a_person_with_the_rest() {
    let mut live = paid().told(Kind::Accrue, silent());
    live.queue(Kind::Confirm).unwrap();
    live.said(false, refused(Class::UnknownGuest));
    let trouble = live.flow.trouble.clone().unwrap();
    assert!(matches!(trouble, Trouble::Refused { kind: Kind::Accrue, .. }));
    assert_eq!(live.kinds(), [Kind::Accrue, Kind::Confirm]);
    let head = live.flow.head();
    assert_eq!((head.status, head.wake_at), (Status::NeedsPerson, None));
    assert_eq!(head.shelf, Some(shelf("till-1")));
    let late = PurchaseAnswer { id: id(103), first: false, outcome: done(), kept: Body::default() };
    assert!(live.flow.answer(late, BEGUN).is_none(), "an answer that nobody waits for");
    let dead = live.clone();
    live.judge(PurchaseJudgement::Retry).unwrap();
    assert!(matches!(live.flow.due(BEGUN), Due::Send(message) if message.kind == Kind::Accrue));
    assert!(live.judge(PurchaseJudgement::Retry).is_err(), "nothing is wrong any more");
    // Or the person has all of it taken back.
    let mut live = dead;
    live.queue(Kind::Cancel).unwrap();
    assert_eq!((live.kinds(), live.flow.trouble.clone()), (vec![Kind::Cancel], None));
    // Settings that are wrong are a person's as well, and a cancel of what is confirmed.
    for (kind, class) in [(Kind::Confirm, Class::Settings), (Kind::Cancel, Class::Confirmed)] {
        assert_eq!(closed().told(kind, refused(class)).flow.due(BEGUN), Due::Person);
    }
}

/// The guest waits: a refusal changes nothing, and the till decides.
#[test]
fn a_refusal_at_the_till_is_told_there() {
    for (live, kind) in
        [(sale(), Kind::Calculate), (calculated(), Kind::Pay), (paid(), Kind::Accrue)]
    {
        let before = live.flow.stage;
        let live = live.told(kind, refused(Class::UnknownGuest));
        assert_eq!((live.flow.stage, live.flow.due(BEGUN)), (before, Due::Till), "{kind:?}");
    }
    // What was perhaps taken in is not known.
    for class in [Class::Pending, Class::Repeated, Class::AlreadyPaid, Class::Unavailable] {
        assert_eq!(calculated().told(Kind::Pay, refused(class)).flow.stage, Stage::Torn);
    }
    for class in [Class::OtherCheque, Class::WrongOrder, Class::Cancelled] {
        assert!(calculated().told(Kind::Accrue, refused(class)).flow.torn, "{class:?}");
        assert_eq!(paid().told(Kind::Accrue, refused(class)).flow.stage, Stage::Paid, "{class:?}");
    }
    let card = Live::new(What::Card).told(Kind::Card, no_link());
    assert_eq!((card.flow.stage, card.flow.due(BEGUN)), (Stage::Open, Due::Till));
    let card = Live::new(What::Card).told(Kind::Card, silent());
    assert!(matches!(card.flow.due(BEGUN), Due::Wait(_)));
}

#[test]
fn a_pin_is_asked_three_times() {
    let mut live = calculated();
    for _ in 0..PIN_TRIES_MAX {
        live = live.told(Kind::Pay, refused(Class::WrongPin));
    }
    assert!(!live.flow.may(Kind::Pay));
    assert!(live.flow.may(Kind::Accrue));
}

/// A till that never says how the sale ended.
#[test]
fn what_nobody_decides_is_cancelled_or_listed() {
    let late = BEGUN.after(PATIENCE);
    let next = |mut live: Live| {
        live.at = late;
        let Next::Commit(step) = live.flow.next(late) else { return live };
        live.take(&step.events);
        live
    };
    let open = next(sale());
    assert_eq!((open.flow.stage, open.flow.due(late)), (Stage::Cancelled, Due::Over));
    assert_eq!(next(calculated()).flow.due(late), Due::Cancel);
    for live in [paid(), closed(), paid().told(Kind::Accrue, silent())] {
        let before = Timestamp::utc(late.utc_ms - 1);
        assert!(matches!(live.flow.next(before), Next::Wait(_)));
        let mut live = next(live);
        assert_eq!(live.flow.trouble, Some(Trouble::Undecided));
        assert_eq!(live.flow.head().status, Status::NeedsPerson);
        // The till comes back after all, or a person says how it ended.
        let mut late_till = live.clone();
        late_till.queue(Kind::Confirm).unwrap();
        assert_eq!(late_till.flow.trouble, None);
        live.queue(Kind::Cancel).unwrap();
        assert_eq!(live.flow.trouble, None);
    }
    let decided = paid().told(Kind::Cancel, no_link());
    assert!(matches!(decided.flow.next(late), Next::Wait(_)), "it was decided");
    let mut silent = sale();
    assert_eq!(silent.ask(PurchaseCommand::Forget), Ok(1));
    assert_eq!(silent.flow.stage, Stage::Cancelled);
    assert!(calculated().ask(PurchaseCommand::Forget).is_err());
}

#[test]
fn a_purchase_is_opened_once() {
    let mut live = sale();
    assert_eq!(live.ask(PurchaseCommand::Open(opened(What::Sale))), Ok(0));
    assert!(live.ask(PurchaseCommand::Open(opened(What::Refund))).is_err());
    let mut flow = PurchaseFlow::new(stream(&id(7).into()));
    let long = Opened { till: "t".repeat(TILL_LEN_MAX + 1).into(), ..opened(What::Sale) };
    assert!(flow.command(PurchaseCommand::Open(long), BEGUN).is_err());
    assert!(shelf(&"t".repeat(TILL_LEN_MAX)).len() <= 64);
    assert_eq!(flow.apply(&PurchaseEvent::Queued(message(1, Kind::Pay))), Err(Illegal));
    assert_eq!(flow.apply(&PurchaseEvent::Part(Body::default())), Err(Illegal));
}

#[test]
fn a_stream_has_the_number_of_its_purchase() {
    assert_eq!(stream(&id(7).into()), StreamId { kind: StreamKind::Purchase, id: id(7) });
    let other = |text| stream(&PurchaseId::try_new(text).unwrap()).id;
    let dashed = id(7).to_string();
    let ids = [other("00000000000000000042"), other("42"), other(&dashed), id(7)];
    assert!((1..ids.len()).all(|at| !ids[..at].contains(&ids[at])), "{ids:?}");
    assert_eq!(PurchaseFlow::new(stream(&id(7).into())).successor(), None);
}

/// A cheque of a thousand lines does not fit into one record.
#[test]
fn a_long_body_is_written_in_pieces() {
    let mut live = sale();
    let bytes: Vec<u8> = (0..PART_MAX * 3 + 5).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let body = Body::from_bytes(bytes);
    let accrue = Message { body: body.clone(), ..message(1, Kind::Accrue) };
    assert_eq!(live.ask(PurchaseCommand::Queue(accrue.clone())), Ok(4));
    assert_eq!(live.flow.queue[0].message, accrue);
    let answer = PurchaseAnswer { id: id(1), first: true, outcome: done(), kept: body.clone() };
    let step = live.flow.answer(answer, BEGUN).unwrap();
    let largest = step.events.iter().map(|event| PurchaseFlow::encode(event).body.len()).max();
    assert!(largest.unwrap() <= crate::book::RECORD_BODY_MAX);
    live.take(&step.events);
    assert_eq!(live.flow.answer_to(Kind::Accrue).unwrap().answer, body);
    let huge = Body::from_bytes(vec![0; BODY_MAX + 1]);
    let accrue = Message { body: huge.clone(), ..message(1, Kind::Accrue) };
    assert!(sale().ask(PurchaseCommand::Queue(accrue)).is_err());
    // The outcome counts, even when its text cannot be kept.
    let mut live = sale();
    live.queue(Kind::Accrue).unwrap();
    let answer = PurchaseAnswer { id: id(101), first: true, outcome: done(), kept: huge };
    let step = live.flow.answer(answer, BEGUN).unwrap();
    live.take(&step.events);
    assert_eq!(live.flow.stage, Stage::Closed);
}
