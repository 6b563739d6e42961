//! A story of a seed text, from check-in to refund, told through the simulators to any service.
//!
//! [`Story::run`] plays the people: a waiter who tries again when something did not work, and a
//! cashier who switches the till on after a power cut. With [`faults`] a test runs it again with
//! every fault at every place, and compares [`Report::books`] with the service's own books.
//!
//! It does **not** check the service's balances: that is the test's part.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use secrecy::SecretString;
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::port::{Clock, IdSource};
use tillway_transport::HttpTransport;

use crate::fault::{Counts, ExchangeFault, Hooks, Plan, Side};
use crate::iiko_front::{
    Books, FrontConfig, FrontError, FrontSim, Kind, Order, OrderLine, OrderStatus, Receipt, Record,
};
use crate::power::Stop;
use crate::waiter_server::{Loyalty, Seen, WaiterConfig, WaiterSim, Which};

/// How often people try one step.
const TRIES: u32 = 12;

/// How long they wait before they try again; twice as long each time, up to a minute.
const PAUSE: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How long things are left alone at the end: longer than the 2 minutes after which the service
/// asks for payments that nobody acknowledged.
const SETTLING: u32 = 20;

/// How often the outbox is sent in that time.
const SETTLING_TURN: Duration = Duration::from_secs(10);

/// Where a story happens.
#[derive(Clone, Debug)]
pub struct World {
    /// The way to the Waiter API.
    pub waiter: Arc<dyn HttpTransport>,
    /// Its address.
    pub waiter_address: String,
    /// The way to the payment API.
    pub pos: Arc<dyn HttpTransport>,
    /// Settings of the till, with the address of the payment API.
    pub front: FrontConfig,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids for transactions.
    pub ids: Arc<dyn IdSource>,
}

/// What happens: a guest is attached to an order, pays it, and may get all back.
#[derive(Clone, Debug)]
pub struct Story {
    /// The order.
    pub order: Uuid,
    /// Its number.
    pub number: u32,
    /// Its lines.
    pub lines: Vec<OrderLine>,
    /// What the waiter scans.
    pub value: String,
    /// The waiter's PIN.
    pub pin: SecretString,
    /// What the waiter types into the bonus line; the rest falls on the money line.
    pub bonus: Kopecks,
    /// What the money line pays with.
    pub money: Kind,
    /// Whether the whole order is returned in the end.
    pub refund: bool,
}

/// One step of a story.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// The till is switched on.
    Start,
    /// The waiter scans.
    CheckIn,
    /// The waiter looks at the guest's page.
    Show,
    /// The waiter splits and pays.
    Pay,
    /// The cashier returns everything.
    Refund,
}

/// How a step went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StepReport {
    /// Which one.
    pub step: Step,
    /// Whether it worked in the end.
    pub worked: bool,
    /// What people saw, try by try.
    pub said: Vec<String>,
}

/// What is left when the story is over.
#[derive(Clone, Debug)]
pub struct Report {
    /// The steps that were tried.
    pub steps: Vec<StepReport>,
    /// The order on the till's disk.
    pub order: Option<Order>,
    /// What iiko believes.
    pub books: Books,
    /// The till's receipts.
    pub receipts: Vec<Receipt>,
    /// What the plugin could not deliver.
    pub outbox: Vec<Record>,
    /// What the plugin gave to a person.
    pub dead: Vec<Record>,
    /// What the plugin showed on the till since its last start.
    pub notifications: Vec<String>,
    /// Exchanges and points of the whole story.
    pub counts: Counts,
    /// Where the service did not keep to its documents.
    pub violations: Vec<String>,
}

impl Report {
    /// Whether every step that was tried worked.
    #[must_use]
    pub fn all_worked(&self) -> bool {
        self.steps.iter().all(|step| step.worked)
    }
}

impl Story {
    /// The story of seed 000: order 82, 1650.00 = 750.00 by bonuses and 900.00 from the deposit,
    /// then everything is returned.
    #[must_use]
    pub fn seed_000() -> Self {
        let demo = FrontConfig::demo("");
        Self {
            order: crate::iiko_front::ORDER_82,
            number: 82,
            lines: demo.demo_lines,
            value: "149725735".into(),
            pin: "12345".into(),
            bonus: Kopecks(75_000),
            money: Kind::Deposit,
            refund: true,
        }
    }

    /// Counts the exchanges and points of this story without faults, by running it.
    ///
    /// # Errors
    /// A sum of iiko's books does not fit.
    pub async fn count(&self, world: &World) -> Result<Counts, FrontError> {
        Ok(self.run(world, Plan::none()).await?.counts)
    }

    /// Plays the people on a stage, to the end or until they give up. The bridge and the outbox of
    /// the till do not run by themselves: run their loops beside it.
    pub async fn play(&self, stage: &Stage) -> Vec<StepReport> {
        let cast = Cast { story: self, stage };
        let mut steps = vec![Step::Start, Step::CheckIn, Step::Show, Step::Pay];
        if self.refund {
            steps.push(Step::Refund);
        }
        let mut reports = Vec::new();
        for step in steps {
            let report = cast.insist(step).await;
            let worked = report.worked;
            reports.push(report);
            if !worked {
                break;
            }
        }
        reports
    }

    /// Runs the story with a plan of faults. The bridge of the till runs beside it.
    ///
    /// # Errors
    /// A sum of iiko's books does not fit.
    pub async fn run(&self, world: &World, plan: Plan) -> Result<Report, FrontError> {
        let stage = world.stage(plan);
        let stop = Stop::new();
        let bridge = stage.front.bridge_loop(stop.clone());
        let play = async {
            let steps = self.play(&stage).await;
            stage.settle().await;
            stop.stop();
            steps
        };
        let (steps, ()) = join(play, bridge).await;
        let Stage { front, hooks, .. } = stage;
        Ok(Report {
            steps,
            order: front.order(self.order),
            books: front.books()?,
            receipts: front.receipts(),
            outbox: front.outbox(),
            dead: front.dead_records(),
            notifications: front.notifications(),
            counts: hooks.counts(),
            violations: hooks.violations(),
        })
    }
}

/// A till and a phone, under one plan of faults.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The till.
    pub front: FrontSim,
    /// The phone.
    pub phone: WaiterSim,
    /// What goes wrong, and what went on.
    pub hooks: Hooks,
    clock: Arc<dyn Clock>,
}

impl World {
    /// A new till with a phone, switched on. Nothing runs on it by itself.
    #[must_use]
    pub fn stage(&self, plan: Plan) -> Stage {
        let hooks = Hooks::new(plan);
        let (clock, ids) = (Arc::clone(&self.clock), Arc::clone(&self.ids));
        let pos = Arc::clone(&self.pos);
        let front = FrontSim::new(self.front.clone(), clock, ids, pos, hooks.clone());
        self.with_phone(front, hooks)
    }

    /// Another till of the group of `first`, with a phone: the same orders, and this world's way
    /// to the service.
    #[must_use]
    pub fn stage_beside(&self, first: &Stage, plan: Plan) -> Stage {
        let hooks = Hooks::new(plan);
        let (ids, pos) = (Arc::clone(&self.ids), Arc::clone(&self.pos));
        let front = first.front.beside(self.front.clone(), ids, pos, hooks.clone());
        self.with_phone(front, hooks)
    }

    fn with_phone(&self, front: FrontSim, hooks: Hooks) -> Stage {
        let waiter = WaiterConfig::new(self.waiter_address.as_str());
        let phone = WaiterSim::new(waiter, front.clone(), Arc::clone(&self.waiter));
        Stage { front, phone, hooks, clock: Arc::clone(&self.clock) }
    }
}

impl Stage {
    /// The cashier switches the till on; the plan may cut it again on the way.
    pub async fn switch_on(&self) {
        for _ in 0..TRIES {
            if self.front.has_power() || self.front.restart().await.is_ok() {
                return;
            }
        }
    }

    async fn settle(&self) {
        self.hooks.deliver_late().await;
        for _ in 0..SETTLING {
            self.switch_on().await;
            // A planned power cut is seen at the next turn.
            let _ = self.front.drain().await;
            self.clock.sleep(SETTLING_TURN).await;
        }
        self.hooks.deliver_late().await;
        self.switch_on().await;
        let _ = self.front.drain().await;
    }
}

/// Every fault at every place of a story with these counts, with a name for each plan.
#[must_use]
pub fn faults(counts: Counts) -> Vec<(String, Plan)> {
    let single = [
        ExchangeFault::Refuse,
        ExchangeFault::LoseRequest,
        ExchangeFault::LoseAnswer,
        ExchangeFault::SendTwice,
        ExchangeFault::Garbage,
        ExchangeFault::Truncate,
        ExchangeFault::Late { after: 1 },
        ExchangeFault::Late { after: u64::MAX },
        ExchangeFault::CutBefore,
        ExchangeFault::CutAfter,
    ];
    let mut plans = Vec::new();
    for side in Side::ALL {
        for nth in 0..counts.of(side) {
            for fault in single {
                let plan = Plan::none().exchange(side, nth, fault);
                plans.push((format!("{side:?} {nth} {fault:?}"), plan));
            }
            let stuck = ExchangeFault::Late { after: u64::MAX };
            let plan = Plan::none().exchange(side, nth, stuck).outage(side, nth + 1..nth + 2);
            plans.push((format!("{side:?} {nth} stuck, its repeat lost"), plan));
            let plan = Plan::none().exchange(side, nth, ExchangeFault::LoseAnswer);
            let plan = plan.outage(side, nth + 1..nth + 6);
            plans.push((format!("{side:?} {nth} performed, then an outage"), plan));
        }
    }
    for nth in 0..counts.points {
        plans.push((format!("power cut at point {nth}"), Plan::none().cut(nth)));
    }
    plans
}

/// Who plays.
struct Cast<'a> {
    story: &'a Story,
    stage: &'a Stage,
}

impl Cast<'_> {
    async fn insist(&self, step: Step) -> StepReport {
        let mut report = StepReport { step, worked: false, said: Vec::new() };
        let mut pause = PAUSE;
        for attempt in 0..TRIES {
            if attempt > 0 {
                self.stage.clock.sleep(pause).await;
                pause = PAUSE_MAX.min(pause * 2);
                self.stage.switch_on().await;
            }
            // A waiter whose payment failed twice scans again: it does no harm.
            if step == Step::Pay && attempt > 1 {
                self.stage
                    .phone
                    .check_in(self.story.order, &self.story.value, &self.story.pin)
                    .await;
            }
            match self.perform(step).await {
                Ok(said) => {
                    report.said.push(said);
                    report.worked = true;
                    break;
                }
                Err(said) => report.said.push(said),
            }
        }
        report
    }

    async fn perform(&self, step: Step) -> Result<String, String> {
        let Story { order, value, pin, .. } = self.story;
        match step {
            Step::Start => {
                // At the first try the till is on already.
                self.stage.front.start().await.map_err(|error| error.to_string())?;
                let (number, lines) = (self.story.number, self.story.lines.clone());
                let opened = self.stage.front.open_order(*order, number, lines);
                opened.map_err(|error| error.to_string())?;
                Ok(format!("заказ {number} открыт"))
            }
            Step::CheckIn => match self.stage.phone.check_in(*order, value, pin).await {
                Seen::Done => Ok("гость привязан".into()),
                other => Err(told(&other)),
            },
            Step::Show => match self.stage.phone.show(*order).await {
                Ok(Some(page)) if page.message.is_none() => Ok(page_text(&page)),
                Ok(Some(page)) => Err(page.message.unwrap_or_default()),
                Ok(None) => Err("гость не привязан".into()),
                Err(seen) => Err(told(&seen)),
            },
            Step::Pay => self.pay().await,
            Step::Refund => match self.stage.front.return_all(*order).await {
                Ok(()) => Ok("возвращено всё".into()),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    async fn pay(&self) -> Result<String, String> {
        let id = self.story.order;
        let order = self.stage.front.order(id).ok_or("заказа нет")?;
        if order.status == OrderStatus::Closed {
            return Ok("уже оплачено".into());
        }
        let config = self.stage.front.config();
        let type_of = |kind| config.type_of(kind).map(|one| one.id);
        let mut page = self.stage.phone.payment_page(id).await.map_err(|seen| told(&seen))?;
        if let Some(money) = type_of(self.story.money) {
            page.pick_money_type(money);
        }
        // After a power cut a part may be paid already; only the rest is on the page.
        let bonus = type_of(Kind::Bonus);
        let paid = order.items.iter().any(|item| item.processed && Some(item.type_id) == bonus);
        let amount = if paid { Kopecks::ZERO } else { self.story.bonus.min(page.due()) };
        page.enter(Which::Bonus, amount).map_err(|error| error.to_string())?;
        match self.stage.phone.pay(id, &page).await {
            Seen::Done => Ok("оплачено".into()),
            other => Err(told(&other)),
        }
    }
}

fn page_text(page: &Loyalty) -> String {
    let wallet = |wallet: &crate::waiter_server::Wallet| {
        format!("{} {}", wallet.name, wallet.balance.for_people())
    };
    let wallets = page.wallets.iter().map(wallet);
    page.suggestions.iter().take(1).cloned().chain(wallets).collect::<Vec<_>>().join(", ")
}

fn told(seen: &Seen) -> String {
    match seen {
        Seen::Done => "сделано".into(),
        Seen::Popup(text) => text.clone(),
        Seen::Fault { status, text } => {
            text.clone().unwrap_or_else(|| format!("ошибка сервиса {status}"))
        }
        Seen::NoAnswer => "сервис не отвечает".into(),
        Seen::NoTill => "нет связи с кассой".into(),
    }
}
