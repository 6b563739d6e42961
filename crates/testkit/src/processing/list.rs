//! The one list of cases.

use crate::conformance::Case;
use crate::processing::Ground;
use crate::processing::cases::{examples, guests, lost, messages, refunds, repeats, states};

/// Hands every case, with the module it is in and what it needs, to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __processing_cases {
    ($with:ident $($more:tt)*) => {
        $crate::$with! { [$($more)*]
            examples::balance_is_told
            examples::calculate_grants_discounts
            examples::available_is_what_may_be_taken
            examples::payment_lies_on_the_lines
            examples::payment_of_all_that_is_available
            examples::payment_is_reserved
            examples::accrual_is_line_by_line
            examples::confirm_moves_points
            examples::cancel_releases_everything
            examples::recalculation_replaces
            examples::offline_sale_earns
            examples::sale_of_nobody_moves_nothing
            examples::totals_are_sums_of_lines
            examples::discount_hangs_on_the_coupon (Coupons)
            examples::coupon_is_used_once (Coupons)
            examples::words_come_with_the_answers (Messages)
            states::s9_nothing_was_told
            states::s9_calculated
            states::s9_paid
            states::s9_closed
            states::s9_confirmed
            states::s9_cancelled
            states::cheque_must_stay_the_same
            states::forgotten_purchase_is_told_anew
            states::purchases_are_apart
            guests::stranger_is_unknown
            guests::sale_goes_on_without_a_stranger
            guests::blocked_card_serves_nobody
            guests::wrong_pin_takes_nothing
            guests::more_than_is_available_is_refused
            guests::reserved_points_are_not_available
            guests::one_payment_is_taken_back (CancelOne)
            guests::card_is_issued (Cards)
            refunds::refund_of_a_part
            refunds::refund_with_points_first (PointsFirst)
            refunds::refund_in_parts_does_not_drift
            refunds::refund_of_more_than_was_sold
            refunds::cancelled_refund_moves_nothing
            refunds::refund_of_what_was_not_sold
            refunds::refund_without_a_sale (BlindRefund)
            repeats::repeats_do_nothing_twice
            repeats::repeat_is_answered_as_it_was
            repeats::used_id_does_nothing_else
            repeats::message_outlives_the_program
            repeats::same_operation_same_message
            repeats::sealing_sends_nothing
            repeats::refused_message_may_be_sent_again
            lost::nothing_is_sent_without_a_link
            lost::lost_accrual_and_confirm
            lost::lost_cancel
            lost::lost_payment_is_cancelled
            lost::lost_refund
            lost::lost_question
            lost::forged_answer_is_no_answer (Signed)
            lost::lines_in_disorder_are_told_apart (Disorder)
            lost::calls_at_once_are_all_served
            lost::dropped_call_is_sent_again
            messages::message_says_what_it_is
            messages::message_shows_nobody
            messages::mistakes_are_not_sealed
            messages::what_is_lacking_is_not_sealed
        }
    };
}

/// All cases.
pub(super) fn cases() -> &'static [Case<Ground>] {
    __processing_cases! { case_table Ground }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::check_list;

    #[test]
    fn every_case_is_listed_once() {
        check_list::<Ground>(&[
            include_str!("cases/examples.rs"),
            include_str!("cases/guests.rs"),
            include_str!("cases/lost.rs"),
            include_str!("cases/messages.rs"),
            include_str!("cases/refunds.rs"),
            include_str!("cases/repeats.rs"),
            include_str!("cases/states.rs"),
        ]);
    }
}
