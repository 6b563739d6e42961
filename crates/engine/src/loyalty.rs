//! The waiter's desk: check in, check out, show, limits.

use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use tillway_core::Account;
use tillway_core::account::OverdraftUse;
use tillway_core::book::{Caller, Op, Refusal, StreamId};
use tillway_core::flow::{Asked, BindingCommand, BindingFlow, CheckIn, Ending, Flow, Phase};
use tillway_core::id::{AccountId, OrderId};
use tillway_core::port::{CheckedIn, LoyaltyDesk, LoyaltyView, Readiness, Sheet, TableRefusal};
use tillway_core::token::Scan;
use tillway_core::wallet::{
    LimitRules, Limits, Live, OrderView, bonus_cap, limits, pick_money, wallets,
};

use crate::Engine;
use crate::config::{Bridge, PinCheck};
use crate::drive::{DriveError, With};
use crate::identify::{Found, unavailable};
use crate::vault::For;
use crate::wait::within;

/// Hard deadlines of iiko note 1.8.
const CHECK_IN_MAX: Duration = Duration::from_secs(8);
const READ_MAX: Duration = Duration::from_secs(3);

#[async_trait]
impl LoyaltyDesk for Engine {
    async fn check_in(
        &self,
        caller: &Caller,
        order: OrderId,
        scan: Scan,
        pin: Option<SecretString>,
    ) -> Result<CheckedIn, TableRefusal> {
        let ticks = self.0.ports.clock.ticks();
        if self.0.guesses.too_many(caller.till.as_ref(), ticks) {
            return Err(TableRefusal::TooManyAttempts);
        }
        let (engine, asks) = (self.clone(), caller.clone());
        let flow = self.outlive("check-in", async move {
            let answer = engine.check_in_flow(&asks, order, &scan, pin).await;
            // Counted here, because a guesser may hang up before the answer.
            if answer.as_ref().is_err_and(|refusal| refusal.counts_as_guess()) {
                engine.0.guesses.failed(asks.till.as_ref(), ticks);
            }
            answer
        });
        let most = self.budget(caller, CHECK_IN_MAX);
        let answer = within(&*self.0.ports.clock, most, flow).await.flatten();
        answer.unwrap_or(Err(TableRefusal::Unavailable))
    }

    async fn check_out(
        &self,
        caller: &Caller,
        order: OrderId,
        pin: Option<SecretString>,
    ) -> Result<(), TableRefusal> {
        let ticks = self.0.ports.clock.ticks();
        // Where PINs are checked here, they could be guessed here too.
        let guessable = matches!(self.0.config.pins, PinCheck::List(_));
        if guessable && self.0.guesses.too_many(caller.till.as_ref(), ticks) {
            return Err(TableRefusal::TooManyAttempts);
        }
        let (engine, asks) = (self.clone(), caller.clone());
        let flow = self.outlive("check-out", async move {
            let answer = engine.check_out_flow(&asks, order, pin).await;
            if guessable && answer == Err(TableRefusal::BadPin) {
                engine.0.guesses.failed(asks.till.as_ref(), ticks);
            }
            answer
        });
        let most = self.budget(caller, CHECK_IN_MAX);
        let answer = within(&*self.0.ports.clock, most, flow).await.flatten();
        answer.unwrap_or(Err(TableRefusal::Unavailable))
    }

    async fn loyalty(
        &self,
        caller: &Caller,
        order: OrderId,
    ) -> Result<Option<LoyaltyView>, TableRefusal> {
        let view = async {
            let Some(sheet) = self.bound_sheet(order).await? else { return Ok(None) };
            let sheet = self.balance_sheet(sheet).await;
            self.loyalty_view(sheet).await.map(Some)
        };
        let most = self.budget(caller, READ_MAX);
        let view = within(&*self.0.ports.clock, most, view).await;
        view.unwrap_or(Err(TableRefusal::Unavailable))
    }

    async fn limits(&self, caller: &Caller, order: OrderId) -> Result<Limits, TableRefusal> {
        let limits = async {
            let sheet = self.payable_sheet(order).await.map_err(unavailable)?;
            let sheet = sheet.filter(|sheet| sheet.order.payer().is_some());
            let Some(sheet) = sheet else { return Ok(Limits::default()) };
            self.limits_of(&sheet).map_err(unavailable)
        };
        let most = self.budget(caller, READ_MAX);
        let limits = within(&*self.0.ports.clock, most, limits).await;
        limits.unwrap_or(Err(TableRefusal::Unavailable))
    }

    fn ready(&self) -> Readiness<TableRefusal> {
        match self.store().ready() {
            Readiness::Known(ready) => {
                Readiness::Known(ready.map_err(|_| TableRefusal::Unavailable))
            }
            Readiness::Asked(ready) => {
                let clock = Arc::clone(&self.0.ports.clock);
                Readiness::asked(async move {
                    let ready = within(&*clock, READ_MAX, ready).await;
                    ready.and_then(Result::ok).ok_or(TableRefusal::Unavailable)
                })
            }
        }
    }
}

impl Engine {
    async fn check_in_flow(
        &self,
        caller: &Caller,
        order: OrderId,
        scan: &Scan,
        pin: Option<SecretString>,
    ) -> Result<CheckedIn, TableRefusal> {
        if !self.0.config.pins.passes(pin.as_ref()) {
            return Err(TableRefusal::BadPin);
        }
        let found = self.identify(scan).await?;
        let accounts = self.store().accounts(found.guest.id).await;
        let accounts = accounts.map_err(unavailable)?;
        let accounts = self.with_points_wallet(&found.guest, accounts).await;
        let accounts = accounts.map_err(|e| table_refusal(&e))?;
        let kept = self.0.pins.keep(order, For::Bind(found.guest.id), pin);
        let flow = self.ask_binding(caller, order, &found, &accounts).await;
        if let Phase::Asked(asked) = flow.map_err(|e| table_refusal(&e))?.phase {
            self.await_binding(order, &asked).await?;
        }
        drop(kept);
        match self.0.config.bridge {
            Bridge::Poll | Bridge::Push | Bridge::None => Ok(CheckedIn::Attached),
            Bridge::Message => self.noted(&found, accounts).await,
        }
    }

    /// Makes the binding pending (or bound, without a bridge), and tells the till to look.
    async fn ask_binding(
        &self,
        caller: &Caller,
        order: OrderId,
        found: &Found,
        accounts: &[Account],
    ) -> Result<BindingFlow, DriveError> {
        let wish = CheckIn {
            payer: found.payer,
            till: caller.till.clone(),
            once: found.once,
            attributes: found.attributes.clone(),
            ask_till: self.0.config.bridge.asks_the_till().then_some(self.0.config.bridge_budget),
        };
        let money = self.first_choice(accounts);
        let at = self.now();
        let decide = |flow: &BindingFlow| {
            let mut step = flow.command(BindingCommand::CheckIn(wish.clone()), at)?;
            if flow.phase == Phase::Free && money.is_some() {
                let (total, lines, till) = (None, None, None);
                step.ops.push(Op::Tell { order, till, total, lines, money });
            }
            Ok(step)
        };
        let stream = StreamId::from(order);
        let driven = self.begin::<BindingFlow>(stream, With::default(), decide).await?;
        self.remember_commands(&driven.flow);
        if let Some(till) = &driven.flow.till {
            self.0.tills.ring(till);
        }
        Ok(driven.flow)
    }

    /// M5: the choice is frozen when the guest is bound, so that no read has to write it.
    fn first_choice(&self, accounts: &[Account]) -> Option<AccountId> {
        pick_money(&self.order_view(accounts, &[], None)).ok().flatten()
    }

    /// Waits until the till has answered what it was asked, or its time is over.
    async fn await_binding(&self, order: OrderId, wanted: &Asked) -> Result<(), TableRefusal> {
        let clock = &*self.0.ports.clock;
        // By ticks too: a wall clock that is set back must not keep the order pending (F34).
        let give_up = clock.ticks().saturating_add(self.0.config.bridge_budget);
        let bell = self.0.orders.listen(&order);
        loop {
            let mut rung = pin!(bell.notified());
            rung.as_mut().enable();
            let stream = StreamId::from(order);
            let flow = self.folded::<BindingFlow>(stream).await.map_err(|e| table_refusal(&e))?;
            let flow = flow.flow;
            let asked = match &flow.phase {
                Phase::Bound { payer, .. } if payer.guest == wanted.payer.guest => return Ok(()),
                Phase::Asked(asked) if asked.payer.guest == wanted.payer.guest => asked,
                Phase::Bound { .. } | Phase::Asked(_) => return Err(TableRefusal::OtherGuest),
                Phase::Free => return Err(ending_refusal(flow.last)),
            };
            if asked.deadline != wanted.deadline {
                // The till was silent, and somebody asks it again.
                return Err(TableRefusal::TillUnreachable);
            }
            let (now, left) = (self.now(), give_up.saturating_sub(clock.ticks()));
            if asked.deadline <= now || left.is_zero() {
                let at = now.max(asked.deadline);
                self.push_on(order, at).await.map_err(|e| table_refusal(&e))?;
                continue;
            }
            let until = if asked.not_before > now { asked.not_before } else { asked.deadline };
            within(clock, until.since(now).min(left), rung).await;
            if let Some(till) = &flow.till {
                self.0.tills.ring(till);
            }
        }
    }

    async fn check_out_flow(
        &self,
        caller: &Caller,
        order: OrderId,
        pin: Option<SecretString>,
    ) -> Result<(), TableRefusal> {
        if !self.0.config.pins.passes(pin.as_ref()) {
            return Err(TableRefusal::BadPin);
        }
        let _kept = self.0.pins.keep(order, For::Unbind, pin);
        self.unbind(caller, order).await
    }

    /// Durable first, then told to the till (F15); a silent till is a message, the wish stays.
    async fn unbind(&self, caller: &Caller, order: OrderId) -> Result<(), TableRefusal> {
        let at = self.now();
        let till = caller.till.clone();
        let decide = |flow: &BindingFlow| {
            if let (Some(owner), Some(asks)) = (&flow.till, &till)
                && owner != asks
            {
                return Err(Refusal::WrongTill);
            }
            flow.command(BindingCommand::CheckOut, at)
        };
        let stream = StreamId::from(order);
        let driven = self.drive::<BindingFlow>(stream, With::default(), decide).await;
        let mut flow = driven.map_err(|e| table_refusal(&e))?.flow;
        self.remember_commands(&flow);
        self.0.orders.ring(&order);
        let clock = &*self.0.ports.clock;
        let give_up = clock.ticks().saturating_add(self.0.config.bridge_budget);
        let bell = self.0.orders.listen(&order);
        loop {
            if flow.strays.is_empty() {
                return Ok(());
            }
            let mut rung = pin!(bell.notified());
            rung.as_mut().enable();
            if let Some(till) = &flow.till {
                self.0.tills.ring(till);
            }
            flow = self.folded(stream).await.map_err(|e| table_refusal(&e))?.flow;
            if flow.strays.is_empty() {
                return Ok(());
            }
            let left = give_up.saturating_sub(clock.ticks());
            if left.is_zero() {
                return Err(TableRefusal::TillUnreachable);
            }
            within(clock, left, rung).await;
        }
    }

    async fn bound_sheet(&self, order: OrderId) -> Result<Option<Sheet>, TableRefusal> {
        let sheet = self.store().sheet(order).await.map_err(unavailable)?;
        Ok(sheet.filter(|s| s.order.payer().is_some() && s.guest.is_some()))
    }

    async fn loyalty_view(&self, sheet: Sheet) -> Result<LoyaltyView, TableRefusal> {
        let guest = sheet.guest.ok_or(TableRefusal::Unavailable)?;
        let photo = if self.0.config.photo && sheet.has_photo {
            let photo = self.store().photo(guest.id).await;
            photo.map_err(unavailable)?
        } else {
            None
        };
        let shown = wallets(&sheet.accounts, self.0.config.overdraft);
        let counts = self.0.config.overdraft == OverdraftUse::Allow;
        Ok(LoyaltyView {
            name: guest.names.display(&guest.client_id),
            wallets: shown.map_err(unavailable)?,
            gifts: guest.gifts,
            hints: guest.hints,
            overdraft: counts && sheet.accounts.iter().any(|a| a.overdraft.is_positive()),
            photo,
        })
    }

    async fn noted(
        &self,
        found: &Found,
        mut accounts: Vec<Account>,
    ) -> Result<CheckedIn, TableRefusal> {
        let points = self.points_balance(&found.guest).await;
        self.shown_accounts(found.guest.id, &mut accounts, points);
        let shown = wallets(&accounts, self.0.config.overdraft);
        Ok(CheckedIn::Noted {
            name: found.guest.names.display(&found.guest.client_id),
            wallets: shown.map_err(unavailable)?,
        })
    }

    pub(crate) fn order_view<'a>(
        &'a self,
        accounts: &'a [Account],
        live: &'a [Live],
        sticky: Option<AccountId>,
    ) -> OrderView<'a> {
        let config = &self.0.config;
        let (priority, overdraft) = (&config.money_priority[..], config.overdraft);
        OrderView { accounts, live, priority, overdraft, sticky }
    }

    /// The two numbers of the waiter's screen (L2-L5, F16, F28).
    pub(crate) fn limits_of(&self, sheet: &Sheet) -> Result<Limits, tillway_core::MoneyError> {
        let Some(payer) = sheet.order.payer() else { return Ok(Limits::default()) };
        let live = live_of(sheet)?;
        let view = self.order_view(&sheet.accounts, &live, sheet.order.money);
        limits(&view, self.limit_rules(sheet, payer.identified))
    }

    pub(crate) fn limit_rules(
        &self,
        sheet: &Sheet,
        identification: tillway_core::guest::Identification,
    ) -> LimitRules {
        let config = &self.0.config;
        let already = sheet.order.live.captured.bonus;
        let cap = sheet
            .order
            .total
            .and_then(|total| bonus_cap(total, already, config.bonus_cap_bp, config.min_money));
        LimitRules { identification, phone_spend: config.phone_spend, bonus_cap: cap }
    }
}

/// What an order holds and captured, by account.
pub(crate) fn live_of(sheet: &Sheet) -> Result<Vec<Live>, tillway_core::MoneyError> {
    let mut live: Vec<Live> = Vec::new();
    let none = tillway_core::Kopecks::ZERO;
    let holds = sheet.holds.iter().map(|h| Ok((h.account, h.kind, h.amount()?, none)));
    let captures = sheet.payments.iter().filter_map(|p| {
        let capture = p.capture()?;
        Some(p.live().map(|live| (capture.account, capture.kind, none, live)))
    });
    for entry in holds.chain(captures) {
        let (account, kind, held, captured) = entry?;
        match live.iter_mut().find(|l| l.account == account) {
            Some(known) => {
                known.held = known.held.add(held)?;
                known.captured = known.captured.add(captured)?;
            }
            None => live.push(Live { account, kind, held, captured }),
        }
    }
    Ok(live)
}

fn ending_refusal(ending: Option<Ending>) -> TableRefusal {
    match ending {
        Some(Ending::Silent | Ending::Restarted) => TableRefusal::TillUnreachable,
        Some(Ending::Busy) => TableRefusal::OrderBusy,
        Some(Ending::Refused) => TableRefusal::BadPin,
        Some(Ending::NotFound) => TableRefusal::OrderNotFound,
        Some(Ending::Closed) => TableRefusal::OrderClosed,
        _ => TableRefusal::NoGuest,
    }
}

fn table_refusal(error: &DriveError) -> TableRefusal {
    let DriveError::Refused(refusal) = error else { return TableRefusal::Unavailable };
    match refusal {
        Refusal::OtherGuest => TableRefusal::OtherGuest,
        Refusal::TokenUsed => TableRefusal::TokenUsed,
        Refusal::OrderClosed => TableRefusal::OrderClosed,
        Refusal::HasPayment => TableRefusal::HasPayment,
        Refusal::NoGuest => TableRefusal::NoGuest,
        Refusal::WrongTill => TableRefusal::WrongTill,
        _ => TableRefusal::Unavailable,
    }
}
