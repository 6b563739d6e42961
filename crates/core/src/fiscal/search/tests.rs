use super::*;
use crate::fiscal::ReceiptKind;

const SELL: DocumentKind = DocumentKind::Receipt(ReceiptKind::Sell);
const MEMORY: &str = "9999078900001234";

fn at(minute: i64) -> Timestamp {
    Timestamp { utc_ms: 1_772_444_400_000 + minute * 60_000, offset_min: 180 }
}

fn mark(last: u32) -> Mark {
    Mark { memory: MEMORY.into(), last, at: at(0), operations: None }
}

fn receipt(number: u32, total: i64) -> Registered {
    let (at, total) = (Some(at(1)), Some(Kopecks(total)));
    Registered { at, total, ..Registered::new(SELL, number) }
}

fn expected() -> Expected {
    Expected { kind: SELL, total: Some(Kopecks(36_000)), until: at(10), operation: None }
}

/// Walks a memory that has these documents after number 118.
fn walk(mut search: Search, documents: &[Registered]) -> Finding {
    let last = u32::try_from(documents.len()).unwrap() + 118;
    for _ in 0..1_000 {
        match search.next() {
            Ask::Last => search.answer(Answer::Last { mark: mark(last), idle: true }),
            Ask::Document(number) => {
                let found = documents.iter().find(|document| document.number == number);
                search.answer(match found {
                    Some(document) => Answer::Document(Box::new(document.clone())),
                    None => Answer::Unreadable,
                });
            }
            Ask::Nothing(finding) => return finding,
        }
    }
    panic!("the walk does not end");
}

fn found(documents: &[Registered]) -> Finding {
    walk(Search::new(expected(), mark(118), Vec::new()), documents)
}

fn why(finding: Finding) -> Why {
    match finding {
        Finding::Person(evidence) => evidence.why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_new_read_twice_is_not_written() {
    assert_eq!(found(&[]), Finding::NotWritten);
    let mut search = Search::new(expected(), mark(118), Vec::new());
    search.answer(Answer::Last { mark: mark(118), idle: true });
    assert_eq!(search.next(), Ask::Last, "once is not enough (F20)");
}

#[test]
fn one_receipt_of_the_total_is_it() {
    assert_eq!(found(&[receipt(119, 36_000)]), Finding::Written(Box::new(receipt(119, 36_000))));
}

/// Trap A: the shift opened by itself, and the link was gone before the receipt.
#[test]
fn trap_a_an_opened_shift_is_no_receipt() {
    let shift = Registered { at: Some(at(1)), ..Registered::new(DocumentKind::OpenShift, 119) };
    assert_eq!(found(std::slice::from_ref(&shift)), Finding::NotWritten);
    let both = [shift, receipt(120, 36_000)];
    assert_eq!(found(&both), Finding::Written(Box::new(receipt(120, 36_000))));
}

#[test]
fn other_receipts_are_not_it() {
    let back = DocumentKind::Receipt(ReceiptKind::SellReturn);
    let others = [receipt(119, 35_999), Registered { kind: back, ..receipt(120, 36_000) }];
    assert_eq!(found(&others), Finding::NotWritten);
}

#[test]
fn a_receipt_of_another_operation_is_not_it() {
    let claimed = Search::new(expected(), mark(118), vec![119]);
    assert_eq!(walk(claimed, &[receipt(119, 36_000)]), Finding::NotWritten);
    let ours = Expected { operation: Some("a".into()), ..expected() };
    let theirs = Registered { operation: Some("b".into()), ..receipt(119, 36_000) };
    let mine = Registered { operation: Some("a".into()), ..receipt(120, 36_000) };
    let finding = walk(Search::new(ours, mark(118), Vec::new()), &[theirs, mine.clone()]);
    assert_eq!(finding, Finding::Written(Box::new(mine)));
}

/// An operation that is asked for by nobody convicts no document, and acquits none.
#[test]
fn a_program_that_prints_no_operation_believes_the_rest() {
    let theirs = Registered { operation: Some("b".into()), ..receipt(119, 36_000) };
    let written = Finding::Written(Box::new(theirs.clone()));
    assert_eq!(found(std::slice::from_ref(&theirs)), written);
    let bare =
        Search::new(Expected { operation: Some("a".into()), ..expected() }, mark(118), Vec::new());
    assert_eq!(walk(bare, &[receipt(119, 36_000)]), Finding::NotWritten);
}

/// A receipt whose full text has left the memory may have had our operation in it.
#[test]
fn f20_a_short_document_is_not_taken_for_anothers() {
    let look = |operation: Option<&str>, document: Registered| {
        let operation = operation.map(Into::into);
        let mut search = Search::new(Expected { operation, ..expected() }, mark(118), Vec::new());
        search.answer(Answer::Last { mark: mark(119), idle: true });
        search.answer(Answer::Short(Box::new(document)));
        search.answer(Answer::Last { mark: mark(119), idle: true });
        let Ask::Nothing(finding) = search.next() else { panic!("goes on") };
        finding
    };
    let ours = receipt(119, 36_000);
    assert_eq!(why(look(Some("a"), ours.clone())), Why::Unlike);
    assert_eq!(look(None, ours.clone()), Finding::Written(Box::new(ours.clone())));
    let other = Registered { operation: Some("b".into()), ..ours };
    assert_eq!(look(Some("a"), other), Finding::NotWritten);
    assert_eq!(look(Some("a"), receipt(119, 1)), Finding::NotWritten);
    assert_eq!(why(look(Some("a"), receipt(120, 36_000))), Why::Unreadable { number: 119 });
}

#[test]
fn a_document_without_a_total_is_found_by_kind_and_time() {
    let shift =
        |number| Registered { at: Some(at(1)), ..Registered::new(DocumentKind::OpenShift, number) };
    let expected = Expected { kind: DocumentKind::OpenShift, total: None, ..expected() };
    let finding = walk(Search::new(expected, mark(118), Vec::new()), &[shift(119)]);
    assert_eq!(finding, Finding::Written(Box::new(shift(119))));
}

/// The register's clock is believed within five minutes of the call, to the millisecond.
#[test]
fn the_time_of_a_document_is_within_the_slack() {
    let moved = |minute, ms| {
        let at = Timestamp { utc_ms: at(minute).utc_ms + ms, ..at(minute) };
        Registered { at: Some(at), ..receipt(119, 36_000) }
    };
    for document in [moved(-5, 0), moved(15, 0)] {
        assert_eq!(found(std::slice::from_ref(&document)), Finding::Written(Box::new(document)));
    }
    for document in [moved(-5, -1), moved(15, 1)] {
        assert_eq!(why(found(&[document])), Why::Unlike);
    }
}

/// A person sees where the memory stood, where it stands, and all that it could be.
#[test]
fn the_evidence_has_every_document_that_could_be_it() {
    let two = vec![receipt(119, 36_000), receipt(121, 36_000)];
    let between = Registered { total: None, ..receipt(120, 0) };
    let documents = [two[0].clone(), between.clone(), two[1].clone(), receipt(122, 1)];
    let Finding::Person(evidence) = found(&documents) else { panic!("decided") };
    assert_eq!((evidence.why, evidence.before, evidence.now), (Why::Several, mark(118), mark(122)));
    assert_eq!(evidence.candidates, [two, vec![between]].concat());
}

#[test]
fn what_the_memory_cannot_tell_apart_goes_to_a_person() {
    let two = [receipt(119, 36_000), receipt(120, 36_000)];
    assert_eq!(why(found(&two)), Why::Several);
    let late = Registered { at: Some(at(16)), ..receipt(119, 36_000) };
    assert_eq!(why(found(&[late])), Why::Unlike);
    let early = Registered { at: Some(at(-6)), ..receipt(119, 36_000) };
    assert_eq!(why(found(&[early])), Why::Unlike);
    let bare = Registered { total: None, ..receipt(119, 0) };
    assert_eq!(why(found(&[bare])), Why::Unlike);
    assert_eq!(why(found(&[receipt(120, 36_000)])), Why::Unreadable { number: 119 });
}

#[test]
fn another_memory_goes_to_a_person() {
    let mut search = Search::new(expected(), mark(118), Vec::new());
    let other = Mark { memory: "1".into(), ..mark(3) };
    search.answer(Answer::Last { mark: other, idle: true });
    let Ask::Nothing(finding) = search.next() else { panic!("goes on") };
    assert_eq!(why(finding), Why::OtherMemory);
    for (last, reason) in [(117, Why::Backwards), (118 + 257, Why::TooMany)] {
        let mut search = Search::new(expected(), mark(118), Vec::new());
        search.answer(Answer::Last { mark: mark(last), idle: true });
        let Ask::Nothing(finding) = search.next() else { panic!("goes on") };
        assert_eq!(why(finding), reason);
    }
    let mut search = Search::new(expected(), mark(118), Vec::new());
    search.answer(Answer::Last { mark: mark(118 + 256), idle: true });
    assert_eq!(search.next(), Ask::Document(119), "as many as a walk reads");
}

/// The register answers with another document than was asked for: nothing it says is believed.
#[test]
fn a_document_of_another_number_convicts_nobody() {
    let mut search = Search::new(expected(), mark(118), Vec::new());
    search.answer(Answer::Last { mark: mark(119), idle: true });
    search.answer(Answer::Document(Box::new(receipt(118, 36_000))));
    let Ask::Nothing(finding) = search.next() else { panic!("goes on") };
    assert_eq!(why(finding), Why::Unreadable { number: 119 });
}

#[test]
fn a_busy_register_is_asked_again_later() {
    let mut search = Search::new(expected(), mark(118), Vec::new());
    search.answer(Answer::Last { mark: mark(118), idle: false });
    assert_eq!(search.next(), Ask::Nothing(Finding::Busy));
}

/// Somebody else prints while we walk: the walk goes on to the new end.
#[test]
fn a_memory_that_grows_is_walked_to_its_end() {
    let mut search = Search::new(expected(), mark(118), Vec::new());
    search.answer(Answer::Last { mark: mark(119), idle: true });
    assert_eq!(search.next(), Ask::Document(119));
    search.answer(Answer::Document(Box::new(receipt(119, 1))));
    search.answer(Answer::Last { mark: mark(120), idle: true });
    assert_eq!(search.next(), Ask::Document(120));
    search.answer(Answer::Document(Box::new(receipt(120, 36_000))));
    assert_eq!(search.next(), Ask::Last);
    search.answer(Answer::Last { mark: mark(120), idle: true });
    let finding = Finding::Written(Box::new(receipt(120, 36_000)));
    assert_eq!(search.next(), Ask::Nothing(finding));
}

#[test]
fn an_answer_that_nobody_asked_for_changes_nothing() {
    let mut search = Search::new(expected(), mark(118), Vec::new());
    search.answer(Answer::Unreadable);
    search.answer(Answer::Document(Box::new(receipt(119, 36_000))));
    assert_eq!(search.next(), Ask::Last);
}
