//! The one list of cases.

use crate::conformance::Case;
use crate::suite::account_book::{guests, holds, keys, lists, payments, refunds};
use crate::suite::{Ground, bindings, journal, lck};

/// Hands every case, with the module it is in, to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_cases {
    ($with:ident $($more:tt)*) => {
        $crate::$with! { [$($more)*]
            keys::i5_one_key_one_effect
            keys::i5_repeat_tells_the_rows_of_now
            keys::i5_other_body_conflicts
            keys::i5_scopes_are_apart
            keys::i5_raced_key_has_one_effect
            keys::i6_refused_stays_refused
            keys::i6_wrong_till_is_not_remembered
            keys::i7_refusal_changes_no_row
            keys::i7_conflict_leaves_no_key
            keys::i9_group_is_all_or_none
            keys::i9_group_of_two_wallets
            keys::recall_tells_done_and_refused
            keys::acknowledged_survives_reopening
            keys::refusals_and_claims_survive_reopening
            keys::reads_see_own_writes
            keys::ready_when_open
            holds::pv1_holds_count_at_once
            holds::pv1_payment_leaves_holds_alone
            holds::pv1_raced_draws_stay_within_the_limit
            holds::pv2_capture_stays_within_its_hold
            holds::pv2_hold_belongs_to_its_order
            holds::pv5_one_live_hold_per_wallet
            holds::pv5_supersedes_swaps_at_once
            holds::i8_hold_ends_once
            holds::i8_raced_ends_have_one_winner
            holds::i8_refused_hold_is_not_there
            holds::i5_hold_is_its_own_key
            holds::f13_hold_lapses_at_its_time
            holds::f13_overdue_hold_stands_in_nobodys_way
            holds::f13_crowd_of_overdue_holds_lapses_by_and_by
            holds::f13_capture_after_lapse_is_a_new_one
            holds::f13_b13_capture_after_lapse_needs_money
            holds::f13_lapsed_hold_guarantees_nothing
            holds::f13_hold_of_a_cancelled_payment_stands_for_nothing
            holds::overdue_lists_what_is_due
            holds::f14_live_hold_is_a_guarantee
            holds::f14_tightened_limit_takes_repayments
            holds::f14_closing_waits_for_holds
            holds::f4_parts_are_fixed_by_the_hold
            holds::f4_denied_overdraft_is_not_spent
            holds::b15_b16_across_the_overdraft_border
            holds::pv8_amounts_from_one_kopeck
            holds::pv8_amounts_at_the_edge
            payments::b01_payment_twice_is_one_debit
            payments::b02_other_amount_conflicts
            payments::b03_cancel_before_the_payment
            payments::b04_cancel_twice_is_one_credit
            payments::b05_raced_payment_is_one_debit
            payments::f1_raced_cancel_leaves_no_charge
            payments::f1_late_lower_attempt_is_refused
            payments::f1_higher_attempt_is_judged_anew
            payments::f1_cancel_of_a_refused_payment
            payments::f1_stuck_capture_meets_another_guest
            payments::f1_acknowledge_is_remembered
            payments::f1_close_finds_orphans
            payments::f1_close_knows_what_is_live
            payments::close_settles_once
            payments::close_then_cancel_is_a_return
            payments::f5_payment_type_fits_the_wallet
            payments::f16_phone_alone_does_not_pay
            payments::b19_no_guest_no_payment
            payments::b20_other_till_is_refused
            payments::unknown_and_foreign_wallets_are_refused
            payments::m3_b09_credit_and_deposit_never_together
            payments::m5_one_account_of_a_money_kind
            payments::b10_other_kind_after_a_full_return
            payments::pv6_b12_captures_stay_within_the_total
            payments::l5_f28_points_stay_within_their_cap
            payments::i1_units_never_meet
            payments::f1_clearing_is_for_payments_only
            payments::i3_movement_out_stays_within_the_limit
            payments::payment_keys_are_their_rows
            payments::payment_counts_its_own_attempts
            refunds::b07_refunds_stay_within_the_capture
            refunds::b08_refund_id_is_one_credit
            refunds::i5_refund_is_its_own_key
            refunds::i4_raced_refunds_stay_within_the_capture
            refunds::f2_refund_compares_what_it_saw
            refunds::pv7_cancel_after_refunds
            refunds::refund_needs_a_live_payment
            refunds::f4_f25_refunds_mirror_the_parts
            refunds::f32_refund_to_a_closed_account_is_owed
            refunds::f32_closed_only_at_zero
            refunds::b17_unlinked_refund_newest_first
            refunds::b17_unlinked_refund_twice_is_one
            refunds::f2_b17_unlinked_refund_compares_what_it_saw
            guests::guests_are_found
            guests::accounts_of_a_guest
            guests::client_id_is_unique_and_a_phone_is_not
            guests::carrier_belongs_to_one_guest
            guests::photo_is_replaced_and_removed
            guests::account_opens_once_and_empty
            guests::a3_points_have_no_overdraft
            guests::a1_blocked_account_gives_nothing
            lists::guest_pages
            lists::statement_pages
            lists::statement_is_of_one_account
            lists::lists_are_bounded
            lists::reconciliation_of_a_till
            lists::reconciliation_keeps_the_time_of_capture
            bindings::f15_epoch_counts
            bindings::f15_one_guest_at_a_time
            bindings::f15_raced_guests_have_one_winner
            bindings::f15_unbind_voids_the_holds
            bindings::w33_paid_guest_stays
            bindings::w08_second_scan_strengthens
            bindings::f16_token_is_consumed_with_the_binding
            bindings::f16_rollback_frees_the_token
            bindings::f16_rollback_frees_its_own_token_only
            bindings::f16_token_is_spent_by_the_check_out
            bindings::f16_every_token_is_spent_by_the_check_out
            bindings::f16_raced_token_binds_one_order
            bindings::order_belongs_to_its_first_till
            bindings::told_is_remembered
            bindings::order_tells_its_last_use
            bindings::sheet_has_everything
            bindings::sheet_without_a_guest
            bindings::d1_one_device_one_till
            bindings::d1_unpaired_device_may_move
            bindings::d1_raced_device_has_one_till
            journal::i11_records_are_numbered
            journal::i11_digest_is_of_its_day
            journal::load_pages
            journal::append_stale
            journal::append_raced_has_one_winner
            journal::append_goes_with_the_money
            journal::f34_journal_time_never_runs_backwards
            journal::streams_are_apart
            journal::head_is_the_last_one
            journal::heads_query
            journal::heads_pages
            journal::claims_fence
            journal::claims_renew
            journal::claims_release
            journal::claims_raced_have_one_owner
            journal::claims_leave_the_stream_alone
            lck::lck_01_every_movement_is_balanced
            lck::lck_02_the_journal_is_append_only
            lck::lck_03_the_hash_chain_is_intact
            lck::lck_04_a_duplicate_is_a_no_op
            lck::lck_05_concurrent_duplicates_are_one
            lck::lck_06_no_lost_updates_on_a_hot_account
            lck::lck_07_transfers_conserve_value
            lck::lck_08_a_balance_is_its_projection
            lck::lck_09_the_overdraft_guard_holds
            lck::lck_10_small_movements_do_not_drift
            lck::lck_11_units_are_not_mixed
            lck::lck_12_a_reversal_is_a_compensation
            lck::lck_13_the_state_is_rebuilt
            lck::lck_14_entries_have_one_order
            lck::lck_15_a_refused_duplicate_is_refused
        }
    };
}

/// All cases.
pub(super) fn cases() -> &'static [Case<Ground>] {
    __store_cases! { case_table Ground }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::check_list;

    #[test]
    fn every_case_is_listed_once() {
        check_list::<Ground>(&[
            include_str!("account_book/guests.rs"),
            include_str!("account_book/holds.rs"),
            include_str!("account_book/keys.rs"),
            include_str!("account_book/lists.rs"),
            include_str!("account_book/payments.rs"),
            include_str!("account_book/refunds.rs"),
            include_str!("bindings.rs"),
            include_str!("journal.rs"),
            include_str!("lck.rs"),
        ]);
    }
}
