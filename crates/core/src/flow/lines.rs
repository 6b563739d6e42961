//! The lines of an order as stored bytes.

use rust_decimal::Decimal;

use crate::Kopecks;
use crate::flow::BadRecord;
use crate::port::OrderLine;

#[derive(minicbor::Encode, minicbor::Decode)]
struct Wire {
    #[n(0)]
    sku: Box<str>,
    #[n(1)]
    name: Box<str>,
    #[n(2)]
    quantity: String,
    #[n(3)]
    price: Kopecks,
    #[n(4)]
    amount: Kopecks,
}

/// The bytes of an order's lines.
pub fn encode_lines(lines: &[OrderLine]) -> Box<[u8]> {
    let wire: Vec<Wire> = lines
        .iter()
        .map(|line| Wire {
            sku: line.sku.clone(),
            name: line.name.clone(),
            quantity: line.quantity.to_string(),
            price: line.price,
            amount: line.amount,
        })
        .collect();
    // Writing into a Vec cannot fail.
    minicbor::to_vec(wire).unwrap_or_default().into()
}

/// The lines of stored bytes.
///
/// # Errors
/// [`BadRecord::Damaged`] when the bytes are not lines.
pub fn decode_lines(bytes: &[u8]) -> Result<Vec<OrderLine>, BadRecord> {
    let wire: Vec<Wire> = minicbor::decode(bytes).map_err(|_| BadRecord::Damaged { kind: 0 })?;
    wire.into_iter()
        .map(|line| {
            let quantity = Decimal::from_str_exact(&line.quantity);
            Ok(OrderLine {
                sku: line.sku,
                name: line.name,
                quantity: quantity.map_err(|_| BadRecord::Damaged { kind: 0 })?,
                price: line.price,
                amount: line.amount,
            })
        })
        .collect()
}
