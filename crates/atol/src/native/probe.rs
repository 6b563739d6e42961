//! Who the device is, and which rates its driver knows.

use tillway_core::Kopecks;
use tillway_core::fiscal::{
    Limits, Line, Measure, Method, Object, Paid, Quantity, Receipt, ReceiptKind, Tender, VatRate,
};
use tillway_core::port::fiscal::{Capabilities, Device, Fiscal, RegisterError};

use super::device;
use super::seat::Seat;
use crate::ask::Asks;
use crate::task::{self, Context, Query};

/// The task has a value that the driver does not know.
const PARSE_ERROR: i32 = 501;

/// Asks the register who it is, and its driver which rates it takes.
pub(super) async fn probe(
    seat: &Seat<'_>,
    known: Capabilities,
) -> Result<(Device, Capabilities), RegisterError> {
    let driver = seat.run(|device| Ok(device.version())).await?;
    let info = task::device(&seat.ask(Query::Device).await?)?;
    let memory = task::memory(&seat.ask(Query::Memory).await?)?;
    let rates = seat.run(|device| Ok(rates(device))).await?;
    let format = memory.format.or(info.format);
    let mut known = known;
    known.limits = Limits { rates, ..known.limits };
    known.marking = Context { format: format.clone(), operation: None }.is_format_12();
    known.format = format;
    let device = Device {
        model: info.model,
        serial: info.serial,
        firmware: info.firmware,
        driver: driver.into(),
        memory: memory.serial,
        width: info.width,
    };
    Ok((device, known))
}

/// The rates that the driver takes; nothing is sent to the register. All of them where the driver
/// cannot be asked: then the register itself refuses what it does not know.
fn rates(device: &mut device::Device) -> Vec<VatRate> {
    let mut takes = |rate| {
        let Ok(task) = sample(rate) else { return true };
        !matches!(device.validate(&task), Err(failure) if failure.number == Some(PARSE_ERROR))
    };
    let rates: Vec<_> = VatRate::ALL.into_iter().filter(|rate| takes(*rate)).collect();
    // A driver that refuses them all does not mind the rate, but the sample.
    if rates.is_empty() { VatRate::ALL.to_vec() } else { rates }
}

fn sample(rate: VatRate) -> Result<String, RegisterError> {
    let what = Fiscal::Receipt(Box::new(smallest(rate)));
    task::fiscal(&what, &Context::default())
}

/// The smallest sale at this rate: one ruble by card.
pub(super) fn smallest(rate: VatRate) -> Receipt {
    let line = Line {
        name: "-".into(),
        price: Kopecks(100),
        quantity: Quantity::ONE,
        amount: Kopecks(100),
        vat: rate,
        method: Method::FullPayment,
        object: Object::Commodity,
        measure: Measure::Piece,
        mark: None,
    };
    Receipt {
        kind: ReceiptKind::Sell,
        basis: None,
        taxation: None,
        operator: None,
        contact: None,
        place: None,
        lines: vec![line],
        paid: vec![Paid { tender: Tender::Card, amount: Kopecks(100) }],
        electronic: false,
        notes: Vec::new(),
    }
}
