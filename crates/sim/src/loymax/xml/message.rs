//! A message of a till: its commands, in order.

use sha2::{Digest, Sha256};

use super::parts;
use super::schema::{
    COMMON, attributes, check_attributes, check_children, children, command, unexpected,
};
use super::tree::{self, Node};
use super::value::{amount, format_of, id, moment, number, required};
use crate::loymax::house::{Code, Command, Kind, Refusal, Request, Rules};

/// The namespace of signatures: a signature is no part of the message.
const SIGNATURE: &str = "Signature";

/// One command.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// What the message says the till is.
    pub(super) device: Option<String>,
    pub(super) request: Request,
}

/// Reads a message whole, or refuses it whole.
pub(super) fn read(
    text: &str,
    till: &str,
    body: &[u8],
    rules: &Rules,
) -> Result<Vec<Asked>, Refusal> {
    let root = tree::read(text).map_err(|why| Refusal::new(Code::ParseError, why))?;
    if root.name != "XMLRequest" {
        let why = format!("The '{}' element is not declared.", root.name);
        return Err(Refusal::new(Code::ParseError, why));
    }
    check_attributes(&root, &[&["xmlns:xsi", "xmlns:xsd"]])?;
    let mut parts = root.children.iter().filter(|child| !is_signature(child)).peekable();
    check_version(parts.next())?;
    let mut asked = Vec::new();
    let digest = Sha256::digest(body).into();
    for container in parts {
        let known = Kind::ALL
            .into_iter()
            .filter(|kind| *kind != Kind::CancelOperation || rules.cancel_operations);
        let names: Vec<&str> = known.clone().map(|kind| command(kind)[0]).collect();
        let mut known = known.filter(|kind| command(*kind)[0] == container.name);
        let kind = known.next().ok_or_else(|| unexpected(&root, container, &names))?;
        super::schema::check_list(container, command(kind)[1])?;
        check_attributes(container, &[])?;
        for node in &container.children {
            asked.push(one(node, kind, till, digest, rules)?);
        }
    }
    if asked.is_empty() {
        return Err(Refusal::new(
            Code::ParseError,
            "The element 'XMLRequest' has incomplete content.",
        ));
    }
    Ok(asked)
}

fn is_signature(node: &Node) -> bool {
    node.name.rsplit(':').next() == Some(SIGNATURE)
}

fn check_version(version: Option<&Node>) -> Result<(), Refusal> {
    match version.filter(|node| node.name == "Version") {
        None => Err(Refusal::new(Code::RequereFieldException, "The element 'Version' is missing.")),
        Some(node) if node.text.trim() == "3.2" => Ok(()),
        Some(_) => Err(Refusal::new(Code::VersionError, "Версия протокола не поддерживается")),
    }
}

fn one(
    node: &Node,
    kind: Kind,
    till: &str,
    digest: [u8; 32],
    rules: &Rules,
) -> Result<Asked, Refusal> {
    check_attributes(node, &[COMMON, attributes(kind)])?;
    check_children(node, children(kind))?;
    number(node, "ElementID")?;
    let at = moment(node, "OperationDate", None)?;
    let request = Request {
        till: till.to_owned(),
        operation: id(node, "OperationID")?,
        at,
        cashier: node.attribute("Cashier").map(str::to_owned),
        digest,
        command: read_command(node, kind, at.offset_min, rules)?,
    };
    Ok(Asked { device: node.attribute("DeviceLogicalID").map(str::to_owned), request })
}

fn read_command(node: &Node, kind: Kind, offset: i16, rules: &Rules) -> Result<Command, Refusal> {
    let purchase = || id(node, "PurchaseID");
    let cheque = || parts::cheque(node, offset, rules);
    Ok(match kind {
        Kind::Balance => Command::Balance { guest: parts::guest_required(node)? },
        Kind::Calculate => Command::Calculate {
            sale: parts::sale(node, offset, rules)?,
            wish: amount(node, "PaymentAmount")?,
        },
        Kind::Available => Command::Available {
            purchase: purchase()?,
            guest: parts::guest_required(node)?,
            cheque: cheque()?,
        },
        Kind::Pay => {
            parts::guest_required(node)?;
            required(node, "Amount")?;
            Command::Pay {
                sale: parts::sale(node, offset, rules)?,
                amount: amount(node, "Amount")?.unwrap_or_default(),
                pin: node.attribute("PinCode").map(Into::into),
            }
        }
        Kind::Accrue => {
            Command::Accrue { sale: parts::sale(node, offset, rules)?, pays: parts::pays(node)? }
        }
        Kind::Confirm => Command::Confirm { purchase: purchase()? },
        Kind::Cancel => Command::Cancel { purchase: purchase()? },
        Kind::CancelOperation => Command::CancelOperation {
            purchase: purchase()?,
            operation: id(node, "CancelOperationID")?,
        },
        Kind::Refund => Command::Refund {
            purchase: purchase()?,
            of_purchase: node.attribute("RefundPurchaseID").map(str::to_owned),
            of_transaction: transaction(node)?,
            guest: parts::guest(node)?,
            cheque: cheque()?,
        },
        Kind::Card => Command::Card {
            guest: parts::guest(node)?,
            new: parts::new_card(node)?,
            old_card: node.attribute("OldCardNumber").map(str::to_owned),
        },
    })
}

fn transaction(node: &Node) -> Result<Option<u64>, Refusal> {
    let name = "RefundTransactionID";
    let read = |text: &str| text.parse().map_err(|_| format_of(node, name));
    node.attribute(name).map(read).transpose()
}
