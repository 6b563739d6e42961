//! The same over real sockets: each run of the program has connections of its own.

use std::time::Duration;

use super::cut::Fuse;
use super::thousand::{Random, fate, till};
use super::till::check;
use super::world::{Way, World, client, serve};

/// Links are cut here; programs do not die, as nobody could say when a socket has gone quiet.
async fn many_sales(seed: u64, way: Way, sales: u128) {
    println!("seed {seed}: {sales} sales over HTTP, {way:?}");
    let (mut random, world) = (Random(seed), World::new(way));
    let address = serve(&world.processing).await;
    let mut tills = Vec::new();
    for number in 1..=sales {
        let mut till = till(&mut random, &world, number);
        for _ in 0..20 {
            let fuse = fate(&mut random, way);
            fuse.lives();
            till.sell(&world.start_over(client(), &address, &fuse), &world).await;
            if till.is_done() {
                break;
            }
        }
        assert!(till.is_done() && till.earns(), "seed {seed}: {till:?}");
        world.clock.advance(Duration::from_secs(random.below(90)));
        tills.push(till);
    }
    let loyalty = world.start_over(client(), &address, &Fuse::never());
    check(&world, &loyalty, &tills, &format!("seed {seed}, {way:?}")).await;
}

#[tokio::test]
async fn sales_over_http_come_out_as_if_nothing_had_failed() {
    for (seed, way) in (301..).zip(Way::ALL) {
        many_sales(seed, way, 25).await;
    }
}
