//! The processing that keeps the guests' points: connected for the engine, asked by `check-config`.

use std::sync::Arc;

use tillway::core::port::{Clock, IdSource};
use tillway::engine::Points;
use tillway::loymax::Loymax;
use tillway::runtime::{RandomIds, TokioClock};
use tillway::transport::Runtime;
use tillway::transport::client::{ClientConfig, HyperClient};

use crate::config::Loyalty;
use crate::failure::Failure;

/// What the engine needs of it; nothing where points are kept here. Sends nothing.
pub(crate) fn points(loyalty: &Loyalty, clock: Arc<dyn Clock>) -> Result<Option<Points>, Failure> {
    let Some(said) = &loyalty.points else { return Ok(None) };
    let mut points = Points::new(Arc::new(till(loyalty, clock)?));
    if let Some(wallet) = &said.wallet {
        points.wallet = wallet.clone();
    }
    if let Some(known_by) = &said.known_by {
        points.known_by = known_by.clone();
    }
    points.rest = said.rest.clone();
    Ok(Some(points))
}

/// Whether it answers, in a line for a person. The stand's own is there when the stand runs.
pub(crate) async fn probe(loyalty: &Loyalty) -> Result<String, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    if loyalty.own {
        return Ok("Loymax processing: the simulated one of the stand".to_owned());
    }
    let url = &loyalty.till.url;
    let failed = |error: &(dyn std::error::Error + 'static)| {
        Failure::of(format!("Loymax processing at {url}"), error)
    };
    if let Some(certificate) = &loyalty.certificate {
        certificate.check(clock.now()).map_err(|error| failed(&error))?;
    }
    let till = till(loyalty, clock)?;
    till.probe(RandomIds.fresh()).await.map_err(|error| failed(&error))?;
    Ok(format!("Loymax processing at {url}: {} is known there", loyalty.till.login))
}

fn till(loyalty: &Loyalty, clock: Arc<dyn Clock>) -> Result<Loymax, Failure> {
    let http = HyperClient::new(&ClientConfig::default(), Runtime::tokio());
    let till = Loymax::try_new(loyalty.till.clone(), Arc::new(http), clock);
    till.map_err(|error| Failure::of("section loyalty", &error))
}
