//! Whatever is sold: sums of lines are totals, and refunds in any parts and any order come to the
//! sale, neither more nor less. That a replay in any cut of the link gives the balance of a day
//! online is what the matrix and the thousand sales show.

use std::collections::BTreeMap;

use tillway_core::Kopecks;
use tillway_core::fiscal::Quantity;
use tillway_core::loyalty::{Answer, Cheque, Goods, Line, LineAnswer, Pay, Sale};
use tillway_core::port::processing::{Command, Operation, Outcome};
use tillway_core::port::{Clock, IdSource, LoyaltyProcessing};
use tillway_testkit::runtime::CountingIds;

use super::thousand::Random;
use super::till::{cheque, id, sale};
use super::world::{POINTS, Way, World, guests, run};

/// A till that asks, and is answered.
struct Asks<'w> {
    world: &'w World,
    processing: std::sync::Arc<dyn LoyaltyProcessing>,
    ids: CountingIds,
    seed: u64,
}

impl Asks<'_> {
    fn done(&self, command: Command) -> Answer {
        let told = format!("seed {}: {:?}", self.seed, command.kind());
        let (id, at) = (self.ids.fresh(), self.world.clock.now());
        let operation = Operation { id, at, cashier: None, command };
        let sealed = self.processing.seal(&operation).unwrap();
        match run(self.processing.send(&sealed)).unwrap() {
            Outcome::Done(answer) => *answer,
            other => panic!("{told}: {other:?}"),
        }
    }

    fn points(&self) -> Kopecks {
        let guest = guests().next().unwrap();
        self.world.processing.house().points(guest).unwrap()
    }
}

fn kopecks(random: &mut Random, bound: u64) -> Kopecks {
    Kopecks(i64::try_from(random.below(bound)).unwrap())
}

/// One to six lines of anything: whole and broken quantities, promoted or not, with floors.
fn goods(random: &mut Random, cheque: Cheque) -> Cheque {
    let count = random.below(6) + 1;
    let base = cheque.lines[0].clone();
    let line = |position: u64, random: &mut Random| {
        let code = random.one_of(vec!["SKU-1001", "SKU-1002", "SKU-1003"]);
        let micro = random.one_of(vec![1_000_000, 2_000_000, 3_000_000, 1_250_000, 333_000]);
        let amount = kopecks(random, 50_000).add(Kopecks(100)).unwrap();
        Line {
            // Not one after another, nor from one.
            position: u32::try_from(position * 3 + 2).unwrap(),
            goods: Goods::Code(code.into()),
            quantity: Quantity::from_micro(micro).unwrap(),
            amount,
            promo: random.below(3) == 0,
            price_min: (random.below(3) == 0).then_some(Kopecks(amount.0 / 4)),
            ..base.clone()
        }
    };
    let lines = (0..count).map(|position| line(position, random)).collect();
    Cheque { lines, ..cheque }
}

fn sum(answer: &Answer, part: fn(&LineAnswer) -> Option<Kopecks>) -> Kopecks {
    Kopecks::total(answer.lines.iter().filter_map(part)).unwrap()
}

/// Sells it, and tells what was sold with the points of each line.
fn sold(asks: &Asks<'_>, random: &mut Random) -> (Sale, Kopecks) {
    let at = asks.world.clock.now();
    let mut told = sale(1, 0, &goods(random, cheque(at, 10_000)));
    let before = told.cheque.total().unwrap();
    let granted = asks.done(Command::Calculate { sale: told.clone(), wish: None });
    let (amount, discount) =
        (sum(&granted, |line| line.amount), sum(&granted, |line| line.discount));
    assert_eq!(amount.add(discount), Ok(before), "seed {}", asks.seed);
    told.cheque = told.cheque.discounted(&granted).unwrap();
    assert_eq!(told.cheque.total(), Ok(amount));
    let available = granted.points.unwrap();
    let offered = asks.done(Command::Available { sale: told.clone() });
    assert_eq!(offered.points, Some(available), "seed {}", asks.seed);
    let mut points = Kopecks::ZERO;
    if available.is_positive() {
        points = kopecks(random, u64::try_from(available.0).unwrap()).add(Kopecks(1)).unwrap();
        let paid = asks.done(Command::Pay { sale: told.clone(), amount: points, pin: None });
        assert_eq!((paid.amount, sum(&paid, |line| line.paid)), (Some(points), points));
        for (line, said) in told.cheque.lines.iter().zip(&paid.lines) {
            let left = line.amount.sub(said.paid.unwrap_or_default()).unwrap();
            let floor =
                line.price_min.map_or(Ok(Kopecks::ZERO), |price| line.quantity.times(price));
            // A floor above the price binds nobody.
            assert!(left >= floor.unwrap().min(line.amount), "seed {}", asks.seed);
        }
    }
    let rest = amount.sub(points).unwrap();
    let pays = vec![Pay { kind: "Cash".into(), amount: rest, details: None }];
    let earned = asks.done(Command::Accrue { sale: told.clone(), pays });
    let cashback = sum(&earned, |line| line.cashback);
    let totals = (earned.totals.amount, earned.totals.discount, earned.totals.cashback);
    assert_eq!(totals, (Some(amount), Some(discount), Some(cashback)), "seed {}", asks.seed);
    asks.done(Command::Confirm { purchase: told.purchase.clone() });
    let after = POINTS.sub(points).and_then(|left| left.add(cashback));
    assert_eq!(Ok(asks.points()), after, "seed {}", asks.seed);
    (told, points)
}

/// All of it goes back, in pieces of any size and in any order; some refunds are cancelled first.
fn all_goes_back(asks: &Asks<'_>, random: &mut Random, sale: &Sale, paid: Kopecks) {
    let mut pieces: Vec<(usize, i64)> = Vec::new();
    for (at, line) in sale.cheque.lines.iter().enumerate() {
        let mut left = line.quantity.micro();
        while left > 0 {
            let piece = i64::try_from(random.below(4)).unwrap() * 250_000 + 111_000;
            pieces.push((at, piece.min(left)));
            left -= piece.min(left);
        }
    }
    let mut gone: BTreeMap<usize, (i64, Kopecks)> = BTreeMap::new();
    let (mut number, mut points, mut goods) = (2, Kopecks::ZERO, Kopecks::ZERO);
    while !pieces.is_empty() {
        let place = usize::try_from(random.below(u64::try_from(pieces.len()).unwrap())).unwrap();
        let (at, piece) = pieces.swap_remove(place);
        let line = &sale.cheque.lines[at];
        let (before, given) = gone.get(&at).copied().unwrap_or((0, Kopecks::ZERO));
        let so_far = Quantity::from_micro(before + piece).unwrap();
        let amount = line.quantity.share_of(line.amount, so_far).unwrap().sub(given).unwrap();
        let quantity = Quantity::from_micro(piece).unwrap();
        let mut back = Sale { purchase: id(number), ..sale.clone() };
        back.cheque.lines = vec![Line { quantity, amount, ..line.clone() }];
        let cancelled = random.below(4) == 0;
        for round in 0..=u32::from(cancelled) {
            back.purchase = id(number);
            number += 1;
            let of = Some(sale.purchase.clone());
            let answer = asks.done(Command::Refund { sale: back.clone(), of, transaction: None });
            let purchase = back.purchase.clone();
            if cancelled && round == 0 {
                asks.done(Command::Cancel { purchase });
                continue;
            }
            points = points.add(answer.points.unwrap()).unwrap();
            goods = goods.add(amount).unwrap();
            asks.done(Command::Confirm { purchase });
        }
        gone.insert(at, (before + piece, given.add(amount).unwrap()));
    }
    assert_eq!((points, Ok(goods)), (paid, sale.cheque.total()), "seed {}", asks.seed);
    assert_eq!(asks.points(), POINTS, "seed {}: parts drift", asks.seed);
}

#[test]
fn sums_are_totals_and_refunds_never_drift() {
    for seed in 1..=64 {
        let way = Way::ALL[usize::try_from(seed % 8).unwrap()];
        let (world, mut random) = (World::new(way), Random(seed));
        let http = std::sync::Arc::new(world.processing.clone());
        let processing = world.adapter(http, "http://processing");
        let asks = Asks { world: &world, processing, ids: CountingIds::new(), seed };
        let (sale, paid) = sold(&asks, &mut random);
        all_goes_back(&asks, &mut random, &sale, paid);
        world.once(&format!("seed {seed}"));
        assert_eq!(world.books().1, Kopecks::ZERO);
    }
}
