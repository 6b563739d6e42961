//! The one list of cases.

use crate::conformance::Case;
use crate::fiscal::Ground;
use crate::fiscal::cases::{drops, finds, open, papers, receipts, repeats, shifts, troubles};

/// Hands every case, with the module it is in and what it needs, to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __fiscal_cases {
    ($with:ident $($more:tt)*) => {
        $crate::$with! { [$($more)*]
            shifts::shift_opens_with_one_document
            shifts::shift_opens_once
            shifts::shift_closes_once
            shifts::shift_close_counts_receipts
            shifts::trap_a_receipt_opens_no_shift
            shifts::f21_shift_expires_after_24_hours
            shifts::totals_are_those_of_the_memory
            shifts::totals_begin_at_zero
            shifts::exchange_report_is_a_document
            shifts::report_x_writes_nothing
            shifts::report_x_needs_a_shift
            receipts::probe_names_the_memory
            receipts::calls_at_once_wait_for_one_another
            receipts::receipt_is_in_the_memory
            receipts::receipt_numbers_have_no_gaps
            receipts::receipt_of_a_return
            receipts::f24_to_f26_returns_by_lines_add_up
            receipts::f12_receipt_of_a_correction
            receipts::f24_every_rate_is_taken
            receipts::receipt_of_every_method
            receipts::receipt_of_several_tenders
            receipts::receipt_needs_the_money
            receipts::receipt_is_checked_before_it_is_sent
            repeats::repeat_answers_the_same (Ids)
            repeats::repeat_after_others (Ids)
            repeats::repeat_after_a_restart (Ids)
            repeats::repeat_after_a_loss (Ids)
            repeats::repeat_of_another_document (Ids)
            finds::find_agrees_with_the_answer
            finds::find_after_a_refusal
            finds::find_of_what_was_never_asked
            finds::find_after_a_lost_answer
            finds::find_without_a_link
            finds::find_concludes_nothing_without_a_link
            finds::find_after_a_restart
            finds::find_among_other_documents
            finds::find_takes_no_other_document
            finds::find_begins_behind_the_mark
            finds::find_asks_a_person_about_several
            finds::f20_find_tells_operations_apart (Operations)
            finds::f23_find_of_what_the_old_memory_has
            finds::f23_find_of_what_no_memory_has
            troubles::trouble_within_a_receipt
            troubles::trouble_within_a_shift
            troubles::trouble_again_and_again
            troubles::trouble_of_the_link_is_told
            papers::slip_is_printed
            papers::slip_has_a_limit
            papers::copy_is_no_document
            papers::copy_of_nothing_is_refused
            papers::nothing_to_go_on_with
            papers::paper_ends_within_a_receipt
            papers::paper_is_asked_for
            open::open_receipt_is_closed (OpenReceipt)
            open::open_receipt_is_annulled (OpenReceipt)
            open::annul_without_a_receipt (OpenReceipt)
            open::open_receipt_needs_a_shift (OpenReceipt)
            open::open_receipt_is_checked (OpenReceipt)
            open::open_receipt_is_paid_at_the_close (OpenReceipt)
            open::open_receipt_needs_the_money (OpenReceipt)
            open::open_receipt_in_trouble (OpenReceipt)
            open::open_receipt_and_a_restart (OpenReceipt)
            drops::dropped_receipt_is_found
            drops::dropped_shift_is_found
        }
    };
}

/// All cases.
pub(super) fn cases() -> &'static [Case<Ground>] {
    __fiscal_cases! { case_table Ground }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::check_list;

    #[test]
    fn every_case_is_listed_once() {
        check_list::<Ground>(&[
            include_str!("cases/drops.rs"),
            include_str!("cases/finds.rs"),
            include_str!("cases/open.rs"),
            include_str!("cases/papers.rs"),
            include_str!("cases/receipts.rs"),
            include_str!("cases/repeats.rs"),
            include_str!("cases/shifts.rs"),
            include_str!("cases/troubles.rs"),
        ]);
    }
}
