//! The names and paths of the Public API (loymax.md 13), each replaceable: nothing else in the
//! client spells one.

use std::collections::BTreeMap;

use http::Method;

macro_rules! names {
    ($($name:ident = $text:literal,)*) => {
        /// A member of an object, a field of a form, or a fixed value.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Name {
            $(#[doc = concat!("`", $text, "`")] $name,)*
        }

        impl Name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its spelling, as far as it is known. What is read is told apart without regard to
            /// capital letters.
            pub const fn usual(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

names! {
    AccessToken = "access_token",
    RefreshToken = "refresh_token",
    ExpiresIn = "expires_in",
    Error = "error",
    GrantType = "grant_type",
    GrantPassword = "password",
    GrantRefresh = "refresh_token",
    GrantAnonymous = "anonymous",
    GrantCode = "authorization_code",
    Username = "username",
    FormPassword = "password",
    ClientId = "client_id",
    ClientSecret = "client_secret",
    RedirectUri = "redirect_uri",
    FormCode = "code",
    ResponseType = "response_type",
    XIdentifier = "x-identifier",
    Result = "result",
    State = "state",
    Message = "message",
    MessageCode = "messageCode",
    ValidationErrors = "validationErrors",
    Field = "field",
    ErrorMessages = "errorMessages",
    Data = "data",
    StateSuccess = "Success",
    StateFail = "Fail",
    StateError = "Error",
    StateValidation = "ValidationError",
    Login = "login",
    Password = "password",
    CvcCode = "cvcCode",
    WithoutCall = "withoutCall",
    Token = "token",
    PersonId = "personId",
    InvalidLoginPassword = "InvalidLoginPassword",
    PasswordRequired = "PasswordRequired",
    RegistrationBlocked = "RegistrationBlocked",
    RegistrationAlreadyCompleted = "RegistrationAlreadyCompleted",
    Actions = "actions",
    UserActionType = "userActionType",
    ActionState = "actionState",
    Required = "Required",
    IsDone = "isDone",
    AcceptTenderOffer = "AcceptTenderOffer",
    ChangePhone = "ChangePhone",
    Questions = "Questions",
    AttachCard = "AttachCard",
    AssignCard = "AssignCard",
    ChangeEmail = "ChangeEmail",
    ChangePassword = "ChangePassword",
    ResetPassword = "ResetPassword",
    ShowMessage = "ShowMessage",
    AcceptSubscriptionsConfirm = "AcceptSubscriptionsConfirm",
    PhoneNumber = "phoneNumber",
    ConfirmCode = "confirmCode",
    QuestionId = "questionId",
    QuestionGroupId = "questionGroupId",
    FixedAnswerIds = "fixedAnswerIds",
    Tag = "tag",
    RegistrationCompleted = "registrationCompleted",
    UncompletedActions = "uncompletedActions",
    CardNumber = "cardNumber",
    CardPassword = "cardPassword",
    PartnerId = "partnerId",
    FromDate = "fromDate",
    ToDate = "toDate",
    From = "from",
    CountOf = "count",
    DefaultGoodsCount = "defaultGoodsCount",
    MaxGoodsCount = "maxGoodsCount",
    Goods = "goods",
    AllowChange = "allowChange",
    Good = "good",
    CodeGood = "codeGood",
    BarCode = "barCode",
    LastChanged = "lastChanged",
    PositionType = "positionType",
    TypeNormal = "Normal",
    TypeBirthday = "Birthday",
    TypeAction = "Action",
    Code = "code",
    CodeGeneratedDate = "codeGeneratedDate",
    LifeTime = "lifeTime",
    QrContent = "qrContent",
    Description = "description",
    ExpiryDate = "expiryDate",
    OperationId = "operationId",
    OperationDate = "operationDate",
    Cashier = "cashier",
    Cheque = "cheque",
    Number = "number",
    Date = "date",
    Lines = "lines",
    Position = "position",
    GoodsId = "goodsId",
    Barcode = "barcode",
    NameOf = "name",
    Price = "price",
    Quantity = "quantity",
    Amount = "amount",
    Discount = "discount",
    Cashback = "cashback",
    Correction = "correction",
    Params = "params",
    ParamsList = "paramsList",
    Value = "value",
    Type = "type",
    TypeString = "String",
    TypeDecimal = "Decimal",
    Coupons = "coupons",
    PaymentAmount = "paymentAmount",
    PinCode = "pinCode",
    Pays = "pays",
    Details = "details",
    RefundPurchaseId = "refundPurchaseId",
    RefundTransactionId = "refundTransactionId",
    TransactionId = "transactionId",
    AuthCode = "authCode",
    ErrorMessage = "errorMessage",
    CashierMessage = "cashierMessage",
    ChequeMessage = "chequeMessage",
    TotalAmount = "totalAmount",
    TotalDiscount = "totalDiscount",
    TotalCashback = "totalCashback",
    PayAmount = "payAmount",
    AppliedOffers = "appliedOffers",
    Id = "id",
    ExternalId = "externalId",
    PreferenceValue = "prerefenceValue",
    CurrencyAbbreviation = "currencyAbbreviation",
    Currency = "currency",
    IdentificationData = "identificationData",
    Balance = "balance",
    AvailableAmount = "availableAmount",
    AvailableBonusAmount = "availableBonusAmount",
    BonusAmount = "bonusAmount",
    RefundOperationType = "refundOperationType",
}

macro_rules! calls {
    ($($call:ident = $method:ident $path:literal,)*) => {
        /// A call. `{}` in its path stands for an argument.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Call {
            $(#[doc = concat!("`", stringify!($method), " ", $path, "`")] $call,)*
        }

        impl Call {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$call,)*];

            /// Its method, and its path below the base, as far as they are known.
            pub fn usual(self) -> (Method, &'static str) {
                match self {
                    $(Self::$call => (Method::$method, $path),)*
                }
            }
        }
    };
}

calls! {
    BeginRegistration = POST "Registration/BeginRegistration",
    RegistrationActions = GET "User/RegistrationActions",
    AcceptTenderOffer = POST "User/AcceptTenderOffer",
    SetPhone = POST "User/PhoneNumber",
    SendConfirmCode = POST "User/PhoneNumber/SendConfirmCode",
    ConfirmPhone = POST "User/PhoneNumber/Confirm",
    Answers = POST "User/Answers",
    SetCard = POST "Cards/Set",
    EmitVirtual = PUT "Cards/EmitVirtual",
    SetPassword = POST "User/Password/Set",
    TryFinish = POST "Registration/TryFinishRegistration",
    SetPhoneOf = POST "users/{}/SetPhone",
    SendConfirmCodeOf = POST "users/{}/SendConfirmPhoneCode",
    ConfirmPhoneOf = POST "users/{}/PostConfirmPhoneCode",
    AcceptTenderOfferOf = POST "users/{}/AcceptTenderOffer",
    AnswersOf = POST "users/{}/UpdateAnswers",
    SetCardOf = POST "users/{}/SetCard",
    TryFinishOf = POST "Registration/TryFinishRegistrationCustomer",
    Favourites = GET "users/favoriteGoods",
    Favourite = GET "users/favoriteGoods/{}",
    FavouriteChoices = GET "users/favoriteGoods/{}/list",
    Choose = PUT "users/favoriteGoods/{}/{}",
    Clear = DELETE "users/favoriteGoods/{}/{}",
    FavouritesOf = GET "users/{}/favoriteGoods",
    FavouriteOf = GET "users/{}/favoriteGoods/{}",
    FavouriteChoicesOf = GET "users/{}/favoriteGoods/{}/list",
    ChooseOf = PUT "users/{}/favoriteGoods/{}/{}",
    ClearOf = DELETE "users/{}/favoriteGoods/{}/{}",
    Cards = GET "Cards",
    QrCode = GET "Cards/{}/QrCode",
    QrCodeOf = GET "users/code/{}/cards/{}/qrcode",
    ReplaceCard = POST "Cards/{}/Replace",
    IssueCard = POST "Cards/{}/Issue",
    Coupon = GET "Coupons/number/{}",
    ConfirmPurchase = POST "purchases/confirm/{}/{}",
    CancelPurchase = POST "purchases/cancel/{}/{}",
    ProcessingBalance = POST "Processing/Balance",
    ProcessingCalculate = POST "Processing/Purchases/{}/Calculate",
    ProcessingAvailable = POST "Processing/Purchases/{}/Bonus/Available",
    ProcessingPayment = POST "Processing/Purchases/{}/Bonus/Payment",
    ProcessingBonus = POST "Processing/Purchases/{}/Bonus",
    ProcessingConfirm = POST "Processing/Purchases/{}/Confirm",
    ProcessingCancel = POST "Processing/Purchases/{}/Cancel",
    ProcessingRefund = POST "Processing/Purchases/{}/Refund",
    ProcessingCancelOne = POST "Processing/Purchases/{}/Operations/{}/Cancel",
}

/// How the Public API is spoken.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Words {
    /// Names that differ from [`Name::usual`].
    pub renamed: BTreeMap<Name, Box<str>>,
    /// Methods and paths that differ from [`Call::usual`].
    pub moved: BTreeMap<Call, (Method, Box<str>)>,
}

impl Words {
    /// A name on the wire.
    pub fn name(&self, name: Name) -> &str {
        self.renamed.get(&name).map_or(name.usual(), AsRef::as_ref)
    }

    /// The method of a call, and its path with these arguments in their places.
    pub fn place(&self, call: Call, arguments: &[&str]) -> (Method, String) {
        let (usual, path) = call.usual();
        let (method, path) = match self.moved.get(&call) {
            Some((method, path)) => (method.clone(), path.as_ref()),
            None => (usual, path),
        };
        let mut arguments = arguments.iter();
        let mut whole = String::with_capacity(path.len());
        for (at, part) in path.split("{}").enumerate() {
            if at > 0 {
                whole.push_str(&encoded(arguments.next().copied().unwrap_or_default()));
            }
            whole.push_str(part);
        }
        (method, whole)
    }
}

/// Text as a part of an address or a form: everything but letters, digits and `-._~` as bytes.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_paths_are_changed_in_one_place() {
        let mut words = Words::default();
        assert_eq!(words.place(Call::Choose, &["7", "2"]).1, "users/favoriteGoods/7/2");
        words.moved.insert(Call::Choose, (Method::POST, "fav/{}".into()));
        assert_eq!(words.place(Call::Choose, &["7", "2"]), (Method::POST, "fav/7".to_owned()));
        words.renamed.insert(Name::Token, "authToken".into());
        assert_eq!(words.name(Name::Token), "authToken");
        assert_eq!(words.name(Name::Login), "login");
    }

    #[test]
    fn an_argument_stays_in_its_place() {
        let (_, path) = Words::default().place(Call::Coupon, &["a/b?c=d&е"]);
        assert_eq!(path, "Coupons/number/a%2Fb%3Fc%3Dd%26%D0%B5");
    }

    #[test]
    fn calls_are_told_apart() {
        let all: BTreeSet<_> = Call::ALL
            .iter()
            .map(|call| call.usual())
            .map(|(method, path)| (method.to_string(), path))
            .collect();
        assert_eq!(all.len(), Call::ALL.len());
    }
}
