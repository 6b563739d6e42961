//! G5 to G8, and how long answers take under load.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tillway_measure::{Figure, Goal, Plan, Round, file_bytes};

use crate::load::{self, Ran};
use crate::scripts::{Movements, Orders, Repeat, Step, Walk, request};
use crate::servers::{Server, command};
use crate::venue::{GUESTS, Space, fill, id};

/// What is true of every answer to a write.
const DURABLE: &str = "synced before each answer, WAL, synchronous=FULL";

/// How many orders the reads are about.
const READ: u64 = 1_000;

/// Connections that prepare and tidy up, apart from the time that counts.
const ASIDE: usize = 64;

/// From the plan to the second capture.
const PAID: &[Step] = &[Step::Plan, Step::PayBonus, Step::PayDeposit];

/// All that a table asks for.
const WHOLE: &[Step] = &[Step::CheckIn, Step::Plan, Step::PayBonus, Step::PayDeposit, Step::Close];

#[derive(Clone, Copy)]
enum Ask {
    Ping,
    /// By a stand that does not ask its store.
    PingAlone,
    Loyalty,
    Limits,
    CheckIn,
    Paid,
    Whole,
}

#[derive(Clone, Copy)]
enum Floor {
    /// Bare hyper with the same bytes.
    Hyper(&'static str),
    /// The smallest server of movements.
    Axum,
    None,
}

struct Case {
    name: String,
    ask: Ask,
    floor: Floor,
    connections: usize,
    goal: Option<Goal>,
}

pub(crate) fn run(plan: &Plan) {
    let cases: Vec<Case> = cases().into_iter().filter(|case| wanted(plan, case)).collect();
    if !cases.is_empty() {
        let mut ground = Ground::open();
        cases.iter().for_each(|case| ground.measure(plan, case));
    }
    if plan.wants("http/idle-connections") {
        idle(plan);
    }
    if plan.wants("http/order-size") {
        order_size(plan);
    }
}

/// Keeps the servers up for another generator until the input ends.
pub(crate) fn serve() {
    let ground = Ground::open();
    let servers = [("stand", &ground.stand), ("hyper", &ground.hyper), ("axum", &ground.axum)];
    servers.iter().for_each(|(name, server)| println!("{name} {}", server.address));
    println!("ready -");
    std::io::stdin().lines().for_each(drop);
}

fn wanted(plan: &Plan, case: &Case) -> bool {
    plan.wants(&case.name) || plan.wants(&format!("{}-p99", case.name))
}

fn cases() -> Vec<Case> {
    let goal = |reach, shine| Some(Goal::ratio_at_least(reach, shine));
    let case = |name: &str, ask, floor, connections, goal| Case {
        name: format!("{name}-{connections}"),
        ask,
        floor,
        connections,
        goal,
    };
    let mut cases = vec![
        case("G5-paid-order", Ask::Paid, Floor::Axum, 16, goal(0.15, 0.30)),
        case("G6-loyalty", Ask::Loyalty, Floor::Hyper("loyalty"), 32, goal(0.50, 0.65)),
        case("G6-limits", Ask::Limits, Floor::Hyper("limits"), 32, goal(0.50, 0.65)),
        case("G7-ping", Ask::Ping, Floor::Hyper("ping"), 32, goal(0.90, 0.97)),
        case("http/ping-alone", Ask::PingAlone, Floor::Hyper("ping"), 32, goal(0.90, 0.97)),
        case("G8-checkin", Ask::CheckIn, Floor::Axum, 64, goal(0.50, 0.75)),
        case("http/whole-order", Ask::Whole, Floor::None, 16, None),
    ];
    for connections in [1, 16, 64, 256] {
        cases.push(case("http/paid-order", Ask::Paid, Floor::Axum, connections, None));
        cases.push(case("http/checkin", Ask::CheckIn, Floor::Axum, connections, None));
        cases.push(case("http/limits", Ask::Limits, Floor::Hyper("limits"), connections, None));
    }
    // Taken under their own names above.
    cases.retain(|c| !["http/paid-order-16", "http/checkin-64"].contains(&c.name.as_str()));
    cases
}

/// The servers, and what has been done on ours so far.
struct Ground {
    stand: Server,
    alone: Server,
    hyper: Server,
    axum: Server,
    orders: Orders,
    movements: Movements,
    /// How many orders a second of the last round took.
    pace: f64,
    _folder: tempfile::TempDir,
}

impl Ground {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let stand = stand(folder.path(), "ours", "on", 1_024);
        let alone = stand_of(folder.path(), "alone", "off", 1_024, false);
        let mut orders = Orders::default();
        let mut walk = Walk::of(&mut orders, &[Step::CheckIn], READ);
        load::run(stand.address, ASIDE, Duration::from_secs(60), &mut walk);
        // The reads are about these; they are never paid.
        orders.bound.clear();
        let bodies = path("bodies");
        std::fs::create_dir(&bodies).unwrap();
        for (what, name) in [("loyalty", "loyalty"), ("paymentLimits", "limits")] {
            let order = id(Space::Order, 0);
            let asked = request("GET", &format!("/orders/{order}/{what}"), "");
            let (status, body) = load::once(stand.address, &asked);
            assert_eq!(status, 200, "{what}");
            std::fs::write(bodies.join(name), body).unwrap();
        }
        std::fs::create_dir(path("floor")).unwrap();
        Self {
            hyper: Server::floor("hyper", &bodies),
            axum: Server::floor("axum", &path("floor")),
            stand,
            alone,
            orders,
            movements: Movements::default(),
            pace: 3_000.0,
            _folder: folder,
        }
    }

    fn measure(&mut self, plan: &Plan, case: &Case) {
        let mut rounds = [Vec::new(), Vec::new()];
        let count = plan.rounds().count;
        for nth in 0..=count {
            for side in if nth % 2 == 0 { [0, 1] } else { [1, 0] } {
                let ran = match side {
                    0 => Some(self.ours(plan, case)),
                    _ => self.floor(plan, case),
                };
                // The first round warms up.
                rounds[side].extend(ran.filter(|_| nth > 0));
            }
        }
        show(plan, case, &rounds);
    }

    fn ours(&mut self, plan: &Plan, case: &Case) -> Ran {
        let (length, connections) = (plan.rounds().length, case.connections);
        let at = self.stand.address;
        match case.ask {
            Ask::Ping => load::run(at, connections, length, &mut pings()),
            Ask::PingAlone => load::run(self.alone.address, connections, length, &mut pings()),
            Ask::Loyalty => load::run(at, connections, length, &mut Repeat::reads("loyalty", READ)),
            Ask::Limits => {
                load::run(at, connections, length, &mut Repeat::reads("paymentLimits", READ))
            }
            Ask::CheckIn => self.walk(&[Step::CheckIn], connections, length, u64::MAX),
            Ask::Paid => self.paid(connections, length),
            Ask::Whole => self.walk(WHOLE, connections, length, u64::MAX),
        }
    }

    fn walk(
        &mut self,
        steps: &'static [Step],
        connections: usize,
        length: Duration,
        most: u64,
    ) -> Ran {
        let mut walk = Walk::of(&mut self.orders, steps, most);
        load::run(self.stand.address, connections, length, &mut walk)
    }

    /// Check-ins before and closes after it do not count.
    fn paid(&mut self, connections: usize, length: Duration) -> Ran {
        let wanted = (self.pace * length.as_secs_f64() * 1.5) as u64 + connections as u64;
        let long = Duration::from_secs(600);
        let missing = wanted.saturating_sub(self.orders.bound.len() as u64);
        if missing > 0 {
            self.walk(&[Step::CheckIn], ASIDE, long, missing);
        }
        let ran = self.walk(PAID, connections, length, u64::MAX);
        self.pace = self.pace.max(ran.round.per_second);
        let paid = self.orders.paid.len() as u64;
        self.walk(&[Step::Close], ASIDE, long, paid);
        ran
    }

    fn floor(&mut self, plan: &Plan, case: &Case) -> Option<Ran> {
        let (length, connections) = (plan.rounds().length, case.connections);
        match case.floor {
            Floor::Hyper(name) => {
                let status = if name == "ping" { 204 } else { 200 };
                let asked = request("GET", &format!("/{name}"), "");
                let mut script = Repeat::of(vec![asked], status);
                Some(load::run(self.hyper.address, connections, length, &mut script))
            }
            Floor::Axum => {
                Some(load::run(self.axum.address, connections, length, &mut self.movements))
            }
            Floor::None => None,
        }
    }
}

fn pings() -> Repeat {
    Repeat::of(vec![request("GET", "/ping", "")], 204)
}

fn show(plan: &Plan, case: &Case, [ours, floor]: &[Vec<Ran>; 2]) {
    let all = |side: &[Ran], of: fn(&Round) -> f64| -> Vec<f64> {
        side.iter().map(|ran| of(&ran.round)).collect()
    };
    let what = match case.ask {
        Ask::Ping => "asks the store each time".to_owned(),
        Ask::PingAlone => "ping_checks_store = off".to_owned(),
        Ask::Loyalty | Ask::Limits => format!("over {READ} orders of {GUESTS} guests"),
        Ask::CheckIn => format!("{GUESTS} guests, {DURABLE}"),
        Ask::Paid => format!("plan and two captures, {GUESTS} guests, {DURABLE}"),
        Ask::Whole => format!("check-in, plan, two captures, close; {DURABLE}"),
    };
    let against = match case.floor {
        Floor::Hyper(_) => "; the floor is bare hyper with the same body",
        Floor::Axum => "; the floor is axum with one movement in SQLite, as durable",
        Floor::None => "",
    };
    let busy = |side: &[Ran]| side.iter().map(|ran| ran.busy).fold(0.0, f64::max) * 100.0;
    let most = busy(ours).max(busy(floor));
    let about = format!("{what}{against}; generator busy {most:.0}% at most");
    let mut rate = Figure::new(&*case.name, "/s", all(ours, |r| r.per_second)).about(&*about);
    let mut p99 = Figure::new(format!("{}-p99", case.name), "us", all(ours, |r| r.p99_us));
    if !floor.is_empty() {
        rate = rate.against(all(floor, |r| r.per_second));
        p99 = p99.against(all(floor, |r| r.p99_us));
    }
    plan.show(&case.goal.into_iter().fold(rate, Figure::goal));
    plan.show(&p99.about(about));
}

/// Many connections that say nothing: what each takes, and how long others wait meanwhile.
fn idle(plan: &Plan) {
    let count: u32 = plan.pick(10_000, 100).min(files_max().saturating_sub(200));
    let folder = tempfile::tempdir().unwrap();
    let stand = stand(folder.path(), "ours", "on", count + 64);
    let mut orders = Orders::default();
    let mut walk = Walk::of(&mut orders, &[Step::CheckIn], READ);
    load::run(stand.address, ASIDE, Duration::from_secs(60), &mut walk);
    let length = plan.rounds().length;
    let reads = || load::run(stand.address, 16, length, &mut Repeat::reads("paymentLimits", READ));
    let rounds = || (0..plan.rounds().count).map(|_| reads().round.p99_us).collect::<Vec<_>>();
    let (quiet, before) = (rounds(), stand.memory());
    let held: Vec<_> =
        (0..count).map(|_| std::net::TcpStream::connect(stand.address).unwrap()).collect();
    let crowded = rounds();
    let each = (stand.memory() - before) * 1_024.0 / f64::from(count);
    drop(held);
    let about = format!("{count} connections that say nothing");
    plan.show(&Figure::new("http/idle-connections", "KiB", each).about(&*about));
    let about =
        format!("paymentLimits at 16 connections beside {about}; the floor is without them");
    let figure = Figure::new("http/idle-connections-p99", "us", crowded).against(quiet);
    plan.show(&figure.about(about));
}

/// How many files a process may have open here.
fn files_max() -> u32 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1_024)
}

/// What the disk keeps of an order: its row, its lines of the book, its flows.
fn order_size(plan: &Plan) {
    let folder = tempfile::tempdir().unwrap();
    let stand = stand(folder.path(), "ours", "on", 256);
    let file = folder.path().join("ours").join("tillway.db");
    let before = file_bytes(&file);
    let count: u32 = plan.pick(20_000, 200);
    let mut orders = Orders::default();
    let mut walk = Walk::of(&mut orders, WHOLE, count.into());
    load::run(stand.address, ASIDE, Duration::from_secs(600), &mut walk);
    stand.stop();
    let grown = u32::try_from(file_bytes(&file) - before).unwrap();
    let about = format!("{count} orders from check-in to close, two payments each, with flows");
    let each = f64::from(grown) / f64::from(count);
    plan.show(&Figure::new("http/order-size", "B", each).about(about));
}

fn stand(folder: &Path, name: &str, checks: &str, connections: u32) -> Server {
    stand_of(folder, name, checks, connections, true)
}

/// A stand on data of its own, with the venue's guests.
fn stand_of(folder: &Path, name: &str, checks: &str, connections: u32, guests: bool) -> Server {
    let (data, config): (PathBuf, _) = (folder.join(name), folder.join(format!("{name}.toml")));
    let text = format!(
        "mode = \"demo\"\nbridge = \"none\"\nping_checks_store = \"{checks}\"\n\
         [limits]\nconnections = {connections}\n"
    );
    std::fs::write(&config, text).unwrap();
    if guests {
        command(&data, &config, &["guest", "list"]);
        fill(&data);
    }
    Server::stand(&data, Some(&config))
}
