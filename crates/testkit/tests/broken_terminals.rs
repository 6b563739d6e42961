//! Each broken terminal fails exactly the cases that its flaw names.
#![allow(clippy::unwrap_used, reason = "tests")]

#[macro_use]
mod flaws;
mod kiosk;

use kiosk::Kiosk;
use tillway_testkit::terminal::{Flaw, Ground};

fn check(flaw: Flaw, trips: &[&str]) {
    flaws::check::<Ground>(flaw, trips, &[], || Box::new(Kiosk::broken(flaw)));
}

flaws! {
    declines_at_its_deadline: DeclinesAtItsDeadline by [
        deadline_declines_nothing,
        doubt_about_a_cancel_is_settled,
        doubt_about_a_payment_ends_without_a_person,
        doubt_about_a_payment_is_settled,
        doubt_about_a_roll_back_is_settled,
        doubt_about_undoing_ends_without_a_person,
        doubt_after_doubt,
        f27_doubt_about_a_refund_is_settled,
        late_answer_is_not_lost,
        resolve_after_a_restart,
        resolve_concludes_nothing_without_a_link,
    ];
    repeats_a_sale: RepeatsASale by [
        deadline_declines_nothing,
        doubt_about_a_cancel_is_settled,
        doubt_about_a_payment_ends_without_a_person,
        doubt_about_a_payment_is_settled,
        doubt_about_a_roll_back_is_settled,
        doubt_about_undoing_ends_without_a_person,
        doubt_after_doubt,
        f27_doubt_about_a_refund_is_settled,
        late_answer_is_not_lost,
        resolve_after_a_restart,
        resolve_concludes_nothing_without_a_link,
        resolve_takes_no_other_amount,
        resolve_takes_no_other_attempt,
    ];
    takes_undefined_for_declined: TakesUndefinedForDeclined by [
        doubt_about_a_cancel_is_settled,
        doubt_about_a_payment_ends_without_a_person,
        doubt_about_a_payment_is_settled,
        doubt_about_a_roll_back_is_settled,
        doubt_about_undoing_ends_without_a_person,
        f27_doubt_about_a_refund_is_settled,
    ];
    loses_an_approval: LosesAnApproval by [
        deadline_declines_nothing,
        doubt_about_a_cancel_is_settled,
        doubt_about_a_payment_ends_without_a_person,
        doubt_about_a_payment_is_settled,
        doubt_about_a_roll_back_is_settled,
        doubt_about_undoing_ends_without_a_person,
        doubt_after_doubt,
        f18_partial_approval_in_doubt,
        f27_doubt_about_a_refund_is_settled,
        late_answer_is_not_lost,
        resolve_after_a_restart,
        resolve_agrees_with_the_answer,
        resolve_concludes_nothing_without_a_link,
    ];
    refunds_above_the_original: RefundsAboveTheOriginal by [
        undoing_more_than_was_taken_is_refused,
    ];
    resolves_a_foreign_receipt: ResolvesAForeignReceipt by [
        doubt_about_a_cancel_is_settled,
        doubt_about_a_roll_back_is_settled,
        doubt_about_undoing_ends_without_a_person,
        f27_doubt_about_a_refund_is_settled,
        resolve_agrees_with_the_answer,
        resolve_takes_no_other_attempt,
    ];
    says_not_performed_at_once: SaysNotPerformedAtOnce by [
        f19_not_performed_needs_time,
    ];
    concludes_from_silence: ConcludesFromSilence by [
        resolve_concludes_nothing_without_a_link,
    ];
    resolves_by_repeating: ResolvesByRepeating by [
        doubt_about_a_payment_ends_without_a_person,
        doubt_about_undoing_ends_without_a_person,
        resolve_agrees_with_the_answer,
        resolve_moves_nothing,
        resolve_takes_no_other_amount,
        resolve_takes_no_other_attempt,
    ];
    tells_a_part_as_the_whole: TellsAPartAsTheWhole by [
        f18_partial_approval_in_doubt,
        f18_partial_approval_is_told,
    ];
    hides_offline: HidesOffline by [
        f18_offline_approval_is_told,
    ];
    rolls_back_whatever_is_last: RollsBackWhateverIsLast by [
        roll_back_undoes_no_other_payment,
        undoing_what_nobody_paid_is_refused,
    ];
    takes_a_lost_reconciliation_for_done: TakesALostReconciliationForDone by [
        f22_lost_reconciliation_shows_in_the_report,
    ];
    reports_nothing: ReportsNothing by [
        f22_lost_reconciliation_shows_in_the_report,
        reconciliation_begins_a_new_batch,
        reconciliation_that_is_refused,
        report_of_payments,
    ];
    shares_references: SharesReferences by [
        doubt_about_a_cancel_is_settled,
        doubt_about_a_payment_ends_without_a_person,
        doubt_about_a_payment_is_settled,
        doubt_about_a_roll_back_is_settled,
        doubt_about_undoing_ends_without_a_person,
        doubt_after_doubt,
        dropped_call_is_settled,
        f22_lost_reconciliation_shows_in_the_report,
        f27_doubt_about_a_refund_is_settled,
        held_payment_is_confirmed,
        held_payment_is_rolled_back,
        hold_of_another_payment_is_a_mismatch,
        last_slip_is_of_the_last_operation,
        one_call_at_a_time,
        payment_may_be_one_kopeck,
        payments_of_one_amount_are_apart,
        reconciliation_begins_a_new_batch,
        roll_back_of_the_last,
        roll_back_undoes_no_other_payment,
        totals_are_those_of_the_bank,
    ];
    doubts_a_decline: DoubtsADecline by [
        payment_that_the_guest_gives_up,
    ];
}
