//! The closed schema of requests: which children and attributes an element may have.

use super::tree::Node;
use crate::loymax::house::{Code, Kind, Refusal};

/// The name of a command: what holds it, its request, its answer.
pub(super) const fn command(kind: Kind) -> [&'static str; 3] {
    match kind {
        Kind::Balance => ["Balances", "BalanceRequest", "BalanceResponse"],
        Kind::Calculate => ["Calculates", "CalculateRequest", "CalculateResponse"],
        Kind::Available => {
            ["AvailableAmounts", "AvailableAmountRequest", "AvailableAmountResponse"]
        }
        Kind::Pay => ["Payments", "PaymentRequest", "PaymentResponse"],
        Kind::Accrue => ["Discounts", "DiscountRequest", "DiscountResponse"],
        Kind::Confirm => ["ConfirmPurchases", "ConfirmPurchaseRequest", "ConfirmPurchaseResponse"],
        Kind::Cancel => ["CancelPurchases", "CancelPurchaseRequest", "CancelPurchaseResponse"],
        Kind::CancelOperation => {
            ["CancelOperations", "CancelOperationRequest", "CancelOperationResponse"]
        }
        Kind::Refund => ["Refunds", "RefundRequest", "RefundResponse"],
        Kind::Card => ["CardReplaces", "CardReplaceRequest", "CardReplaceResponse"],
    }
}

/// The children of a request, in the order in which the schema names them.
pub(super) const fn children(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Balance => &["Identifier", "Card"],
        Kind::Calculate => &["Cheque", "Identifier", "Card", "Coupons", "Params"],
        Kind::Available => &["Cheque", "Identifier", "Card", "Params"],
        Kind::Pay => &["Cheque", "Identifier", "Card", "Coupons", "Params"],
        Kind::Accrue => &["Cheque", "Identifier", "Card", "Coupons", "Pays", "Params"],
        Kind::Confirm | Kind::Cancel | Kind::CancelOperation => &[],
        Kind::Refund => &["Cheque", "Identifier", "Card", "Params"],
        Kind::Card => &["Identifier", "Card", "NewIdentifier"],
    }
}

/// The attributes of a request besides the common ones.
pub(super) const fn attributes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Balance => &[],
        Kind::Calculate => &["PurchaseID", "PaymentAmount"],
        Kind::Pay => &["PurchaseID", "Amount", "PinCode"],
        Kind::Available | Kind::Accrue | Kind::Confirm | Kind::Cancel => &["PurchaseID"],
        Kind::CancelOperation => &["PurchaseID", "CancelOperationID"],
        Kind::Refund => &["PurchaseID", "RefundPurchaseID", "RefundTransactionID"],
        Kind::Card => &["OldCardNumber"],
    }
}

/// On every request.
pub(super) const COMMON: &[&str] =
    &["ElementID", "OperationID", "OperationDate", "DeviceLogicalID", "Cashier"];

/// Refuses children that are not in the list, or are there twice, and names those still allowed.
pub(super) fn check_children(node: &Node, allowed: &[&str]) -> Result<(), Refusal> {
    let mut open: Vec<&str> = allowed.to_vec();
    for child in &node.children {
        let Some(place) = open.iter().position(|name| *name == child.name) else {
            return Err(unexpected(node, child, &open));
        };
        open.remove(place);
        // A card stands in place of an identifier.
        if child.name == "Identifier" {
            open.retain(|name| *name != "Card");
        } else if child.name == "Card" {
            open.retain(|name| *name != "Identifier");
        }
    }
    check_text(node)
}

/// Refuses what is no list of at least one such child.
pub(super) fn check_list(node: &Node, name: &str) -> Result<(), Refusal> {
    if let Some(child) = node.children.iter().find(|child| child.name != name) {
        return Err(unexpected(node, child, &[name]));
    }
    if node.children.is_empty() {
        let node = &node.name;
        let why = format!(
            "The element '{node}' has incomplete content. List of possible elements expected: \
             '{name}'."
        );
        return Err(Refusal::new(Code::ParseError, why));
    }
    check_text(node)
}

fn check_text(node: &Node) -> Result<(), Refusal> {
    if node.text.trim().is_empty() {
        return Ok(());
    }
    let why = format!("The element '{}' cannot contain text.", node.name);
    Err(Refusal::new(Code::ParseError, why))
}

/// Refuses attributes that are not in the lists.
pub(super) fn check_attributes(node: &Node, lists: &[&[&str]]) -> Result<(), Refusal> {
    let known = |name: &str| lists.iter().any(|list| list.contains(&name));
    match node.attributes.iter().find(|(name, _)| !known(name)) {
        Some((name, _)) => {
            let why = format!("The '{name}' attribute is not declared in '{}'.", node.name);
            Err(Refusal::new(Code::ParseError, why))
        }
        None => Ok(()),
    }
}

pub(super) fn unexpected(node: &Node, child: &Node, open: &[&str]) -> Refusal {
    let mut why =
        format!("The element '{}' has invalid child element '{}'.", node.name, child.name);
    if !open.is_empty() {
        why.push_str(&format!(" List of possible elements expected: '{}'.", open.join(", ")));
    }
    Refusal::new(Code::ParseError, why)
}
