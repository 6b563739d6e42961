//! Pays, cancels, refunds and reconciles on a simulated card terminal; on a real one when it is
//! said where it is:
//!
//! `cargo run -p card -- --terminal dualconnector --at http://127.0.0.1:9015`
//! `cargo run -p card -- --terminal sberbank --at /opt/sber`
#![expect(clippy::print_stdout, reason = "slips are what this program is for")]

use std::{error::Error, path::Path, sync::Arc, time::Duration};

use clap::{Parser, ValueEnum};
use tillway::core::port::{CardTerminal, Clock, IdSource, Spawner, terminal::*};
use tillway::core::{Kopecks, Timestamp};
use tillway::device::{Mode, Process};
use tillway::layers::{Guarded, guarded::DeviceConfig};
use tillway::runtime::{RandomIds, TokioClock, TokioSpawner};
use tillway::sim::{dualconnector as dc, sberbank as sb};
use tillway::transport::Runtime;
use tillway::transport::client::{ClientConfig, HttpTransport, HyperClient};
use tillway::{dualconnector::DualConnector, memory::MemoryStore, sberbank::Sberbank};

#[derive(Parser)]
struct Options {
    /// Which program drives the terminal
    #[arg(long, value_enum)]
    terminal: Kind,
    /// A real one: the address of DualConnector, or the folder of `sb_pilot`
    #[arg(long)]
    at: Option<String>,
}

#[derive(Clone, ValueEnum)]
enum Kind {
    Dualconnector,
    Sberbank,
}

type Failed = Box<dyn Error>;
type Paid = Result<(Attempt, Approval), Failed>;
type Device = Result<Arc<dyn CardTerminal>, Failed>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let Options { terminal, at } = Options::parse();
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    let device = match terminal {
        Kind::Dualconnector => dualconnector(at, Arc::clone(&clock))?,
        Kind::Sberbank => sberbank(at, Arc::clone(&clock))?,
    };
    // The journal of a till outlives it: `tillway::sqlite`.
    let store = Arc::new(MemoryStore::new());
    let name = DeviceConfig::new("terminal");
    let guarded = Guarded::try_new(device, store, Arc::clone(&clock), &RandomIds, name)?;
    println!("{:?}", guarded.probe().await?);
    let lunch = Kopecks(12_500);
    let paid = pay(&guarded, clock.now(), lunch).await?;
    perform(&guarded, clock.now(), Operation::Cancel { amount: paid.amount, of: paid }).await?;
    let paid = pay(&guarded, clock.now(), lunch).await?;
    let back = Operation::Refund { amount: Kopecks(4_000), of: paid };
    perform(&guarded, clock.now(), back).await?;
    match guarded.reconcile().await {
        ReconcileOutcome::Done(done) => print(&done.slips),
        ReconcileOutcome::Refused(error) | ReconcileOutcome::InDoubt(error) => Err(error)?,
    }
    Ok(())
}

fn dualconnector(at: Option<String>, clock: Arc<dyn Clock>) -> Device {
    let spawner: Arc<dyn Spawner> = Arc::new(TokioSpawner::new(tokio::runtime::Handle::current()));
    let (address, http): (String, Arc<dyn HttpTransport>) = match at {
        None => {
            let settings = dc::Settings { card: Duration::ZERO, ..Default::default() };
            let simulated = dc::Terminal::new(settings, Arc::clone(&clock), Arc::clone(&spawner));
            ("http://simulator".to_owned(), Arc::new(simulated))
        }
        Some(at) => (at, Arc::new(HyperClient::new(&ClientConfig::default(), Runtime::tokio()))),
    };
    let config = tillway::dualconnector::Config::new(address);
    Ok(Arc::new(DualConnector::try_new(config, http, clock, spawner)?))
}

fn sberbank(at: Option<String>, clock: Arc<dyn Clock>) -> Device {
    let config = tillway::sberbank::Config::default();
    let started = match at {
        None => {
            let simulated = sb::Twin::new(sb::Pad::default(), Arc::clone(&clock));
            Sberbank::start(config, simulated, clock, Mode::Thread)
        }
        Some(folder) => {
            let program = Process::new(Path::new(&folder).join("sb_pilot"), folder);
            Sberbank::start(config, program, clock, Mode::Thread)
        }
    };
    Ok(Arc::new(started?))
}

async fn pay(on: &dyn CardTerminal, at: Timestamp, amount: Kopecks) -> Result<Original, Failed> {
    let (attempt, paid) = perform(on, at, Operation::Pay { amount }).await?;
    let Approval { amount, reference, authorisation, .. } = paid;
    let (returned, confirmed) = (Kopecks::ZERO, false);
    Ok(Original { amount, returned, reference, authorisation, attempt, confirmed })
}

async fn perform(on: &dyn CardTerminal, at: Timestamp, what: Operation) -> Paid {
    let attempt = Attempt { id: RandomIds.fresh(), at };
    match on.perform(&attempt, &what).await {
        MoneyOutcome::Approved(approval) => {
            print(&approval.slips);
            Ok((attempt, *approval))
        }
        MoneyOutcome::Declined(no) => Err(format!("{}: {} {}", no.reason, no.code, no.text).into()),
        // Ask `recover` until it says what became of it; never pay again before.
        MoneyOutcome::InDoubt(error) => Err(format!("in doubt: {error}").into()),
    }
}

fn print(slips: &[Slip]) {
    slips.iter().flat_map(|slip| &slip.lines).for_each(|line| println!("{line}"));
}
