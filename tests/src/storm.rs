//! The storm: several tables on two tills, people who do anything at any time, and everything that
//! can go wrong, all from one seed.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use secrecy::SecretString;
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_sim::fault::{ExchangeFault, Plan, Point, Side};
use tillway_sim::iiko_front::{
    Adding, BONUS_TYPE, CREDIT_TYPE, DEPOSIT_TYPE, OrderLine, OrderStatus, PayMode, TransactionIds,
};
use tillway_sim::story::Stage;
use tillway_sim::waiter_server::Which;

use crate::house::{Crash, Disk, House, Passed, TILLS};
use crate::table::PIN;
use crate::witness::{Verdict, beside_the_tills, trace, verdict};

/// What may happen to an exchange.
pub const FAULTS: [ExchangeFault; 10] = [
    ExchangeFault::Refuse,
    ExchangeFault::LoseRequest,
    ExchangeFault::LoseAnswer,
    ExchangeFault::SendTwice,
    ExchangeFault::Garbage,
    ExchangeFault::Truncate,
    ExchangeFault::Late { after: 2 },
    ExchangeFault::Late { after: u64::MAX },
    ExchangeFault::CutBefore,
    ExchangeFault::CutAfter,
];

/// Where the till may lose its power.
pub const POINTS: [Point; 11] = [
    Point::BeforePay,
    Point::AfterPay,
    Point::AfterSave,
    Point::AfterCancel,
    Point::BeforePrint,
    Point::AfterPrint,
    Point::AfterClose,
    Point::AfterReturn,
    Point::BeforeOutbox,
    Point::AfterOutbox,
    Point::AfterGuest,
];

/// The rich guest, and the one with all accounts, come more often; one is blocked, one unknown.
const CARDS: [&str; 8] =
    ["149725735", "149725735", "149725735", "10542", "20001", "20001", "30007", "4711"];
const ORDERS: u64 = 3;

/// Numbers from a seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn below_i64(&mut self, n: i64) -> i64 {
        i64::try_from(self.below(u64::try_from(n).unwrap())).unwrap()
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn kopecks(&mut self, most: Kopecks) -> Kopecks {
        let most = u64::try_from(most.0.max(0)).unwrap();
        Kopecks(i64::try_from(self.below(most + 1)).unwrap())
    }

    fn fork(&mut self) -> Self {
        Self(self.next())
    }
}

/// What a storm did.
#[derive(Debug)]
pub struct Weathered {
    /// What is left for a person, or what is not as it must be.
    pub verdict: Result<Verdict, String>,
    /// How much happened at the service.
    pub passed: Passed,
    /// Faults that happened, by their words.
    pub hit: BTreeSet<String>,
    /// Orders that were closed, and actions that people took.
    pub closed: usize,
    /// What people did.
    pub actions: u64,
    /// The last operations.
    pub trace: String,
}

/// What goes wrong at one till. First it is drawn which faults exist at all.
fn plan(dice: &mut Dice) -> Plan {
    let exist: Vec<_> = FAULTS.into_iter().filter(|_| dice.one_in(2)).collect();
    let rarity = dice.pick(&[10, 30, 80, 200]);
    let mut plan = Plan::none();
    for side in Side::ALL {
        for nth in 0..400 {
            if !exist.is_empty() && dice.one_in(rarity) {
                plan = plan.exchange(side, nth, dice.pick(&exist));
            }
        }
        if dice.one_in(3) {
            let from = dice.below(100);
            plan = plan.outage(side, from..from + 1 + dice.below(15));
        }
    }
    for point in POINTS {
        if dice.one_in(4) {
            plan = plan.cut_at(point, dice.below(5));
        }
    }
    plan
}

fn crashes(dice: &mut Dice) -> Vec<Crash> {
    let many = dice.pick(&[0, 0, 2, 6]);
    let one = |dice: &mut Dice| match dice.below(4) {
        0 => Crash::BeforeRequest(dice.below(300)),
        1 => Crash::AfterRequest(dice.below(300)),
        2 => Crash::BeforeCommit(dice.below(120)),
        _ => Crash::AfterCommit(dice.below(120)),
    };
    (0..many).map(|_| one(dice)).collect()
}

/// One storm.
pub async fn storm(seed: u64, disk: Disk) -> Weathered {
    let mut dice = Dice::new(seed);
    let down = Duration::from_secs(dice.pick(&[0, 1, 7, 45]));
    let house = House::open(disk, seed, &crashes(&mut dice), down).await;
    let mut tills = Vec::new();
    for till in 1..=TILLS {
        let mut world = house.world(till, seed);
        world.front.reserve = dice.one_in(3);
        let ids = [TransactionIds::Fresh, TransactionIds::Kept];
        world.front.transaction_ids = dice.pick(&ids);
        tills.push(world.stage(plan(&mut dice)));
    }
    let mut tables = Vec::new();
    for till in &tills {
        for nth in 0..ORDERS {
            tables.push(People::new(&house, till, nth, dice.fork()));
        }
    }
    let tables = beside_the_tills(&tills, join_all(tables.into_iter().map(People::act))).await;
    house.heal();
    for till in &tills {
        till.hooks.heal();
        till.front.break_printer(false);
        till.switch_on().await;
    }
    // What the cashier began to return is returned: the guest stands there.
    let finish = async {
        for table in &tables {
            table.finish_return().await;
        }
    };
    beside_the_tills(&tills, finish).await;
    let verdict = verdict(&house, &tills).await;
    Weathered {
        verdict,
        passed: house.passed(),
        hit: tills.iter().flat_map(hit).collect(),
        closed: tills.iter().map(closed).sum(),
        actions: tables.iter().map(|table| table.actions).sum(),
        trace: trace(&house, &tills),
    }
}

fn hit(till: &Stage) -> Vec<String> {
    let log = till.hooks.log();
    let faults = log.iter().filter_map(|one| one.fault).map(|fault| format!("{fault:?}"));
    faults.chain(till.hooks.cuts().iter().map(|point| format!("{point:?}"))).collect()
}

fn closed(till: &Stage) -> usize {
    let orders = till.front.orders();
    orders.iter().filter(|order| order.status == OrderStatus::Closed).count()
}

/// The people at one table.
struct People<'a> {
    house: &'a House,
    till: &'a Stage,
    order: Uuid,
    number: u32,
    dice: Dice,
    actions: u64,
    /// The last return that was begun.
    returning: Option<Returning>,
    /// Returns at this table name no payment.
    unlinked: bool,
}

#[derive(Clone, Copy, Debug)]
struct Returning {
    item: Uuid,
    type_id: Uuid,
    amount: Kopecks,
    /// What was returned before, of the item or of the type.
    before: i64,
}

impl<'a> People<'a> {
    fn new(house: &'a House, till: &'a Stage, nth: u64, mut dice: Dice) -> Self {
        let order = Uuid::from_u128((u128::from(dice.next()) << 64) | u128::from(dice.next()));
        let order = uuid_4(order);
        let number = u32::try_from(nth + 1).unwrap();
        let (actions, returning, unlinked) = (0, None, dice.one_in(4));
        Self { house, till, order, number, dice, actions, returning, unlinked }
    }

    async fn act(mut self) -> Self {
        let actions = 10 + self.dice.below(20);
        for _ in 0..actions {
            let pause = self.dice.pick(&[0, 0, 1, 3, 10, 45]);
            self.house.sleep(Duration::from_secs(pause)).await;
            self.actions += 1;
            self.action().await;
        }
        self.go_home().await;
        self
    }

    /// In the end the guests want to pay and go; some come back with a complaint.
    async fn go_home(&mut self) {
        let front = self.till.front.clone();
        for _ in 0..self.dice.below(5) {
            self.till.switch_on().await;
            front.leave_screen(self.order);
            front.break_printer(self.dice.one_in(4));
            self.check_in().await;
            self.pay_by_phone().await;
            self.house.sleep(Duration::from_secs(20)).await;
        }
        front.leave_screen(self.order);
        for _ in 0..self.dice.below(4) {
            self.give_back().await;
        }
    }

    /// One thing that somebody does. Whether it works is not our business.
    async fn action(&mut self) {
        let front = self.till.front.clone();
        if !front.has_power() {
            self.till.switch_on().await;
        }
        if front.order(self.order).is_none() {
            // The power may be gone again.
            let _ = front.open_order(self.order, self.number, self.lines());
            return;
        }
        match self.dice.below(40) {
            0..=5 => self.check_in().await,
            8 => {
                let pin = SecretString::from(PIN);
                self.till.phone.check_out(self.order, &pin).await;
            }
            9 => drop(self.till.phone.show(self.order).await),
            6 | 7 | 10..=19 => self.pay_by_phone().await,
            20..=23 => self.pay_at_the_till().await,
            24 => drop(front.change_lines(self.order, self.lines()).await),
            25 => drop(front.edit_on_screen(self.order)),
            26..=28 => front.leave_screen(self.order),
            29 | 34 => front.break_printer(true),
            30 => front.break_printer(false),
            31 => drop(front.restart().await),
            32 => front.power_cut(),
            33 => self.house.crash(),
            _ => self.give_back().await,
        }
    }

    fn lines(&mut self) -> Vec<OrderLine> {
        let mut lines = Vec::new();
        for nth in 0..1 + self.dice.below(3) {
            let amount = Kopecks(1 + self.dice.kopecks(Kopecks(120_000)).0);
            let (sku, name) = (format!("2010{nth}"), format!("Блюдо {nth}"));
            lines.push(OrderLine { sku, name, quantity: 1, amount });
        }
        lines
    }

    async fn check_in(&mut self) {
        let card = self.dice.pick(&CARDS);
        let pin = SecretString::from(if self.dice.one_in(12) { "00000" } else { PIN });
        self.till.phone.check_in(self.order, card, &pin).await;
    }

    async fn pay_by_phone(&mut self) {
        let Ok(mut page) = self.till.phone.payment_page(self.order).await else { return };
        if self.dice.one_in(3) {
            page.pick_money_type(CREDIT_TYPE);
        }
        let most = page.due().min(page.line(Which::Bonus).limit);
        let amount = self.dice.kopecks(most);
        if page.enter(Which::Bonus, amount).is_ok() {
            self.till.phone.pay(self.order, &page).await;
        }
    }

    async fn pay_at_the_till(&mut self) {
        let front = &self.till.front;
        let unprocessed = |item: &&tillway_sim::iiko_front::PaymentItem| !item.processed;
        let items = front.order(self.order).map(|order| order.items).unwrap_or_default();
        let item = items.iter().find(unprocessed).map(|item| item.id);
        match (self.dice.below(6), item) {
            (0, Some(item)) => drop(front.remove_payment(self.order, item).await),
            (1, Some(item)) => drop(front.prepay(self.order, item).await),
            (2 | 3, _) => {
                let one = self.dice.pick(&[BONUS_TYPE, DEPOSIT_TYPE, CREDIT_TYPE]);
                let adding = match self.dice.below(2) {
                    0 => Adding::Cashier,
                    _ => Adding::External(Kopecks(1 + self.dice.kopecks(Kopecks(90_000)).0)),
                };
                drop(front.add_payment(self.order, one, adding).await);
            }
            _ => drop(front.pay_order(self.order, PayMode::OnScreen).await),
        }
    }

    /// The cashier returns something; an unfinished return comes first.
    async fn give_back(&mut self) {
        let order = self.till.front.order(self.order);
        let Some(order) = order.filter(|order| order.status == OrderStatus::Closed) else { return };
        if self.is_returned() {
            let paid: Vec<_> = order.items.iter().filter(|item| item.processed).collect();
            if paid.is_empty() {
                return;
            }
            let item = self.dice.pick(&paid);
            let left = item.sum.0 - self.returned_of(item.type_id, item.id);
            if left <= 0 {
                return;
            }
            let part = if self.dice.one_in(2) { left } else { 1 + self.dice.below_i64(left) };
            let before = self.returned_of(item.type_id, item.id);
            let (type_id, item, amount) = (item.type_id, item.id, Kopecks(part));
            self.returning = Some(Returning { item, type_id, amount, before });
        }
        self.give_back_once().await;
    }

    fn returned_of(&self, type_id: Uuid, item: Uuid) -> i64 {
        if self.unlinked {
            let returns = self.till.front.books().unwrap().returns;
            let same = |r: &&tillway_sim::iiko_front::Return| {
                r.order == Some(self.order) && r.type_id == type_id
            };
            return returns.iter().filter(same).map(|entry| entry.amount.0).sum();
        }
        let order = self.till.front.order(self.order);
        let items = order.map(|order| order.items).unwrap_or_default();
        items.iter().find(|one| one.id == item).map_or(0, |one| one.returned.0)
    }

    /// Whether what was begun to be returned is saved in iikoFront.
    fn is_returned(&self) -> bool {
        let Some(one) = self.returning else { return true };
        self.returned_of(one.type_id, one.item) > one.before
    }

    async fn give_back_once(&self) {
        let Some(Returning { item, type_id, amount, .. }) = self.returning else { return };
        let front = &self.till.front;
        // Without paper the receipt of a return is written by hand, which no witness sees.
        front.break_printer(false);
        if self.unlinked {
            drop(front.return_without_order(Some(self.order), type_id, amount).await);
        } else {
            drop(front.return_order(self.order, &[(item, amount)]).await);
        }
    }

    /// The guest stands there: the cashier repeats the same return until it is done.
    async fn finish_return(&self) {
        for _ in 0..20 {
            if self.is_returned() {
                return;
            }
            self.till.switch_on().await;
            self.give_back_once().await;
            self.house.sleep(Duration::from_secs(1)).await;
        }
        panic!("a return cannot be finished: {:?}", self.returning);
    }
}

/// As iikoFront's ids look.
fn uuid_4(id: Uuid) -> Uuid {
    let bits = id.as_u128() & !(0xF << 76) & !(0x3 << 62);
    Uuid::from_u128(bits | (4 << 76) | (2 << 62))
}
