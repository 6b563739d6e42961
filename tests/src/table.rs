//! A table and its people: order 82 of the seed on a till, waiters and cashiers who act by hand.

use std::time::Duration;

use futures::future::{join, join_all};
use secrecy::SecretString;
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_sim::Stop;
use tillway_sim::fault::{Plan, Side};
use tillway_sim::iiko_front::{OrderStatus, TransactionIds};
use tillway_sim::story::{Stage, Story, World};
use tillway_sim::waiter_server::{Seen, Which};

use crate::house::{Crash, Disk, House};
use crate::witness::{Verdict, trace, verdict};

/// The waiter's PIN.
pub const PIN: &str = "12345";

/// A till with order 82, and the service.
#[derive(Debug)]
pub struct Table {
    /// The service.
    pub house: House,
    /// The tills; the first has the order.
    pub tills: Vec<Stage>,
    world: World,
    /// The order.
    pub order: Uuid,
}

/// How a table is set up. The default has nothing that goes wrong.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// What goes wrong at the till.
    pub plan: Plan,
    /// What goes wrong at the service.
    pub crashes: Vec<Crash>,
    /// Whether the plugin makes holds.
    pub reserve: bool,
    /// What becomes of the transaction id on a second `Pay`.
    pub ids: TransactionIds,
}

impl Table {
    /// A till that is switched on, with order 82 and nobody attached.
    pub async fn set(setting: Setting) -> Self {
        let down = Duration::from_secs(2);
        let house = House::open(Disk::memory(), 1, &setting.crashes, down).await;
        let mut world = house.world(1, 1);
        world.front.reserve = setting.reserve;
        world.front.transaction_ids = setting.ids;
        let stage = world.stage(setting.plan);
        stage.front.start().await.unwrap();
        let story = Story::seed_000();
        stage.front.open_order(story.order, story.number, story.lines).unwrap();
        Self { house, tills: vec![stage], world, order: story.order }
    }

    /// The till with the order.
    pub fn till(&self) -> &Stage {
        &self.tills[0]
    }

    /// Another till of the group.
    pub async fn second_till(&mut self, plan: Plan) {
        let mut world = self.house.world(2, 2);
        world.front.transaction_ids = self.world.front.transaction_ids;
        let stage = world.stage_beside(&self.tills[0], plan);
        stage.front.start().await.unwrap();
        self.tills.push(stage);
    }

    /// Does something while the bridge runs; the outbox is sent by what is done alone.
    pub async fn bridged<T>(&self, play: impl Future<Output = T>) -> T {
        let stop = Stop::new();
        let loops = join_all(self.tills.iter().map(|till| till.front.bridge_loop(stop.clone())));
        let play = async {
            let played = play.await;
            stop.stop();
            played
        };
        join(play, loops).await.0
    }

    /// Attaches a guest.
    pub async fn check_in(&self, value: &str) -> Seen {
        let pin = SecretString::from(PIN);
        self.bridged(self.till().phone.check_in(self.order, value, &pin)).await
    }

    /// Detaches the guest.
    pub async fn check_out(&self) -> Seen {
        let pin = SecretString::from(PIN);
        self.bridged(self.till().phone.check_out(self.order, &pin)).await
    }

    /// The waiter pays so much by bonuses, and the rest from the deposit.
    pub async fn pay(&self, bonus: i64) -> Seen {
        pay(self.till(), self.order, Kopecks(bonus)).await
    }

    /// Heals everything, lets it come to rest, and compares the witnesses.
    #[track_caller]
    pub fn rests(&self) -> impl Future<Output = Verdict> {
        let at = std::panic::Location::caller();
        async move {
            let verdict = verdict(&self.house, &self.tills).await;
            verdict.unwrap_or_else(|why| panic!("{at}: {why}\n{}", trace(&self.house, &self.tills)))
        }
    }

    /// As [`Table::rests`], and nothing is left for a person.
    pub async fn agrees(&self) {
        let verdict = self.rests().await;
        assert_eq!(verdict, Verdict { rest: verdict.rest, ..Verdict::default() });
    }

    /// Lets time pass.
    pub async fn wait(&self, seconds: u64) {
        self.house.clock().sleep(Duration::from_secs(seconds)).await;
    }

    /// Whether iikoFront has closed the order.
    pub fn is_closed(&self) -> bool {
        let order = self.till().front.order(self.order);
        order.is_some_and(|order| order.status == OrderStatus::Closed)
    }

    /// Payments that iikoFront has as processed.
    pub fn processed(&self) -> usize {
        self.till().front.books().unwrap().processed.len()
    }
}

/// The waiter pays so much by bonuses, and the rest from the deposit.
pub async fn pay(till: &Stage, order: Uuid, bonus: Kopecks) -> Seen {
    let mut page = match till.phone.payment_page(order).await {
        Ok(page) => page,
        Err(seen) => return seen,
    };
    match page.enter(Which::Bonus, bonus) {
        Ok(()) => till.phone.pay(order, &page).await,
        Err(error) => Seen::Popup(error.to_string()),
    }
}

/// The numbers of the plugin's exchanges of this method and path when nothing goes wrong.
pub async fn places(setting: Setting, method: &str, part: &str) -> Vec<u64> {
    let table = Table::set(Setting { plan: Plan::none(), crashes: Vec::new(), ..setting }).await;
    assert_eq!(table.check_in("149725735").await, Seen::Done);
    assert_eq!(table.pay(75_000).await, Seen::Done);
    table.till().front.return_all(table.order).await.unwrap();
    let log = table.till().hooks.log();
    let ours = log.iter().filter(|one| one.side == Side::Plugin);
    let places = ours.filter(|one| one.what.starts_with(method) && one.what.contains(part));
    places.map(|one| one.nth).collect()
}
