//! Asks the real devices of a venue who they are: for `check-config`. Nothing is printed, no money
//! moves.

use std::path::Path;
use std::sync::Arc;

use tillway::atol::{AtolWeb, WebConfig};
use tillway::core::port::terminal::TerminalError;
use tillway::core::port::{CardTerminal, Clock, FiscalRegister};
use tillway::device::{Mode, Process};
use tillway::dualconnector::DualConnector;
use tillway::runtime::{RandomIds, TokioClock, TokioSpawner};
use tillway::sberbank::{self, Sberbank};
use tillway::transport::Runtime;
use tillway::transport::client::{ClientConfig, HttpTransport, HyperClient};
use tokio::runtime::Handle;

use crate::config::{Devices, Terminal};
use crate::failure::Failure;

/// Whether each device answers, in a line for a person.
pub(crate) async fn probe(devices: &Devices) -> Vec<Result<String, Failure>> {
    let mut told = Vec::new();
    if let Some(register) = &devices.register {
        told.push(register_answers(register).await);
    }
    match &devices.terminal {
        None => {}
        Some(Terminal::DualConnector(config)) => {
            let client = Arc::new(http());
            let spawner = Arc::new(TokioSpawner::new(Handle::current()));
            let terminal = DualConnector::try_new((**config).clone(), client, clock(), spawner);
            told.push(match terminal {
                Ok(terminal) => answers(&terminal).await,
                Err(error) => Err(Failure::of("card terminal", &error)),
            });
        }
        Some(Terminal::Sberbank(folder)) => told.push(sberbank_answers(folder).await),
    }
    told
}

async fn register_answers(config: &WebConfig) -> Result<String, Failure> {
    let failed = |error: &(dyn std::error::Error + 'static)| {
        Failure::of(format!("register at {}", config.address), error)
    };
    let http = Arc::new(http());
    let register = AtolWeb::try_new(config.clone(), http, clock(), Arc::new(RandomIds));
    let register = register.map_err(|error| failed(&error))?;
    let device = register.probe().await.map_err(|error| failed(&error))?;
    Ok(format!("register at {}: {} {} answers", config.address, device.model, device.serial))
}

async fn sberbank_answers(folder: &Path) -> Result<String, Failure> {
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(Failure::new(format!("card terminal: {folder} is not a folder")));
    }
    let program = Process::new(folder.join("sb_pilot"), folder);
    let config = sberbank::Config::default();
    let terminal = Sberbank::start(config, program, clock(), Mode::Thread);
    let terminal = terminal.map_err(|error| Failure::of("card terminal", &error))?;
    let told = answers(&terminal).await;
    told.map_err(|failure| Failure::new(format!("{failure}; in {}", folder.display())))
}

async fn answers(terminal: &dyn CardTerminal) -> Result<String, Failure> {
    let failed = |error: TerminalError| Failure::of("card terminal", &error);
    let known = terminal.probe().await.map_err(failed)?;
    let number = known.terminal.map(|number| format!(" {number}")).unwrap_or_default();
    Ok(format!("card terminal{number} answers"))
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(TokioClock::new())
}

fn http() -> impl HttpTransport {
    HyperClient::new(&ClientConfig::default(), Runtime::tokio())
}
