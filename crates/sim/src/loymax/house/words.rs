//! What the processing says to the cashier and on the receipt.

use tillway_core::Kopecks;

use super::{Printed, PrintedCoupon, Reply};

/// Two decimals, always.
pub(in crate::loymax) fn money(amount: Kopecks) -> String {
    let (sign, abs) = (if amount.0 < 0 { "-" } else { "" }, amount.0.unsigned_abs());
    let (whole, part) = (abs / 100, abs % 100);
    format!("{sign}{whole}.{part:02}")
}

/// Lines as one message; none when there are none.
pub(super) fn message(lines: &[String]) -> Option<String> {
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Puts coupons to print where the rules want them.
pub(super) fn print(reply: &mut Reply, coupons: Vec<PrintedCoupon>, how: Printed) {
    if how == Printed::Element {
        reply.coupons = coupons;
        return;
    }
    let mut lines: Vec<String> = reply.cheque_message.take().into_iter().collect();
    for coupon in coupons {
        lines.push(coupon.text);
        lines.extend(coupon.barcode.map(|barcode| format!("[[BARCODE:{barcode}]]")));
        lines.extend(coupon.qr.map(|qr| format!("[[QR:{qr}]]")));
    }
    reply.cheque_message = message(&lines);
}
