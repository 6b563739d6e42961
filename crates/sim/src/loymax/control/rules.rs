//! What an operator can switch, said over HTTP. What is left out stays as it is.

use std::time::Duration;

use serde::Deserialize;

use super::MS_MAX;
use crate::loymax::house::{Duplicates, Negative, OperationAuth, Printed, RefundType, Store, Till};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub(super) struct SaidRules {
    duplicates: Option<SaidDuplicates>,
    printed: Option<SaidPrinted>,
    negative: Option<SaidNegative>,
    confirm_requires_discount: Option<bool>,
    cancel_operations: Option<bool>,
    allow_blind_refund: Option<bool>,
    allow_cross_device: Option<bool>,
    block_before_replace: Option<bool>,
    line_attributes: Option<bool>,
    qr_life_ms: Option<u64>,
    /// For all tills.
    refund_type: Option<SaidRefund>,
    operation_auth: Option<SaidAuth>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SaidDuplicates {
    Replay,
    Reject,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SaidPrinted {
    Element,
    Marker,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SaidNegative {
    Suppress,
    Allow,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SaidRefund {
    Normal,
    BonusFirst,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SaidAuth {
    None,
    LastFourNumbers,
    PinCode,
}

impl SaidRules {
    pub(super) fn obey(&self, store: &mut Store) -> Result<(), String> {
        if self.qr_life_ms.is_some_and(|ms| ms > MS_MAX) {
            return Err(format!("qrLifeMs: at most {MS_MAX}"));
        }
        let rules = &mut store.rules;
        match self.duplicates {
            Some(SaidDuplicates::Replay) => rules.duplicates = Duplicates::Replay,
            Some(SaidDuplicates::Reject) => rules.duplicates = Duplicates::Reject,
            None => {}
        }
        match self.printed {
            Some(SaidPrinted::Element) => rules.printed = Printed::Element,
            Some(SaidPrinted::Marker) => rules.printed = Printed::Marker,
            None => {}
        }
        match self.negative {
            Some(SaidNegative::Suppress) => rules.negative = Negative::Suppress,
            Some(SaidNegative::Allow) => rules.negative = Negative::Allow,
            None => {}
        }
        for (rule, said) in [
            (&mut rules.confirm_requires_discount, self.confirm_requires_discount),
            (&mut rules.cancel_operations, self.cancel_operations),
            (&mut rules.allow_blind_refund, self.allow_blind_refund),
            (&mut rules.allow_cross_device, self.allow_cross_device),
            (&mut rules.block_before_replace, self.block_before_replace),
            (&mut rules.line_attributes, self.line_attributes),
        ] {
            *rule = said.unwrap_or(*rule);
        }
        rules.qr_life = self.qr_life_ms.map_or(rules.qr_life, Duration::from_millis);
        store.tills.values_mut().for_each(|till| self.obey_at(till));
        Ok(())
    }

    fn obey_at(&self, till: &mut Till) {
        match self.refund_type {
            Some(SaidRefund::Normal) => till.refund_type = RefundType::Normal,
            Some(SaidRefund::BonusFirst) => till.refund_type = RefundType::BonusFirst,
            None => {}
        }
        match self.operation_auth {
            Some(SaidAuth::None) => till.operation_auth = OperationAuth::None,
            Some(SaidAuth::LastFourNumbers) => {
                till.operation_auth = OperationAuth::LastFourNumbers;
            }
            Some(SaidAuth::PinCode) => till.operation_auth = OperationAuth::PinCode,
            None => {}
        }
    }
}
