//! Which cases fail because of which flaw.

use crate::broken::Flaw;

impl Flaw {
    /// The cases that fail because of it, by name: these, and no others but those that it
    /// [may trip](Self::may_trip). A case that races may have to be run several times.
    pub fn trips(self) -> &'static [&'static str] {
        match self {
            Self::ForgetsKeys => &[
                "acknowledged_survives_reopening",
                "b08_refund_id_is_one_credit",
                "b17_unlinked_refund_twice_is_one",
                "i5_one_key_one_effect",
                "i5_other_body_conflicts",
                "i5_raced_key_has_one_effect",
                "i5_repeat_tells_the_rows_of_now",
                "i6_refused_stays_refused",
                "i7_conflict_leaves_no_key",
                "i11_digest_is_of_its_day",
                "lck_04_a_duplicate_is_a_no_op",
                "lck_05_concurrent_duplicates_are_one",
                "recall_tells_done_and_refused",
                "refusals_and_claims_survive_reopening",
            ],
            Self::IgnoresBodies => &[
                "b02_other_amount_conflicts",
                "i5_other_body_conflicts",
                "payment_counts_its_own_attempts",
            ],
            Self::RefusalsTurnDone => &[
                "b03_cancel_before_the_payment",
                "f1_cancel_of_a_refused_payment",
                "f1_higher_attempt_is_judged_anew",
                "f1_late_lower_attempt_is_refused",
                "f5_payment_type_fits_the_wallet",
                "i6_refused_stays_refused",
                "lck_15_a_refused_duplicate_is_refused",
                "refusals_and_claims_survive_reopening",
            ],
            Self::CountsHoldsLate => &[
                "f13_crowd_of_overdue_holds_lapses_by_and_by",
                "f13_overdue_hold_stands_in_nobodys_way",
                "pv1_holds_count_at_once",
                "pv1_payment_leaves_holds_alone",
                "pv5_supersedes_swaps_at_once",
            ],
            Self::ChecksThenActs => {
                &["lck_09_the_overdraft_guard_holds", "pv1_raced_draws_stay_within_the_limit"]
            }
            Self::NeverLapses => &[
                "f13_b13_capture_after_lapse_needs_money",
                "f13_capture_after_lapse_is_a_new_one",
                "f13_crowd_of_overdue_holds_lapses_by_and_by",
                "f13_hold_lapses_at_its_time",
                "f13_lapsed_hold_guarantees_nothing",
                "f13_overdue_hold_stands_in_nobodys_way",
                "i3_movement_out_stays_within_the_limit",
                "overdue_lists_what_is_due",
            ],
            Self::ExpiresCapturedHolds => &["i8_hold_ends_once"],
            Self::CapturesVoidedHolds => &["i8_hold_ends_once"],
            Self::CapturesMore => &["pv2_capture_stays_within_its_hold"],
            Self::SupersedesInTwoSteps => &["pv5_supersedes_swaps_at_once"],
            Self::RefundsTwice => {
                &["acknowledged_survives_reopening", "b08_refund_id_is_one_credit"]
            }
            Self::RoundsEachRefund => &[
                "b15_b16_across_the_overdraft_border",
                "f4_f25_refunds_mirror_the_parts",
                "lck_10_small_movements_do_not_drift",
            ],
            Self::ForgetsTombstones => &[
                "b03_cancel_before_the_payment",
                "f1_cancel_of_a_refused_payment",
                "reconciliation_of_a_till",
                "refund_needs_a_live_payment",
                "sheet_has_everything",
            ],
            Self::DeletesReversals => &[
                "b04_cancel_twice_is_one_credit",
                "b10_other_kind_after_a_full_return",
                "b15_b16_across_the_overdraft_border",
                "close_then_cancel_is_a_return",
                "f13_hold_of_a_cancelled_payment_stands_for_nothing",
                "f15_epoch_counts",
                "f1_acknowledge_is_remembered",
                "f1_close_knows_what_is_live",
                "f1_higher_attempt_is_judged_anew",
                "lck_01_every_movement_is_balanced",
                "lck_02_the_journal_is_append_only",
                "lck_03_the_hash_chain_is_intact",
                "lck_12_a_reversal_is_a_compensation",
                "lck_13_the_state_is_rebuilt",
                "m5_one_account_of_a_money_kind",
                "pv8_amounts_at_the_edge",
                "reconciliation_keeps_the_time_of_capture",
                "refund_needs_a_live_payment",
                "sheet_has_everything",
            ],
            Self::MovesOneSide => &[
                "i1_units_never_meet",
                "lck_07_transfers_conserve_value",
                "lck_10_small_movements_do_not_drift",
                "lck_11_units_are_not_mixed",
                "lck_14_entries_have_one_order",
                "statement_is_of_one_account",
            ],
            Self::MixesUnits => &["i1_units_never_meet", "lck_11_units_are_not_mixed"],
            Self::SplitsGroups => &[
                "append_goes_with_the_money",
                "append_stale",
                "client_id_is_unique_and_a_phone_is_not",
                "d1_one_device_one_till",
                "i5_repeat_tells_the_rows_of_now",
                "i9_group_is_all_or_none",
                "payment_counts_its_own_attempts",
            ],
            Self::LosesTheTail => &[
                "acknowledged_survives_reopening",
                "lck_02_the_journal_is_append_only",
                "lck_13_the_state_is_rebuilt",
                "refusals_and_claims_survive_reopening",
            ],
            Self::AuditsOnePage => &["lck_10_small_movements_do_not_drift", "lists_are_bounded"],
            Self::HidesCorrections => &[
                "i3_movement_out_stays_within_the_limit",
                "lck_07_transfers_conserve_value",
                "lck_08_a_balance_is_its_projection",
                "lck_10_small_movements_do_not_drift",
                "lck_13_the_state_is_rebuilt",
                "lck_14_entries_have_one_order",
                "statement_is_of_one_account",
            ],
            Self::ShowsOldAccounts => &[
                "a1_blocked_account_gives_nothing",
                "a3_points_have_no_overdraft",
                "account_opens_once_and_empty",
                "append_goes_with_the_money",
                "b04_cancel_twice_is_one_credit",
                "b15_b16_across_the_overdraft_border",
                "f13_capture_after_lapse_is_a_new_one",
                "f13_hold_lapses_at_its_time",
                "f13_hold_of_a_cancelled_payment_stands_for_nothing",
                "f14_live_hold_is_a_guarantee",
                "f14_tightened_limit_takes_repayments",
                "f1_acknowledge_is_remembered",
                "f2_b17_unlinked_refund_compares_what_it_saw",
                "f2_refund_compares_what_it_saw",
                "f32_closed_only_at_zero",
                "i3_movement_out_stays_within_the_limit",
                "i5_hold_is_its_own_key",
                "i5_repeat_tells_the_rows_of_now",
                "i5_scopes_are_apart",
                "i8_hold_ends_once",
                "i9_group_of_two_wallets",
                "lck_06_no_lost_updates_on_a_hot_account",
                "lck_08_a_balance_is_its_projection",
                "lck_10_small_movements_do_not_drift",
                "lck_12_a_reversal_is_a_compensation",
                "lck_13_the_state_is_rebuilt",
                "lck_15_a_refused_duplicate_is_refused",
                "pv1_holds_count_at_once",
                "pv1_payment_leaves_holds_alone",
                "pv2_capture_stays_within_its_hold",
                "pv5_supersedes_swaps_at_once",
                "pv8_amounts_at_the_edge",
                "reads_see_own_writes",
            ],
            Self::ForgetsTokens => &[
                "f16_every_token_is_spent_by_the_check_out",
                "f16_raced_token_binds_one_order",
                "f16_rollback_frees_its_own_token_only",
                "f16_token_is_consumed_with_the_binding",
                "f16_token_is_spent_by_the_check_out",
            ],
            Self::IgnoresEpochs => &["f1_stuck_capture_meets_another_guest"],
            Self::PairsAnywhere => &[
                "d1_one_device_one_till",
                "d1_raced_device_has_one_till",
                "d1_unpaired_device_may_move",
            ],
            Self::ShowsOldSheets => &["reads_see_own_writes", "sheet_without_a_guest"],
            Self::IgnoresLengths => {
                &["append_raced_has_one_winner", "append_stale", "i7_conflict_leaves_no_key"]
            }
            Self::IgnoresFences => &["claims_fence"],
            Self::RenumbersRecords => &["load_pages"],
            Self::OverwritesRecords => &[
                "append_stale",
                "f34_journal_time_never_runs_backwards",
                "i11_records_are_numbered",
                "lck_02_the_journal_is_append_only",
                "lck_03_the_hash_chain_is_intact",
                "lck_14_entries_have_one_order",
                "load_pages",
            ],
            Self::WritesClockTime => &["f34_journal_time_never_runs_backwards"],
            Self::NeverEndsLeases => &["claims_fence", "claims_renew"],
        }
    }

    /// The cases that it fails or not, as the threads of the case meet.
    pub fn may_trip(self) -> &'static [&'static str] {
        match self {
            Self::ForgetsTombstones | Self::DeletesReversals | Self::ShowsOldAccounts => {
                &["f1_raced_cancel_leaves_no_charge"]
            }
            _ => &[],
        }
    }
}
