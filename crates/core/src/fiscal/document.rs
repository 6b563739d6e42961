//! Fiscal documents as the fiscal memory (FN) has them.

use minicbor::{Decode, Encode};

use crate::fiscal::receipt::ReceiptKind;
use crate::money::Kopecks;
use crate::time::Timestamp;

/// Where the fiscal memory stood: read before each fiscal call and journaled with its intent, so
/// that the walk after a lost answer knows where to begin.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Mark {
    /// The serial number of the FN: 16 digits.
    #[n(0)]
    pub memory: Box<str>,
    /// The number of its last document; zero before the first.
    #[n(1)]
    pub last: u32,
    /// The register's own clock. A wall time: the offset is the host's guess.
    #[n(2)]
    pub at: Timestamp,
    /// Whether receipts that are sent from here carry the id of their attempt (F20): a register
    /// prints what this says and looks for what this says, whatever its setting is by then. `None`
    /// goes by the setting.
    #[n(3)]
    pub operations: Option<bool>,
}

/// A document that was written.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Registered {
    /// What it is.
    #[n(0)]
    pub kind: DocumentKind,
    /// Its number in the FN (ФД).
    #[n(1)]
    pub number: u32,
    /// Its fiscal sign (ФПД); `None` where the register did not say.
    #[n(2)]
    pub sign: Option<u32>,
    /// When, by the register's own clock.
    #[n(3)]
    pub at: Option<Timestamp>,
    /// The serial number of the FN.
    #[n(4)]
    pub memory: Option<Box<str>>,
    /// The registration number of the register (РНМ).
    #[n(5)]
    pub registration: Option<Box<str>>,
    /// The shift.
    #[n(6)]
    pub shift: Option<u32>,
    /// The number of the receipt within the shift.
    #[n(7)]
    pub receipt: Option<u32>,
    /// The total of a receipt.
    #[n(8)]
    pub total: Option<Kopecks>,
    /// How many receipts a shift had that was closed.
    #[n(9)]
    pub receipts: Option<u32>,
    /// The paper is not finished: put some in and go on printing, never register it again.
    #[n(10)]
    pub unprinted: bool,
    /// Printed in training: it is not fiscal.
    #[n(11)]
    pub training: bool,
    /// The operation that was printed into it, where several programs share a register (F20).
    #[n(12)]
    pub operation: Option<Box<str>>,
}

/// What a document is.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, PartialEq)]
pub enum DocumentKind {
    /// A shift was opened.
    #[n(0)]
    OpenShift,
    /// A shift was closed.
    #[n(1)]
    CloseShift,
    /// A receipt.
    #[n(2)]
    Receipt(#[n(0)] ReceiptKind),
    /// A correction.
    #[n(3)]
    Correction(#[n(0)] ReceiptKind),
    /// A report on the exchange with the OFD.
    #[n(4)]
    Exchange,
    /// Registration, change of the registration, end of the FN.
    #[n(5)]
    Other,
}

impl Registered {
    /// A document of which only the number is known.
    pub fn new(kind: DocumentKind, number: u32) -> Self {
        Self {
            kind,
            number,
            sign: None,
            at: None,
            memory: None,
            registration: None,
            shift: None,
            receipt: None,
            total: None,
            receipts: None,
            unprinted: false,
            training: false,
            operation: None,
        }
    }
}

/// The text of the QR code on a receipt, built from what was registered. The driver's own is wrong
/// for documents whose full text has left the FN (ATOL note 5.6).
///
/// `None` when the document is no receipt, or lacks a part.
pub fn qr(document: &Registered) -> Option<String> {
    let (DocumentKind::Receipt(kind) | DocumentKind::Correction(kind)) = document.kind else {
        return None;
    };
    let (total, memory, sign) = (document.total?, document.memory.as_deref()?, document.sign?);
    let (day, minute) = document.at?.wall();
    let (rubles, kopecks) = (total.0.checked_div(100)?, total.0.checked_rem(100)?);
    let (number, kind) = (document.number, kind.tag());
    Some(format!(
        "t={day}T{minute}&s={rubles}.{kopecks:02}&fn={memory}&i={number}&fp={sign}&n={kind}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_qr_says_what_the_tax_office_asks() {
        let document = Registered {
            sign: Some(2_914_470_163),
            at: Some(Timestamp { utc_ms: 1_772_444_460_000, offset_min: 180 }),
            memory: Some("9999078900001234".into()),
            total: Some(Kopecks(36_005)),
            ..Registered::new(DocumentKind::Receipt(ReceiptKind::Sell), 119)
        };
        let expected = "t=20260302T1241&s=360.05&fn=9999078900001234&i=119&fp=2914470163&n=1";
        assert_eq!(qr(&document).as_deref(), Some(expected));
        let kind = DocumentKind::Receipt(ReceiptKind::SellReturn);
        let back = Registered { kind, total: Some(Kopecks(7)), ..document.clone() };
        assert!(qr(&back).unwrap().contains("&s=0.07&") && qr(&back).unwrap().ends_with("&n=2"));
        assert_eq!(qr(&Registered { kind: DocumentKind::OpenShift, ..document.clone() }), None);
        assert_eq!(qr(&Registered { sign: None, ..document }), None);
    }
}
