//! Tills and ways to pay.

use secrecy::SecretString;

/// A till, as the processing's operator made it.
#[derive(Clone, Debug)]
pub struct Till {
    /// Its logical name, which is its login and the last part of its address.
    pub login: String,
    /// Its password.
    pub password: SecretString,
    /// Whose it is: purchases of one partner are closed to tills of another.
    pub partner: String,
    /// The certificate with the till's public key, DER.
    pub certificate: Option<Vec<u8>>,
    /// Whether its messages are signed.
    pub request_auth: RequestAuth,
    /// How points are given back.
    pub refund_type: RefundType,
    /// What confirms a payment with points.
    pub operation_auth: OperationAuth,
    /// Shut out.
    pub blocked: bool,
}

impl Till {
    /// A till that signs nothing and asks for no PIN.
    pub fn new(login: &str, password: &str) -> Self {
        Self {
            login: login.to_owned(),
            password: password.into(),
            partner: "1".to_owned(),
            certificate: None,
            request_auth: RequestAuth::None,
            refund_type: RefundType::Normal,
            operation_auth: OperationAuth::None,
            blocked: false,
        }
    }
}

/// Whether messages are signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestAuth {
    /// By its password alone.
    None,
    /// Signed both ways.
    Signature,
}

/// How points are given back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefundType {
    /// In proportion to what is returned.
    Normal,
    /// Points first.
    BonusFirst,
}

impl RefundType {
    /// As the protocol writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::BonusFirst => "BonusFirst",
        }
    }
}

/// What confirms a payment with points.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OperationAuth {
    /// Nothing.
    None,
    /// The last four digits of the card's number.
    LastFourNumbers,
    /// The card's PIN.
    PinCode,
}

/// A way to pay that tills may name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PayType {
    /// Its logical name.
    pub name: String,
    /// No longer in use.
    pub archived: bool,
}
