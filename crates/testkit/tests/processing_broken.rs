//! Each broken processing fails exactly the cases that its flaw names.
#![allow(clippy::unwrap_used, reason = "tests")]

#[macro_use]
mod flaws;
mod club;

use club::Club;
use tillway_testkit::processing::{Flaw, Ground};

fn check(flaw: Flaw, trips: &[&str]) {
    flaws::check::<Ground>(flaw, trips, &Club::LACKS, || Box::new(Club::broken(flaw)));
}

flaws! {
    repeats_under_another_id: RepeatsUnderAnotherId by [
        card_is_issued,
        dropped_call_is_sent_again,
        lost_accrual_and_confirm,
        lost_cancel,
        lost_refund,
        nothing_is_sent_without_a_link,
        refused_message_may_be_sent_again,
        repeat_is_answered_as_it_was,
        repeats_do_nothing_twice,
        used_id_does_nothing_else,
    ];
    takes_silence_for_done: TakesSilenceForDone by [
        lost_accrual_and_confirm,
        lost_cancel,
        lost_payment_is_cancelled,
        lost_question,
        lost_refund,
    ];
    takes_silence_for_refusal: TakesSilenceForRefusal by [
        lost_accrual_and_confirm,
        lost_cancel,
        lost_payment_is_cancelled,
        lost_question,
        lost_refund,
    ];
    takes_silence_for_no_link: TakesSilenceForNoLink by [
        lost_accrual_and_confirm,
        lost_cancel,
        lost_payment_is_cancelled,
        lost_question,
        lost_refund,
    ];
    takes_no_link_for_silence: TakesNoLinkForSilence by [
        nothing_is_sent_without_a_link,
    ];
    tells_refusals_apart_no_more: TellsRefusalsApartNoMore by [
        blocked_card_serves_nobody,
        cancelled_refund_moves_nothing,
        cheque_must_stay_the_same,
        forgotten_purchase_is_told_anew,
        more_than_is_available_is_refused,
        refund_of_more_than_was_sold,
        refund_of_what_was_not_sold,
        refused_message_may_be_sent_again,
        reserved_points_are_not_available,
        s9_calculated,
        s9_cancelled,
        s9_closed,
        s9_confirmed,
        s9_nothing_was_told,
        s9_paid,
        stranger_is_unknown,
        used_id_does_nothing_else,
        wrong_pin_takes_nothing,
    ];
    forgets_the_guest: ForgetsTheGuest by [
        accrual_is_line_by_line,
        blocked_card_serves_nobody,
        calculate_grants_discounts,
        cancelled_refund_moves_nothing,
        confirm_moves_points,
        dropped_call_is_sent_again,
        forgotten_purchase_is_told_anew,
        lost_accrual_and_confirm,
        lost_refund,
        message_outlives_the_program,
        nothing_is_sent_without_a_link,
        offline_sale_earns,
        purchases_are_apart,
        recalculation_replaces,
        refund_of_a_part,
        refund_of_more_than_was_sold,
        refused_message_may_be_sent_again,
        repeats_do_nothing_twice,
        s9_confirmed,
        sale_goes_on_without_a_stranger,
        stranger_is_unknown,
    ];
    forgets_the_floor: ForgetsTheFloor by [
        accrual_is_line_by_line,
        cancelled_refund_moves_nothing,
        confirm_moves_points,
        dropped_call_is_sent_again,
        lost_refund,
        message_outlives_the_program,
        nothing_is_sent_without_a_link,
        payment_lies_on_the_lines,
        payment_of_all_that_is_available,
        refund_in_parts_does_not_drift,
        refund_of_a_part,
        refund_of_more_than_was_sold,
        repeats_do_nothing_twice,
        s9_confirmed,
    ];
    lays_points_on_the_first_line: LaysPointsOnTheFirstLine by [
        payment_lies_on_the_lines,
        payment_of_all_that_is_available,
    ];
    miscounts_a_line: MiscountsALine by [
        accrual_is_line_by_line,
        offline_sale_earns,
        totals_are_sums_of_lines,
    ];
    confirms_too_early: ConfirmsTooEarly by [
        accrual_is_line_by_line,
        calls_at_once_are_all_served,
        cancel_releases_everything,
        cancelled_refund_moves_nothing,
        confirm_moves_points,
        dropped_call_is_sent_again,
        forgotten_purchase_is_told_anew,
        lost_accrual_and_confirm,
        lost_refund,
        message_outlives_the_program,
        nothing_is_sent_without_a_link,
        offline_sale_earns,
        purchases_are_apart,
        refund_in_parts_does_not_drift,
        refund_of_a_part,
        refund_of_more_than_was_sold,
        refund_of_what_was_not_sold,
        refused_message_may_be_sent_again,
        repeat_is_answered_as_it_was,
        repeats_do_nothing_twice,
        s9_closed,
        s9_confirmed,
        s9_paid,
        sale_goes_on_without_a_stranger,
        sale_of_nobody_moves_nothing,
        totals_are_sums_of_lines,
    ];
    keeps_what_is_cancelled: KeepsWhatIsCancelled by [
        calls_at_once_are_all_served,
        cancel_releases_everything,
        cancelled_refund_moves_nothing,
        lost_cancel,
        lost_payment_is_cancelled,
        purchases_are_apart,
        repeats_do_nothing_twice,
        reserved_points_are_not_available,
        s9_cancelled,
        s9_confirmed,
        s9_nothing_was_told,
    ];
    seals_what_is_wrong: SealsWhatIsWrong by [
        mistakes_are_not_sealed,
    ];
    seals_by_the_clock: SealsByTheClock by [
        message_says_what_it_is,
        same_operation_same_message,
    ];
    knows_its_own_run_alone: KnowsItsOwnRunAlone by [
        message_outlives_the_program,
    ];
    remembers_the_balance: RemembersTheBalance by [
        payment_is_reserved,
    ];
    refunds_of_nothing: RefundsOfNothing by [
        cancelled_refund_moves_nothing,
        lost_refund,
        refund_in_parts_does_not_drift,
        refund_of_a_part,
        refund_of_more_than_was_sold,
        refund_of_what_was_not_sold,
        repeats_do_nothing_twice,
    ];
    sends_what_is_sealed: SendsWhatIsSealed by [
        lost_accrual_and_confirm,
        lost_cancel,
        lost_payment_is_cancelled,
        lost_refund,
        message_says_what_it_is,
        same_operation_same_message,
        sealing_sends_nothing,
    ];
}
