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
    "trouble_within_a_receipt",
    "trouble_within_a_shift",
];
