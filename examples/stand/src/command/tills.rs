//! Commands about tills and their devices.

use tillway::core::book::{Commit, Op, Verdict};
use tillway::core::id::{DeviceId, TillId};
use tillway::core::pairing::Pairing;
use tillway::core::port::Clock;
use tillway::runtime::TokioClock;

use super::{Desk, Reply};
use crate::failure::Failure;

pub(super) async fn list(desk: &Desk) -> Result<Reply, Failure> {
    let pairings = desk.store.pairings().await?;
    let device = |till: &TillId| pairings.iter().find(|pairing| pairing.till == *till);
    let mut lines = vec![format!("{:<16} {:<24} {}", "till", "listens on", "device")];
    for till in &desk.tills {
        let device = device(&till.id).map_or("-", |pairing| pairing.device.as_str());
        lines.push(format!("{:<16} {:<24} {device}", till.id.as_str(), till.listen.to_string()));
    }
    for pairing in &pairings {
        if !desk.tills.iter().any(|till| till.id == pairing.till) {
            let device = &pairing.device;
            lines.push(format!("{:<16} {:<24} {device}", pairing.till.as_str(), "not configured"));
        }
    }
    Ok(Reply { lines })
}

pub(super) async fn pair(desk: &Desk, till: &str, device: &str) -> Result<Reply, Failure> {
    let (till, device) = names(till, device)?;
    if !desk.tills.iter().any(|known| known.id == till) {
        return Err(Failure::new(format!("no till is called {till}; see `till list`")));
    }
    let line = format!("{device} works with {till}");
    commit(desk, Op::Pair(Pairing { till, device })).await?;
    Ok(Reply::line(line))
}

pub(super) async fn unpair(desk: &Desk, till: &str, device: &str) -> Result<Reply, Failure> {
    let (till, device) = names(till, device)?;
    let line = format!("{device} does not work with {till} any more");
    commit(desk, Op::Unpair { till, device }).await?;
    Ok(Reply::line(line))
}

fn names(till: &str, device: &str) -> Result<(TillId, DeviceId), Failure> {
    let till_id = TillId::try_new(till).map_err(|error| Failure::of(format!("{till:?}"), &error));
    let device_id =
        DeviceId::try_new(device).map_err(|error| Failure::of(format!("{device:?}"), &error));
    Ok((till_id?, device_id?))
}

async fn commit(desk: &Desk, op: Op) -> Result<(), Failure> {
    let commit = Commit::of(TokioClock::new().now(), vec![op]);
    let committed = desk.store.commit(commit).await;
    let committed = committed.map_err(|error| Failure::of("it is not saved", &error))?;
    match committed.verdict {
        Verdict::Done(_) => Ok(()),
        Verdict::Refused(refusal) => Err(Failure::new(refusal.to_string())),
    }
}
