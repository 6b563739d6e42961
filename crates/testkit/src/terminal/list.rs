//! The one list of cases.

use crate::conformance::Case;
use crate::terminal::Ground;
use crate::terminal::cases::{batches, calls, doubts, pays, phases, undoes};

/// Hands every case, with the module it is in and what it needs, to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __terminal_cases {
    ($with:ident $($more:tt)*) => {
        $crate::$with! { [$($more)*]
            pays::payment_moves_money_once
            pays::payments_of_one_amount_are_apart
            pays::payment_is_checked_before_it_is_sent
            pays::payment_may_be_one_kopeck
            pays::payment_that_the_bank_refuses
            pays::payment_that_the_guest_gives_up
            pays::payment_without_the_bank
            pays::payment_leaves_a_slip
            pays::f18_partial_approval_is_told (Partial)
            pays::f18_offline_approval_is_told (Offline)
            doubts::doubt_about_a_payment_is_settled
            doubts::doubt_about_a_payment_ends_without_a_person (Resolve)
            doubts::doubt_after_doubt
            doubts::deadline_declines_nothing
            doubts::late_answer_is_not_lost (Resolve)
            doubts::f19_not_performed_needs_time
            doubts::resolve_concludes_nothing_without_a_link
            doubts::resolve_takes_no_other_attempt
            doubts::resolve_takes_no_other_amount
            doubts::resolve_after_a_restart (Resolve)
            doubts::resolve_agrees_with_the_answer
            doubts::resolve_moves_nothing
            doubts::f18_partial_approval_in_doubt (Partial)
            undoes::cancel_gives_all_back
            undoes::cancel_of_a_part (PartialCancel)
            undoes::f26_refund_gives_back
            undoes::refund_in_parts
            undoes::refund_of_an_earlier_batch
            undoes::undoing_more_than_was_taken_is_refused
            undoes::undoing_what_nobody_paid_is_refused
            undoes::roll_back_of_the_last
            undoes::roll_back_undoes_no_other_payment
            undoes::roll_back_of_what_is_confirmed_is_refused
            undoes::f27_doubt_about_a_refund_is_settled
            undoes::doubt_about_a_cancel_is_settled
            undoes::doubt_about_a_roll_back_is_settled
            undoes::doubt_about_undoing_ends_without_a_person (Resolve)
            phases::held_payment_is_confirmed
            phases::held_payment_is_rolled_back
            phases::confirm_again_is_done_as_well
            phases::hold_of_another_payment_is_a_mismatch (TwoPhase)
            batches::report_of_an_empty_batch
            batches::report_of_payments
            batches::report_moves_nothing
            batches::reconciliation_begins_a_new_batch
            batches::reconciliation_of_nothing_is_no_mismatch
            batches::reconciliation_that_is_refused
            batches::f22_lost_reconciliation_shows_in_the_report
            batches::totals_are_those_of_the_bank (Totals)
            batches::last_slip_is_of_the_last_operation
            calls::probe_moves_nothing
            calls::probe_without_a_link
            calls::one_call_at_a_time
            calls::dropped_call_is_settled
        }
    };
}

/// All cases.
pub(super) fn cases() -> &'static [Case<Ground>] {
    __terminal_cases! { case_table Ground }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::check_list;

    #[test]
    fn every_case_is_listed_once() {
        check_list::<Ground>(&[
            include_str!("cases/batches.rs"),
            include_str!("cases/calls.rs"),
            include_str!("cases/doubts.rs"),
            include_str!("cases/pays.rs"),
            include_str!("cases/phases.rs"),
            include_str!("cases/undoes.rs"),
        ]);
    }
}
