//! Which cases fail because of which flaw.

use crate::fiscal::broken::Flaw;

impl Flaw {
    /// The cases that fail because of it, by name: these and no others.
    pub fn trips(self) -> &'static [&'static str] {
        match self {
            Self::PrintsTwice => &[
                "repeat_after_a_loss",
                "repeat_after_others",
                "repeat_answers_the_same",
                "repeat_of_another_document",
            ],
            Self::ForgetsRuns => &["repeat_after_a_restart"],
            Self::TakesSilenceForRefusal => BY_SILENCE,
            Self::OpensTheShift => &["find_after_a_refusal", "trap_a_receipt_opens_no_shift"],
            Self::RenewsTheShift => &["f21_shift_expires_after_24_hours"],
            Self::WritesBeside => &[
                "receipt_is_in_the_memory",
                "receipt_numbers_have_no_gaps",
                "repeat_answers_the_same",
            ],
            Self::FindsNothing => BY_A_LOST_DOCUMENT,
            Self::FindsAnySum => &["find_takes_no_other_document"],
            Self::FindsTheLast => &["find_asks_a_person_about_several"],
            Self::FindsForeign => &["f20_find_tells_operations_apart"],
            Self::ForgetsTheMark => &["find_begins_behind_the_mark", "trouble_within_a_shift"],
            Self::IgnoresTheMemory => {
                &["f23_find_of_what_no_memory_has", "f23_find_of_what_the_old_memory_has"]
            }
            Self::ConcludesInTheDark => &["find_concludes_nothing_without_a_link"],
            Self::SendsWhatItMisses => BY_A_SECOND_DOCUMENT,
            Self::AnnulsAfterPay => &["annul_without_a_receipt"],
            Self::LeavesItOpen => &[
                "open_receipt_and_a_restart",
                "open_receipt_in_trouble",
                "open_receipt_is_annulled",
            ],
            Self::ChecksLate => &["receipt_is_checked_before_it_is_sent"],
            Self::CopiesByWriting => &["copy_is_no_document"],
            Self::ClosesForX => &["report_x_writes_nothing"],
            Self::CountsReturns => &["totals_are_those_of_the_memory"],
            Self::HidesUnprinted => &["paper_ends_within_a_receipt"],
            Self::NeverGoesOn => &[
                "find_after_a_restart",
                "open_receipt_in_trouble",
                "paper_ends_within_a_receipt",
                "trouble_within_a_receipt",
                "trouble_within_a_shift",
            ],
            Self::TakesAlreadyForDone => {
                &["f21_shift_expires_after_24_hours", "shift_closes_once", "shift_opens_once"]
            }
            Self::MiscountsReceipts => &["shift_close_counts_receipts"],
            Self::TellsNoEnd => &["shift_opens_with_one_document"],
            Self::CarriesTotals => &["totals_begin_at_zero"],
            Self::SellsReturns => &[
                "f24_to_f26_returns_by_lines_add_up",
                "f12_receipt_of_a_correction",
                "receipt_needs_the_money",
                "receipt_of_a_return",
                "totals_are_those_of_the_memory",
            ],
            Self::ForgetsTheBasis => &["f12_receipt_of_a_correction"],
            Self::KnowsOneRate => &["f24_every_rate_is_taken"],
            Self::KnowsNoCredit => &["receipt_of_every_method"],
            Self::PaysByCard => &[
                "f24_to_f26_returns_by_lines_add_up",
                "receipt_is_checked_before_it_is_sent",
                "receipt_needs_the_money",
                "receipt_of_several_tenders",
                "totals_are_those_of_the_memory",
            ],
            Self::PrintsXWhenClosed => &["report_x_needs_a_shift"],
            Self::ReportsNothing => &["exchange_report_is_a_document", "find_after_a_lost_answer"],
            Self::NamesAnotherMemory => &["probe_names_the_memory"],
            Self::TakesTheLast => &["calls_at_once_wait_for_one_another", "repeat_after_others"],
            Self::KeepsForLater => {
                &["find_without_a_link", "trouble_within_a_receipt", "trouble_within_a_shift"]
            }
            Self::AnswersInTheDark => &["trouble_of_the_link_is_told"],
            Self::ForgetsTheDropped => &["dropped_receipt_is_found", "dropped_shift_is_found"],
            Self::OpensForAReceipt => &["open_receipt_needs_a_shift"],
            Self::OpensUnchecked => &["open_receipt_is_checked"],
            Self::TakesAnyPayment => &["open_receipt_needs_the_money"],
            Self::SwallowsSlips => &["slip_has_a_limit", "slip_is_printed"],
            Self::CutsSlips => &["slip_has_a_limit"],
            Self::CopiesNothing => &["copy_of_nothing_is_refused"],
            Self::PrintsOverNothing => &["nothing_to_go_on_with"],
            Self::HidesNoPaper => &["paper_is_asked_for"],
        }
    }
}

const BY_SILENCE: &[&str] = &[
    "f23_find_of_what_the_old_memory_has",
    "find_after_a_lost_answer",
    "find_among_other_documents",
    "find_asks_a_person_about_several",
    "find_concludes_nothing_without_a_link",
    "open_receipt_in_trouble",
    "repeat_after_a_loss",
    "trouble_again_and_again",
    "trouble_within_a_receipt",
    "trouble_within_a_shift",
];

const BY_A_LOST_DOCUMENT: &[&str] = &[
    "find_after_a_lost_answer",
    "find_after_a_restart",
    "find_agrees_with_the_answer",
    "find_among_other_documents",
    "find_asks_a_person_about_several",
    "find_concludes_nothing_without_a_link",
    "open_receipt_in_trouble",
    "open_receipt_is_closed",
    "open_receipt_is_paid_at_the_close",
    "trouble_again_and_again",
    "trouble_within_a_receipt",
    "trouble_within_a_shift",
];

const BY_A_SECOND_DOCUMENT: &[&str] = &[
    "f20_find_tells_operations_apart",
    "find_begins_behind_the_mark",
    "find_of_what_was_never_asked",
    "find_takes_no_other_document",
    "open_receipt_and_a_restart",
    "open_receipt_is_annulled",
    "open_receipt_needs_the_money",
    "trouble_within_a_receipt",
    "trouble_within_a_shift",
];
