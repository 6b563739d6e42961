//! What the front plugin gets to see: orders, payments, holds, refunds, errors.

use serde::Serialize;
use tillway_core::book::{Capture, Hold, HoldState, Payment};
use tillway_core::id::{AccountId, HoldId, OrderId, PaymentId, RefundId, Uuid};
use tillway_core::port::{OrderView, PaymentView, Reconciliation, RefundView, Sheet, UnlinkedView};
use tillway_core::split::Plan;
use tillway_core::wallet::wallets;
use tillway_core::{Account, AccountKind, Kopecks, MoneyError, Timestamp};

use crate::config::WaiterConfig;
use crate::error::PosError;
use crate::wire::{Minor, Text};

/// `{"error": …}`.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorOut {
    pub(crate) error: ErrorBody,
}

/// An error in words.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorBody {
    code: &'static str,
    message: String,
    retryable: bool,
    r#final: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_minor: Option<Minor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payments: Option<Vec<PaymentRef>>,
}

impl ErrorBody {
    pub(crate) fn of(error: &PosError, config: &WaiterConfig) -> Self {
        let mut message = config.texts.text(error.code).to_owned();
        if let Some(limit) = error.limit {
            message = message.replace("{limit}", &limit.for_people());
        }
        if let Some(kind) = error.right_kind {
            message = message.replace("{type}", config.payment_type_name(kind));
        }
        let pairs = error.payments.as_ref().map(|list| list.iter());
        Self {
            code: error.code,
            message,
            retryable: error.retryable,
            r#final: error.is_final,
            limit_minor: error.limit.map(Minor),
            payments: pairs.map(|list| list.map(|(id, sum)| PaymentRef::of(*id, *sum)).collect()),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PaymentRef {
    transaction_id: Text<PaymentId>,
    amount_minor: Minor,
}

impl PaymentRef {
    fn of(id: PaymentId, amount: Kopecks) -> Self {
        Self { transaction_id: Text(id), amount_minor: Minor(amount) }
    }
}

/// `GET health`.
#[derive(Debug, Serialize)]
pub(crate) struct HealthOut {
    pub(crate) status: &'static str,
    pub(crate) version: &'static str,
    pub(crate) time: Text<Timestamp>,
}

/// A state under a transaction id, when there is no capture to show.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StateOut {
    pub(crate) transaction_id: Text<PaymentId>,
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ErrorBody>,
}

/// A captured payment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentOut {
    transaction_id: Text<PaymentId>,
    state: &'static str,
    wallet_id: Text<AccountId>,
    kind: &'static str,
    amount_minor: Minor,
    own_part_minor: Minor,
    overdraft_part_minor: Minor,
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded_total_minor: Option<Minor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_after_minor: Option<Minor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slip: Option<Vec<SlipLine>>,
}

/// A line of the slip, ready to print.
#[derive(Debug, Serialize)]
struct SlipLine {
    left: String,
    right: String,
}

impl PaymentOut {
    /// As an answer to its capture: with the slip, and without what is not news to the plugin.
    pub(crate) fn captured(
        view: &PaymentView,
        capture: &Capture,
        config: &WaiterConfig,
    ) -> Result<Self, MoneyError> {
        let mut out = Self::bare(&view.payment, capture)?;
        out.refunded_total_minor =
            Some(Minor(capture.refunded)).filter(|Minor(refunded)| refunded.is_positive());
        out.acknowledged = None;
        out.with_account(view.account.as_ref(), capture, config)
    }

    /// As an answer to a question.
    pub(crate) fn asked(
        view: &PaymentView,
        capture: &Capture,
        config: &WaiterConfig,
    ) -> Result<Self, MoneyError> {
        Self::bare(&view.payment, capture)?.with_account(view.account.as_ref(), capture, config)
    }

    fn bare(payment: &Payment, capture: &Capture) -> Result<Self, MoneyError> {
        Ok(Self {
            transaction_id: Text(payment.id),
            state: payment.state_word(),
            wallet_id: Text(capture.account),
            kind: capture.kind.word(),
            amount_minor: Minor(capture.parts.total()?),
            own_part_minor: Minor(capture.parts.own),
            overdraft_part_minor: Minor(capture.parts.overdraft),
            refunded_total_minor: Some(Minor(capture.refunded)),
            acknowledged: Some(capture.acknowledged),
            available_after_minor: None,
            slip: None,
        })
    }

    fn with_account(
        mut self,
        account: Option<&Account>,
        capture: &Capture,
        config: &WaiterConfig,
    ) -> Result<Self, MoneyError> {
        let Some(account) = account else { return Ok(self) };
        let available = account.available_under(config.overdraft)?;
        let name =
            if account.name.is_empty() { config.texts.kind(account.kind) } else { &*account.name };
        let taken = capture.parts.total()?.neg()?;
        self.available_after_minor = Some(Minor(available));
        self.slip = Some(vec![
            SlipLine { left: name.to_owned(), right: taken.for_people() },
            SlipLine {
                left: config.texts.text("slip_available").to_owned(),
                right: available.for_people(),
            },
        ]);
        Ok(self)
    }
}

/// A reservation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReservationOut {
    reservation_id: Text<HoldId>,
    state: &'static str,
    wallet_id: Text<AccountId>,
    amount_minor: Minor,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Text<Timestamp>>,
}

impl ReservationOut {
    pub(crate) fn of(hold: &Hold) -> Result<Self, MoneyError> {
        Ok(Self {
            reservation_id: Text(hold.id),
            state: hold_word(hold.state),
            wallet_id: Text(hold.account),
            amount_minor: Minor(hold.amount()?),
            expires_at: hold.expires.map(Text),
        })
    }
}

/// What became of a reservation that was given up.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VoidedOut {
    pub(crate) reservation_id: Text<HoldId>,
    pub(crate) state: &'static str,
}

/// The word of the payment API.
pub(crate) fn hold_word(state: HoldState) -> &'static str {
    match state {
        HoldState::Held => "held",
        HoldState::Voided => "voided",
        HoldState::Expired => "expired",
        HoldState::Captured(_) => "captured",
    }
}

/// A refund.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundOut {
    refund_id: Text<RefundId>,
    amount_minor: Minor,
    refunded_total_minor: Minor,
    state: &'static str,
}

impl RefundOut {
    pub(crate) fn of(view: &RefundView) -> Result<Self, MoneyError> {
        let refunded = view.payment.capture().map_or(Kopecks::ZERO, |capture| capture.refunded);
        Ok(Self {
            refund_id: Text(view.refund.id),
            amount_minor: Minor(view.refund.parts.total()?),
            refunded_total_minor: Minor(refunded),
            state: view.payment.state_word(),
        })
    }

    /// A refund that names no payment. `payments` are the captures of its order and kind now;
    /// without them the plugin's own count stands.
    pub(crate) fn unlinked(
        id: RefundId,
        view: &UnlinkedView,
        before: Kopecks,
        payments: Option<(Kopecks, Kopecks)>,
    ) -> Result<Self, MoneyError> {
        let (refunded, live) = match payments {
            Some((refunded, live)) => (refunded, live),
            None => (before.add(view.amount)?, Kopecks::ZERO),
        };
        Ok(Self {
            refund_id: Text(id),
            amount_minor: Minor(view.amount),
            refunded_total_minor: Minor(refunded),
            state: if live.is_positive() { "partially_refunded" } else { "refunded" },
        })
    }
}

/// Of the captures of one kind: Σ given back, and Σ still live.
pub(crate) fn kind_sums(
    payments: &[Payment],
    kind: AccountKind,
) -> Result<(Kopecks, Kopecks), MoneyError> {
    let of_kind = payments.iter().filter_map(|payment| {
        let capture = payment.capture().filter(|capture| capture.kind == kind)?;
        Some((capture.refunded, payment.live()))
    });
    of_kind.into_iter().try_fold((Kopecks::ZERO, Kopecks::ZERO), |(refunded, live), (r, l)| {
        Ok((refunded.add(r)?, live.add(l?)?))
    })
}

/// The live captures of an order, each with what the guest has not got back.
pub(crate) fn live_payments(sheet: &Sheet) -> Vec<(PaymentId, Kopecks)> {
    let live = |payment: &Payment| Some((payment.id, payment.live().ok()?));
    sheet.payments.iter().filter_map(live).filter(|(_, sum)| sum.is_positive()).collect()
}

/// A plan.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanOut {
    parts: Vec<PartOut>,
    missing_minor: Minor,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PartOut {
    wallet_id: Text<AccountId>,
    role: &'static str,
    amount_minor: Minor,
}

impl PlanOut {
    pub(crate) fn of(plan: &Plan) -> Self {
        let part = |part: &tillway_core::split::Part| PartOut {
            wallet_id: Text(part.account),
            role: part.kind.word(),
            amount_minor: Minor(part.amount),
        };
        Self { parts: plan.parts.iter().map(part).collect(), missing_minor: Minor(plan.missing) }
    }
}

/// An order as this side knows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderOut<'a> {
    order_id: Text<OrderId>,
    binding_epoch: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    guest: Option<GuestOut<'a>>,
    wallets: Vec<WalletOut>,
    reservations: Vec<ReservationOut>,
    payments: Vec<PaymentOut>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GuestOut<'a> {
    client_id: &'a str,
    display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    brd_client_id: Option<Text<Uuid>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_number: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WalletOut {
    wallet_id: Text<AccountId>,
    role: &'static str,
    kind: &'static str,
    name: String,
    available_minor: Minor,
    limit_minor: Minor,
}

impl<'a> OrderOut<'a> {
    /// Guest and wallets are there only while the guest may pay: not while the binding is pending.
    pub(crate) fn of(
        order: OrderId,
        view: &'a OrderView,
        config: &WaiterConfig,
    ) -> Result<Self, MoneyError> {
        let mut out = Self {
            order_id: Text(order),
            binding_epoch: 0,
            guest: None,
            wallets: Vec::new(),
            reservations: Vec::new(),
            payments: Vec::new(),
        };
        let Some(sheet) = &view.sheet else { return Ok(out) };
        out.binding_epoch = sheet.order.epoch;
        if let (Some(_), Some(guest)) = (sheet.order.payer(), &sheet.guest) {
            let name = view.name.clone();
            out.guest = Some(GuestOut {
                client_id: &guest.client_id,
                display_name: name.unwrap_or_else(|| guest.names.display(&guest.client_id)),
                brd_client_id: view.brd_client.map(Text),
                phone: guest.phone.as_deref(),
                card_number: guest.card.as_deref(),
            });
            out.wallets = shown_wallets(view, sheet, config)?;
        }
        out.reservations =
            sheet.holds.iter().map(ReservationOut::of).collect::<Result<_, MoneyError>>()?;
        let captured = sheet.payments.iter().filter_map(|payment| {
            payment.capture().map(|capture| PaymentOut::bare(payment, capture))
        });
        out.payments = captured.collect::<Result<_, MoneyError>>()?;
        Ok(out)
    }
}

fn shown_wallets(
    view: &OrderView,
    sheet: &Sheet,
    config: &WaiterConfig,
) -> Result<Vec<WalletOut>, MoneyError> {
    let limit = |id| {
        let found = view.by_account.iter().find(|(account, _)| *account == id);
        found.map_or(Kopecks::ZERO, |(_, limit)| limit.floor_zero())
    };
    let wallets = wallets(&sheet.accounts, config.overdraft)?;
    let shown = wallets.into_iter().map(|wallet| WalletOut {
        wallet_id: Text(wallet.id),
        role: wallet.kind.word(),
        kind: wallet.kind.word(),
        name: wallet.name.into(),
        available_minor: Minor(wallet.available),
        limit_minor: Minor(limit(wallet.id)),
    });
    Ok(shown.collect())
}

/// What a till did in a time.
#[derive(Debug, Serialize)]
pub(crate) struct ReconciliationOut {
    captured: Vec<CapturedRow>,
    refunded: Vec<RefundedRow>,
    held: Vec<HeldRow>,
    tombstones: Vec<TombstoneRow>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CapturedRow {
    transaction_id: Text<PaymentId>,
    order_id: Text<OrderId>,
    state: &'static str,
    kind: &'static str,
    amount_minor: Minor,
    refunded_total_minor: Minor,
    at: Text<Timestamp>,
    acknowledged: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundedRow {
    refund_id: Text<RefundId>,
    transaction_id: Text<PaymentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<Text<OrderId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    amount_minor: Minor,
    at: Text<Timestamp>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HeldRow {
    reservation_id: Text<HoldId>,
    order_id: Text<OrderId>,
    kind: &'static str,
    amount_minor: Minor,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Text<Timestamp>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TombstoneRow {
    transaction_id: Text<PaymentId>,
    order_id: Text<OrderId>,
    at: Text<Timestamp>,
}

impl ReconciliationOut {
    /// `earlier` are the payments of those refunds whose capture is not of this time.
    pub(crate) fn of(found: &Reconciliation, earlier: &[Payment]) -> Result<Self, MoneyError> {
        let mut out = Self {
            captured: Vec::new(),
            refunded: Vec::new(),
            held: Vec::new(),
            tombstones: Vec::new(),
        };
        for payment in &found.payments {
            if let Some(capture) = payment.capture() {
                out.captured.push(CapturedRow {
                    transaction_id: Text(payment.id),
                    order_id: Text(payment.order),
                    state: payment.state_word(),
                    kind: capture.kind.word(),
                    amount_minor: Minor(capture.parts.total()?),
                    refunded_total_minor: Minor(capture.refunded),
                    at: Text(payment.at),
                    acknowledged: capture.acknowledged,
                });
            } else if payment.state_word() == "tombstoned" {
                out.tombstones.push(TombstoneRow {
                    transaction_id: Text(payment.id),
                    order_id: Text(payment.order),
                    at: Text(payment.at),
                });
            }
        }
        for refund in &found.refunds {
            let mut known = found.payments.iter().chain(earlier);
            let payment = known.find(|payment| payment.id == refund.of);
            let capture = payment.and_then(Payment::capture);
            out.refunded.push(RefundedRow {
                refund_id: Text(refund.id),
                transaction_id: Text(refund.of),
                order_id: payment.map(|payment| Text(payment.order)),
                kind: capture.map(|capture| capture.kind.word()),
                amount_minor: Minor(refund.parts.total()?),
                at: Text(refund.at),
            });
        }
        for hold in &found.held {
            out.held.push(HeldRow {
                reservation_id: Text(hold.id),
                order_id: Text(hold.order),
                kind: hold.kind.word(),
                amount_minor: Minor(hold.amount()?),
                expires_at: hold.expires.map(Text),
            });
        }
        Ok(out)
    }
}
