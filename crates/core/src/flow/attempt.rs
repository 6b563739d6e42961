//! One attempt at a device that touches the outside: a fiscal document, a card payment.
//!
//! ```text
//!          before the call            its answer
//! new ────────────────────▶ open ──────────────────▶ done, refused
//!                             │ no answer, or none that can be believed
//!                             ▼
//!                          in doubt ──found──▶ done, refused
//!                             │ the device cannot say
//!                             ▼
//!                          a person ──judged─▶ done, refused
//! ```
//!
//! A payment that is done may be **held** before anything else happens at its terminal: it is in
//! nobody's hands until it is released again, confirmed or undone.
//!
//! A person may also decide earlier: a device may be gone for good. An attempt that was asked about
//! before it was begun is **buried**: begun and found refused in one step, so that a call which is
//! still on its way cannot begin it later.
//!
//! The stream is written before the device is touched and after it answered, so that a restart
//! knows what may have happened and never repeats it. What was asked and what was answered are
//! bytes of the device's own types: this flow only knows how far it got.

use core::fmt;

use minicbor::{Decode, Encode};

use crate::Kopecks;
use crate::book::{Head, Record, Refusal, Status, StreamId};
use crate::flow::{BadRecord, Flow, Illegal, Lane, Next, Step, decode_event, encode_event};
use crate::id::{Fingerprint, Owner, Uuid};
use crate::time::Timestamp;

/// The flow of one attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttemptFlow {
    /// Its id, which the device may have been given.
    pub id: Uuid,
    /// What was begun; `None` before.
    pub begun: Option<Begun>,
    /// How far it got.
    pub standing: Standing,
    /// It was held, and was undone by another attempt: nothing holds or confirms it any more.
    pub undone: bool,
}

/// How far an attempt got.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Not begun.
    New,
    /// The device may be at it, or the program stopped before it answered.
    Open,
    /// The answer is lost or cannot be believed.
    InDoubt(Said),
    /// The device cannot say. A person is asked.
    Person(Said),
    /// It is known what became of it.
    Known(Said),
    /// It was done, and may still be undone: the device waits for a word.
    Held(Said),
}

/// What an attempt is about.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Begun {
    /// The device, by the name that the venue gave it; at most 56 bytes.
    #[n(0)]
    pub device: Box<str>,
    /// What it was asked to do.
    #[n(1)]
    pub what: Body,
    /// The money at stake.
    #[n(2)]
    pub total: Kopecks,
    /// Where the device stood before: where a search begins. Read anew for each beginning.
    #[n(3)]
    pub before: Body,
    /// Which run of the program began it. After an answer of the store was lost it tells whether
    /// the record is one's own.
    #[n(4)]
    pub run: Owner,
}

impl Begun {
    /// Whether the same is asked. A repeat has another mark, and may come from another run.
    pub fn is_repeat_of(&self, other: &Self) -> bool {
        (&self.device, &self.what, self.total) == (&other.device, &other.what, other.total)
    }
}

/// What a device, a search or a person said.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Said {
    /// What it means.
    #[n(0)]
    pub verdict: Verdict,
    /// In the device's own types.
    #[n(1)]
    pub body: Body,
    /// The person, when it was one.
    #[n(2)]
    pub by: Option<Box<str>>,
    /// The name that the device gave to what it did, such as the bank's reference number: the
    /// attempt is found by it later.
    #[n(3)]
    pub reference: Option<Box<str>>,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, PartialEq)]
#[cbor(index_only)]
pub enum Verdict {
    /// It was done.
    #[n(0)]
    Done,
    /// It was not done, and will not be.
    #[n(1)]
    Refused,
    /// Unknown, and the device can be asked.
    #[n(2)]
    InDoubt,
    /// Unknown, and only a person can say.
    #[n(3)]
    Person,
}

/// Bytes of a device's own types, in core's codec.
///
/// Shown by its length alone: a receipt names its guest, and may have marking codes.
#[derive(Clone, Decode, Default, Encode, Eq, PartialEq)]
#[cbor(transparent)]
pub struct Body(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>);

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

impl Body {
    /// Bytes that somebody else wrote.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, taken.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// How many bytes there are.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// The bytes of a value.
    pub fn of<T: Encode<()>>(value: &T) -> Self {
        // Writing to memory cannot fail, and our types have no encoder that does.
        Self(minicbor::to_vec(value).unwrap_or_default())
    }

    /// The value of the bytes; `None` when they are of another type.
    pub fn read<T: for<'b> Decode<'b, ()>>(&self) -> Option<T> {
        minicbor::decode(&self.0).ok()
    }
}

/// What happened in an attempt.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub enum AttemptEvent {
    /// It was written down, before the device was touched.
    #[n(0)]
    Begun(#[n(0)] Begun),
    /// The device answered.
    #[n(1)]
    Answered(#[n(0)] Said),
    /// It was found out later.
    #[n(2)]
    Found(#[n(0)] Said),
    /// A person decided.
    #[n(3)]
    Judged(#[n(0)] Said),
    /// The device is told to wait for a word before it is final.
    #[n(4)]
    Held,
    /// It is final, or its device never held it.
    #[n(5)]
    Released,
    /// It was held, and another attempt undid it.
    #[n(6)]
    Undone,
}

/// What may be asked of an attempt.
#[derive(Clone, Debug)]
pub enum AttemptCommand {
    /// Write it down. A repeat of the same changes nothing.
    Begin(Begun),
    /// The device answered.
    Answer(Said),
    /// It was found out. An approval that comes after everybody had given up counts (F19).
    Find(Said),
    /// A person decided about one that is not settled.
    Judge(Said),
    /// It was asked about and never begun: it is begun and found refused in one step.
    Bury(Begun, Said),
    /// The device is to wait for a word. A repeat changes nothing.
    Hold,
    /// The word was given, or is of no more use. A repeat changes nothing.
    Release,
    /// What was held is undone by another attempt. A repeat changes nothing.
    Undo,
}

/// The number of this flow's records.
const KIND: u16 = 3;

impl AttemptFlow {
    /// What became of it, when that is known.
    pub fn known(&self) -> Option<&Said> {
        match &self.standing {
            Standing::Known(said) | Standing::Held(said) => Some(said),
            _ => None,
        }
    }

    /// Begun, and not known yet or held: it keeps new money off its device.
    pub fn is_unsettled(&self) -> bool {
        !matches!(self.standing, Standing::New | Standing::Known(_))
    }

    /// Whether this may be said now.
    fn may(&self, event: &AttemptEvent) -> bool {
        let known = |said: &Said| matches!(said.verdict, Verdict::Done | Verdict::Refused);
        match (&self.standing, event) {
            (Standing::New, AttemptEvent::Begun(_))
            | (Standing::Open, AttemptEvent::Answered(_)) => true,
            (Standing::Open | Standing::InDoubt(_), AttemptEvent::Found(_)) => true,
            (Standing::Person(_), AttemptEvent::Found(said)) => known(said),
            (
                Standing::Open | Standing::InDoubt(_) | Standing::Person(_),
                AttemptEvent::Judged(said),
            ) => known(said) && said.by.is_some(),
            // Somebody gave up too early, and was wrong.
            (Standing::Known(was), AttemptEvent::Found(said)) => {
                was.verdict == Verdict::Refused && said.verdict == Verdict::Done
            }
            (Standing::Known(was), AttemptEvent::Held) => {
                was.verdict == Verdict::Done && !self.undone
            }
            (Standing::Held(_), AttemptEvent::Released | AttemptEvent::Undone) => true,
            // The device does not hold it any more, and somebody says that it stands.
            (Standing::Held(_), AttemptEvent::Judged(said)) => {
                said.verdict == Verdict::Done && said.by.is_some()
            }
            _ => false,
        }
    }
}

impl Flow for AttemptFlow {
    type Event = AttemptEvent;
    type Command = AttemptCommand;
    type Answer = Said;

    fn new(stream: StreamId) -> Self {
        Self { id: stream.id, begun: None, standing: Standing::New, undone: false }
    }

    fn apply(&mut self, event: &AttemptEvent) -> Result<(), Illegal> {
        if !self.may(event) {
            return Err(Illegal);
        }
        let said = match event {
            AttemptEvent::Begun(begun) => {
                self.begun = Some(begun.clone());
                self.standing = Standing::Open;
                return Ok(());
            }
            AttemptEvent::Answered(said)
            | AttemptEvent::Found(said)
            | AttemptEvent::Judged(said) => said.clone(),
            AttemptEvent::Held | AttemptEvent::Released | AttemptEvent::Undone => {
                let Some(said) = self.known().cloned() else { return Err(Illegal) };
                let held = *event == AttemptEvent::Held;
                self.undone = *event == AttemptEvent::Undone;
                self.standing = if held { Standing::Held(said) } else { Standing::Known(said) };
                return Ok(());
            }
        };
        self.standing = match said.verdict {
            Verdict::Done | Verdict::Refused => Standing::Known(said),
            Verdict::InDoubt => Standing::InDoubt(said),
            Verdict::Person => Standing::Person(said),
        };
        Ok(())
    }

    fn next(&self, _: Timestamp) -> Next<AttemptEvent> {
        Next::Done
    }

    fn command(
        &self,
        command: AttemptCommand,
        _: Timestamp,
    ) -> Result<Step<AttemptEvent>, Refusal> {
        let event = match command {
            AttemptCommand::Begin(begun)
                if self.begun.as_ref().is_some_and(|was| was.is_repeat_of(&begun)) =>
            {
                return Ok(Step::nothing());
            }
            AttemptCommand::Bury(begun, said)
                if self.begun.is_none() && said.verdict == Verdict::Refused =>
            {
                let events = vec![AttemptEvent::Begun(begun), AttemptEvent::Found(said)];
                return Ok(Step { events, ops: Vec::new() });
            }
            AttemptCommand::Bury(..) => return Err(Refusal::AttemptSettled),
            AttemptCommand::Begin(begun) => AttemptEvent::Begun(begun),
            AttemptCommand::Answer(said) => AttemptEvent::Answered(said),
            AttemptCommand::Find(said) => AttemptEvent::Found(said),
            AttemptCommand::Judge(said) => AttemptEvent::Judged(said),
            AttemptCommand::Hold if matches!(self.standing, Standing::Held(_)) => {
                return Ok(Step::nothing());
            }
            AttemptCommand::Hold => AttemptEvent::Held,
            AttemptCommand::Release if matches!(self.standing, Standing::Known(_)) => {
                return Ok(Step::nothing());
            }
            AttemptCommand::Release => AttemptEvent::Released,
            AttemptCommand::Undo if self.undone => return Ok(Step::nothing()),
            AttemptCommand::Undo => AttemptEvent::Undone,
        };
        if self.may(&event) {
            Ok(Step { events: vec![event], ops: Vec::new() })
        } else {
            Err(Refusal::AttemptSettled)
        }
    }

    fn answer(&self, said: Said, at: Timestamp) -> Option<Step<AttemptEvent>> {
        self.command(AttemptCommand::Answer(said), at).ok()
    }

    fn head(&self) -> Head {
        let status = match self.standing {
            Standing::Known(_) => Status::Done,
            Standing::Person(_) => Status::NeedsPerson,
            _ => Status::Open,
        };
        let listed = self.begun.as_ref().and_then(|begun| match &self.standing {
            Standing::Known(said) => {
                said.reference.as_deref().map(|name| named_shelf(&begun.device, name))
            }
            _ => Some(shelf(&begun.device)),
        });
        Head {
            status,
            wake_at: None,
            shelf: listed,
            total: self.begun.as_ref().map_or(Kopecks::ZERO, |begun| begun.total),
        }
    }

    fn lanes(&self) -> Vec<Lane> {
        let begun = self.begun.iter().filter(|_| self.is_unsettled());
        begun.map(|begun| Lane::of(&begun.device)).collect()
    }

    fn encode(event: &AttemptEvent) -> Record {
        encode_event(KIND, event)
    }

    fn decode(record: &Record) -> Result<AttemptEvent, BadRecord> {
        decode_event(KIND, record)
    }
}

/// Where the open attempts of a device are listed: no till has such a name.
pub fn shelf(device: &str) -> Box<str> {
    format!("device {device}").into()
}

/// Where a settled attempt is listed by the name that its device gave to what it did.
pub fn named_shelf(device: &str, reference: &str) -> Box<str> {
    let name = Fingerprint::of(format!("{device}\n{reference}").as_bytes());
    format!("done {:032x}", u128::from_be_bytes(name.0)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::StreamKind;

    fn new() -> AttemptFlow {
        AttemptFlow::new(StreamId { kind: StreamKind::Attempt, id: Uuid::from_u128(7) })
    }

    fn begun(what: u8) -> Begun {
        let (before, run) = (Body::of(&118_u32), Owner(Uuid::from_u128(9)));
        Begun {
            device: "kiosk 1".into(),
            what: Body::of(&what),
            total: Kopecks(36_000),
            before,
            run,
        }
    }

    fn said(verdict: Verdict) -> Said {
        Said { verdict, body: Body::of(&"text"), by: None, reference: None }
    }

    fn person(verdict: Verdict) -> Said {
        Said { by: Some("Анна".into()), ..said(verdict) }
    }

    fn after(commands: impl IntoIterator<Item = AttemptCommand>) -> Result<AttemptFlow, Refusal> {
        let mut flow = new();
        for command in commands {
            for event in flow.command(command, Timestamp::default())?.events {
                let record = AttemptFlow::encode(&event);
                assert_eq!(AttemptFlow::decode(&record).as_ref(), Ok(&event));
                flow.apply(&event).unwrap();
            }
        }
        Ok(flow)
    }

    use AttemptCommand::{Answer, Begin, Bury, Find, Hold, Judge, Release, Undo};
    use Verdict::{Done, InDoubt, Person, Refused};

    #[test]
    fn an_attempt_is_written_down_first_and_once() {
        assert!(after([Answer(said(Done))]).is_err());
        let flow = after([Begin(begun(1)), Begin(begun(1))]).unwrap();
        assert!(flow.is_unsettled());
        let head = flow.head();
        assert_eq!((head.status, head.total), (Status::Open, Kopecks(36_000)));
        assert_eq!(head.shelf.as_deref(), Some("device kiosk 1"));
        assert!(after([Begin(begun(1)), Begin(begun(2))]).is_err(), "another one, the same id");
    }

    #[test]
    fn what_is_known_stays_known() {
        for verdict in [Done, Refused] {
            let flow = after([Begin(begun(1)), Answer(said(verdict))]).unwrap();
            assert_eq!(flow.known().unwrap().verdict, verdict);
            assert_eq!((flow.head().status, flow.head().shelf), (Status::Done, None));
            for again in [Answer(said(InDoubt)), Find(said(Refused)), Judge(person(Done))] {
                assert!(after([Begin(begun(1)), Answer(said(verdict)), again]).is_err());
            }
        }
    }

    #[test]
    fn a_doubt_is_searched_and_then_a_person_decides() {
        let doubt = [Begin(begun(1)), Answer(said(InDoubt))];
        assert!(after(doubt.clone()).unwrap().is_unsettled());
        let found = after(doubt.clone().into_iter().chain([Find(said(Done))])).unwrap();
        assert_eq!(found.known().unwrap().verdict, Done);
        let asked: Vec<_> = doubt.into_iter().chain([Find(said(Person))]).collect();
        assert_eq!(after(asked.clone()).unwrap().head().status, Status::NeedsPerson);
        let found = after(asked.iter().cloned().chain([Find(said(Refused))])).unwrap();
        assert_eq!(found.known().unwrap().verdict, Refused, "the device came back and can say");
        for still in [InDoubt, Person] {
            assert!(after(asked.iter().cloned().chain([Find(said(still))])).is_err());
        }
        let by_nobody = asked.iter().cloned().chain([Judge(said(Refused))]);
        assert!(after(by_nobody).is_err());
        let undecided = asked.iter().cloned().chain([Judge(person(InDoubt))]);
        assert!(after(undecided).is_err());
        let judged: Vec<_> = asked.into_iter().chain([Judge(person(Refused))]).collect();
        assert_eq!(after(judged.clone()).unwrap().known().unwrap().by.as_deref(), Some("Анна"));
        // F19: the approval comes after the person's no.
        let late = after(judged.into_iter().chain([Find(said(Done))])).unwrap();
        assert_eq!(late.known().unwrap().verdict, Done);
    }

    #[test]
    fn what_was_done_is_held_and_released() {
        let done = [Begin(begun(1)), Answer(said(Done))];
        let held = || done.clone().into_iter().chain([Hold, Hold]);
        let flow = after(held()).unwrap();
        assert!(flow.is_unsettled() && flow.known().unwrap().verdict == Done);
        assert_eq!((flow.head().status, flow.lanes().len()), (Status::Open, 1));
        let flow = after(held().chain([Release, Release])).unwrap();
        assert!(!flow.is_unsettled());
        assert_eq!(flow.head().status, Status::Done);
        assert!(after([Begin(begun(1)), Hold]).is_err());
        assert!(after([Begin(begun(1)), Release]).is_err());
        assert!(after([Begin(begun(1)), Answer(said(Refused)), Hold]).is_err());
        assert!(after(held().chain([Find(said(Done))])).is_err());
    }

    #[test]
    fn what_was_held_and_undone_is_held_no_more() {
        let held = || [Begin(begun(1)), Answer(said(Done)), Hold].into_iter();
        let flow = after(held().chain([Undo, Undo])).unwrap();
        assert!(flow.undone && !flow.is_unsettled());
        assert!(after(held().chain([Undo, Hold])).is_err());
        assert!(after(held().chain([Release, Undo])).is_err());
        assert!(!after(held().chain([Release, Hold])).unwrap().undone);
    }

    #[test]
    fn a_person_says_that_what_was_held_stands() {
        let held = || [Begin(begun(1)), Answer(said(Done)), Hold].into_iter();
        let flow = after(held().chain([Judge(person(Done))])).unwrap();
        assert!(!flow.is_unsettled() && !flow.undone);
        assert!(after(held().chain([Judge(said(Done))])).is_err(), "nobody said it");
        assert!(after(held().chain([Judge(person(Refused))])).is_err());
    }

    #[test]
    fn what_is_settled_is_found_by_its_reference() {
        let reference = Some("407414220712".into());
        let named = Said { reference, ..said(Done) };
        let flow = after([Begin(begun(1)), Answer(named)]).unwrap();
        let shelf = flow.head().shelf.unwrap();
        assert_eq!(shelf, named_shelf("kiosk 1", "407414220712"));
        assert_ne!(shelf, named_shelf("kiosk 2", "407414220712"));
        assert!(shelf.len() < 64);
    }

    /// An answer that nobody waits for means nothing.
    #[test]
    fn an_answer_is_taken_once() {
        let answer = |flow: &AttemptFlow| flow.answer(said(Done), Timestamp::default());
        assert!(answer(&new()).is_none());
        let mut flow = after([Begin(begun(1))]).unwrap();
        let step = answer(&flow).unwrap();
        assert_eq!(step.events, [AttemptEvent::Answered(said(Done))]);
        flow.apply(&step.events[0]).unwrap();
        assert!(answer(&flow).is_none());
    }

    #[test]
    fn a_crash_before_the_answer_leaves_it_open() {
        let flow = after([Begin(begun(1)), Find(said(Refused))]).unwrap();
        assert_eq!(flow.known().unwrap().verdict, Refused);
    }

    /// The device is gone for good: nothing will ever find out more.
    #[test]
    fn a_person_may_decide_about_anything_unsettled() {
        for before in [vec![], vec![Answer(said(InDoubt))]] {
            let all = [Begin(begun(1))].into_iter().chain(before).chain([Judge(person(Done))]);
            assert_eq!(after(all).unwrap().known().unwrap().verdict, Done);
        }
        assert!(after([Judge(person(Done))]).is_err());
    }

    #[test]
    fn a_buried_attempt_never_begins() {
        let flow = after([Bury(begun(1), said(Refused))]).unwrap();
        assert_eq!(flow.known().unwrap().verdict, Refused);
        assert!(after([Bury(begun(1), said(Done))]).is_err());
        assert!(after([Begin(begun(1)), Bury(begun(1), said(Refused))]).is_err());
    }

    #[test]
    fn a_repeat_is_known_by_what_is_asked() {
        let later = Begun { before: Body::of(&119_u32), run: Owner(Uuid::nil()), ..begun(1) };
        assert!(after([Begin(begun(1)), Begin(later.clone())]).is_ok());
        for other in [
            Begun { total: Kopecks(1), ..later.clone() },
            Begun { device: "kiosk 2".into(), ..later },
        ] {
            assert!(after([Begin(begun(1)), Begin(other)]).is_err());
        }
    }

    #[test]
    fn an_unsettled_attempt_holds_its_lane() {
        assert_eq!(new().lanes(), []);
        let lane = [Lane::of("kiosk 1")];
        assert_eq!(after([Begin(begun(1))]).unwrap().lanes(), lane);
        assert_eq!(after([Begin(begun(1)), Answer(said(InDoubt))]).unwrap().lanes(), lane);
        assert_eq!(after([Begin(begun(1)), Answer(said(Done))]).unwrap().lanes(), []);
    }

    #[test]
    fn a_body_reads_as_what_it_is() {
        assert_eq!(format!("{:?}", Body::of(&"4601234567890")), "Body(14 bytes)");
        assert_eq!(Body::of(&"4601234567890").size(), 14);
        assert_eq!(Body::of(&7_u64).read::<u64>(), Some(7));
        assert_eq!(Body::of(&"text").read::<u64>(), None);
    }
}
