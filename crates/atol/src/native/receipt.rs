//! A receipt by single commands: the only one that can be annulled while its guest pays.
//!
//! Opened, lines registered; then somebody pays; then payments and the close. Until the command
//! that closes it is sent, nothing can be fiscal (ATOL note 7.5).

use tillway_core::fiscal::{Line, Operator, Paid, Receipt, Tender};
use tillway_core::port::fiscal::Slip;

use super::abi::Call;
use super::driver::Driver;
use super::error::Failure;
use super::ids::{self, Param};
use crate::task::Context;

/// Whether single commands can write it.
pub(super) fn is_simple(receipt: &Receipt) -> bool {
    receipt.basis.is_none() && receipt.lines.iter().all(|line| line.mark.is_none())
}

/// Opens a receipt and registers its lines.
pub(super) fn begin(
    driver: &mut Driver,
    receipt: &Receipt,
    context: &Context,
) -> Result<(), Failure> {
    if let Some(operator) = &receipt.operator {
        log_in(driver, operator)?;
    }
    driver.set_int(Param::RECEIPT_TYPE, ids::receipt_type(receipt.kind));
    driver.set_bool(Param::RECEIPT_ELECTRONICALLY, receipt.electronic);
    if let Some(taxation) = receipt.taxation {
        driver.set_int(Param::TAXATION, ids::taxation(taxation));
    }
    let place = receipt.place.as_ref();
    let texts = [
        (Param::CONTACT, receipt.contact.as_deref()),
        (Param::MACHINE, place.map(|place| &*place.machine)),
        (Param::ADDRESS, place.and_then(|place| place.address.as_deref())),
        (Param::PLACE, place.and_then(|place| place.name.as_deref())),
        (Param::ATTRIBUTE, context.operation.as_deref()),
    ];
    for (id, text) in texts {
        if let Some(text) = text {
            driver.set_str(id, text)?;
        }
    }
    driver.run(Call::OpenReceipt)?;
    receipt.lines.iter().try_for_each(|line| register(driver, line, context))
}

fn log_in(driver: &mut Driver, operator: &Operator) -> Result<(), Failure> {
    driver.set_str(Param::OPERATOR, &operator.name)?;
    if let Some(vatin) = &operator.vatin {
        driver.set_str(Param::OPERATOR_VATIN, vatin)?;
    }
    driver.run(Call::OperatorLogin)
}

fn register(driver: &mut Driver, line: &Line, context: &Context) -> Result<(), Failure> {
    driver.set_str(Param::COMMODITY_NAME, &line.name)?;
    driver.set_money(Param::PRICE, line.price)?;
    driver.set_number(Param::QUANTITY, &line.quantity.to_string())?;
    driver.set_money(Param::POSITION_SUM, line.amount)?;
    driver.set_int(Param::TAX_TYPE, ids::rate(line.vat));
    driver.set_int(Param::METHOD, ids::method(line.method));
    driver.set_int(Param::OBJECT, ids::object(line.object));
    if context.is_format_12() {
        driver.set_int(Param::MEASURE, ids::measure(line.measure));
    }
    driver.run(Call::Registration)
}

/// Takes the payments: cash goes last, because what is too much of it is change.
pub(super) fn pay(driver: &mut Driver, paid: &[Paid]) -> Result<(), Failure> {
    let is_cash = |paid: &&Paid| paid.tender == Tender::Cash;
    let ordered = paid.iter().filter(|paid| !is_cash(paid)).chain(paid.iter().filter(is_cash));
    for Paid { tender, amount } in ordered.filter(|paid| paid.amount.is_positive()) {
        driver.set_int(Param::PAYMENT_TYPE, ids::tender(*tender));
        driver.set_money(Param::PAYMENT_SUM, *amount)?;
        driver.run(Call::Payment)?;
    }
    Ok(())
}

/// The text below a receipt, which single commands print after it.
pub(super) fn notes(receipt: &Receipt) -> Option<Slip> {
    let items = if receipt.electronic { Vec::new() } else { receipt.notes.clone() };
    (!items.is_empty()).then_some(Slip { items })
}
