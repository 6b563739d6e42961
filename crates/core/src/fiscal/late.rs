//! A receipt that was not printed when the money moved (F12).

use crate::fiscal::receipt::{Basis, BasisKind, Receipt};
use crate::time::Timestamp;

/// A shift that is, or was, open: numbers are those of one fiscal memory.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct OpenShift {
    /// The serial number of the memory.
    pub memory: Box<str>,
    /// Its number there.
    pub number: u32,
}

/// How a receipt may still be printed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Late {
    /// As it is: the shift is still the one in which the money moved.
    AsItIs(Receipt),
    /// As a correction. A person confirms it first.
    Confirm(Receipt),
}

/// How a receipt is printed that was **proven not written** ([`Found::NotWritten`]).
///
/// In the shift `then`, in which the money moved, it goes out as it is. When that shift is over,
/// or was one of another memory, it becomes a correction of our own accord, a sale as well as a
/// return, whose base is the day `paid_at` on the wall and the number of the order (at most 32
/// characters). `now` is the shift that is open, `None` when none is.
///
/// `None` for a moment that no calendar of registers has.
///
/// [`Found::NotWritten`]: crate::port::fiscal::Found::NotWritten
pub fn late(
    receipt: Receipt,
    then: &OpenShift,
    now: Option<&OpenShift>,
    paid_at: Timestamp,
    order: Option<Box<str>>,
) -> Option<Late> {
    if now == Some(then) {
        return Some(Late::AsItIs(receipt));
    }
    let basis = Basis { kind: BasisKind::Own, date: paid_at.wall_date()?, number: order };
    Some(Late::Confirm(Receipt { basis: Some(basis), ..receipt }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fiscal::receipt::{Limits, ReceiptKind, tests::soup};

    fn shift(memory: &str, number: u32) -> OpenShift {
        OpenShift { memory: memory.into(), number }
    }

    #[test]
    fn f12_a_late_receipt_is_a_sale_in_its_shift_and_a_correction_after_it() {
        // 2026-03-02, half past one at night on the wall, and still the day before in UTC.
        let paid_at = Timestamp { utc_ms: 1_772_404_200_000, offset_min: 180 };
        let then = shift("1", 9);
        for kind in [ReceiptKind::Sell, ReceiptKind::SellReturn] {
            let receipt = Receipt { kind, ..soup() };
            let print = |now: Option<OpenShift>| {
                late(receipt.clone(), &then, now.as_ref(), paid_at, Some("К-42".into())).unwrap()
            };
            assert_eq!(print(Some(then.clone())), Late::AsItIs(receipt.clone()));
            // The shift is closed, another one is open, another memory has a shift of the number.
            for now in [None, Some(shift("1", 10)), Some(shift("2", 9))] {
                let Late::Confirm(correction) = print(now) else { panic!("{kind:?}") };
                let basis = correction.basis.clone().unwrap();
                assert_eq!((basis.kind, basis.date), (BasisKind::Own, (2026, 3, 2)));
                assert_eq!(basis.number.as_deref(), Some("К-42"));
                assert_eq!(
                    correction.check(&Limits::default()),
                    receipt.total().map_err(|_| { unreachable!() })
                );
                assert_eq!(Receipt { basis: None, ..correction }, receipt, "all else is kept");
            }
        }
        let never = Timestamp::utc(i64::MAX);
        assert_eq!(late(soup(), &then, None, never, None), None);
    }
}
