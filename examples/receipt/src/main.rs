//! One receipt on an ATOL register: a simulated one, or a real one at its web server.
#![expect(clippy::print_stdout, reason = "the receipt is what this program is for")]

use std::{error::Error, sync::Arc};

use clap::{Arg, Command};
use tillway::atol::{AtolWeb, WebConfig};
use tillway::core::{Kopecks, fiscal::*, port::fiscal::*, port::*};
use tillway::runtime::{RandomIds, TokioClock};
use tillway::sim::atol::{Register, Settings, SharedRegister, web, web::Generation::V2WebRequests};
use tillway::transport::Runtime;
use tillway::transport::client::{ClientConfig, HttpTransport, HyperClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let at = Arg::new("address").help("A real one: prints, and fiscalises, a receipt of 190.00");
    let told = Command::new("receipt").about("Prints one receipt on a simulated ATOL register");
    let told = told.arg(at).after_help("Examples:\n  receipt\n  receipt http://127.0.0.1:16732");
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    let register = SharedRegister::new(Register::new(Settings::default(), clock.now().wall_ms()));
    let server = web::WebServer::new(web::WebConfig::new(V2WebRequests), Arc::clone(&clock));
    let server = server.device("kiosk", "", register.clone());
    let real = told.get_matches().remove_one::<String>("address");
    let (address, http): (&str, Arc<dyn HttpTransport>) = match &real {
        None => ("http://simulator", Arc::new(server)),
        Some(it) => (it, Arc::new(HyperClient::new(&ClientConfig::default(), Runtime::tokio()))),
    };
    let atol = AtolWeb::try_new(WebConfig::new(address), http, clock, Arc::new(RandomIds))?;
    println!("{:?}", atol.probe().await?);
    if atol.shift().await?.state == ShiftState::Closed {
        write(&atol, Fiscal::OpenShift(None)).await?;
    }
    let receipt = write(&atol, Fiscal::Receipt(Box::new(lunch()))).await?;
    println!("{}", qr(&receipt).unwrap_or_default());
    register.lock().printer.tape().iter().for_each(|piece| println!("{}", piece.lines.join("\n")));
    Ok(())
}

async fn write(register: &dyn FiscalRegister, what: Fiscal) -> Result<Registered, Box<dyn Error>> {
    // A kiosk keeps the attempt in its journal first: `layers::Guarded` does it.
    let attempt = Attempt { id: RandomIds.fresh(), before: register.mark().await? };
    match register.register(&attempt, &what).await {
        FiscalOutcome::Written(document) => Ok(*document),
        FiscalOutcome::NotWritten(error) => Err(error.into()),
        // Ask `find` until it says what became of it; never send again.
        FiscalOutcome::InDoubt(error) => Err(format!("in doubt: {error}").into()),
    }
}

fn lunch() -> Receipt {
    let (price, quantity, mark) = (Kopecks(19_000), Quantity::ONE, None);
    let (vat, method, object) = (VatRate::Vat22, Method::FullPayment, Object::Commodity);
    let (name, amount, measure) = ("Суп дня".into(), price, Measure::Piece);
    let lines = vec![Line { name, price, quantity, amount, vat, method, object, measure, mark }];
    let (kind, notes, electronic) = (ReceiptKind::Sell, vec!["Заказ К-42".into()], false);
    let (basis, taxation, operator, contact, place) = (None, None, None, None, None);
    let paid = vec![Paid { tender: Tender::Card, amount }];
    Receipt { kind, basis, taxation, operator, contact, place, lines, paid, electronic, notes }
}
