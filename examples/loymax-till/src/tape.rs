//! The receipts of the till: a simulated register of ATOL, and the paper that came out of it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tillway::atol::{AtolWeb, WebConfig};
use tillway::core::Kopecks;
use tillway::core::fiscal::{
    Line, Measure, Method, Object, Paid, Receipt, ReceiptKind, Registered, Slip, SlipItem, Tender,
    VatRate,
};
use tillway::core::loyalty::receipt::{self, Position};
use tillway::core::loyalty::{Answer, Cheque, Goods, Pay};
use tillway::core::port::fiscal::{Attempt, Fiscal, FiscalOutcome, FiscalRegister, ShiftState};
use tillway::core::port::{Clock, IdSource};
use tillway::runtime::RandomIds;
use tillway::sim::atol::{Register, Settings, SharedRegister, web};

type Failure = Box<dyn Error + Send + Sync>;

/// The least that is paid with money where points are taken.
const MIN_MONEY: Kopecks = Kopecks(100);

/// A register, and how much of its tape was shown.
pub struct Tape {
    register: SharedRegister,
    atol: AtolWeb,
    seen: usize,
}

impl Tape {
    /// A register whose shift is open.
    ///
    /// # Errors
    /// It is not to be had.
    pub async fn open(clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let now = clock.now().wall_ms();
        let register = SharedRegister::new(Register::new(Settings::default(), now));
        let config = web::WebConfig::new(web::Generation::V2WebRequests);
        let server = web::WebServer::new(config, Arc::clone(&clock));
        let server = Arc::new(server.device("till", "", register.clone()));
        let config = WebConfig::new("http://simulator");
        let atol = AtolWeb::try_new(config, server, clock, Arc::new(RandomIds))?;
        atol.probe().await?;
        let mut tape = Self { register, atol, seen: 0 };
        if tape.atol.shift().await?.state == ShiftState::Closed {
            tape.write(Fiscal::OpenShift(None)).await?;
        }
        tape.new_lines();
        Ok(tape)
    }

    /// Prints the receipt of a sale: discounts and points are in the amounts of its lines.
    ///
    /// # Errors
    /// What the processing said does not add up, or the register refuses.
    pub async fn sale(
        &mut self,
        cheque: &Cheque,
        paid: Option<&Answer>,
        pays: &[Pay],
        notes: Vec<SlipItem>,
    ) -> Result<Vec<String>, Failure> {
        let lines = receipt::lines(positions(cheque), cheque, paid, MIN_MONEY)?;
        self.receipt(ReceiptKind::Sell, lines, tenders(pays), notes).await
    }

    /// Prints the receipt of goods that came back, of which `money` is given back in cash.
    ///
    /// # Errors
    /// As [`Tape::sale`].
    pub async fn refund(
        &mut self,
        cheque: &Cheque,
        answer: Option<&Answer>,
        money: Kopecks,
        notes: Vec<SlipItem>,
    ) -> Result<Vec<String>, Failure> {
        let lines = receipt::lines(positions(cheque), cheque, answer, Kopecks::ZERO)?;
        let paid = vec![Paid { tender: Tender::Cash, amount: money }];
        self.receipt(ReceiptKind::SellReturn, lines, paid, notes).await
    }

    /// Prints what is no receipt.
    ///
    /// # Errors
    /// The register refuses.
    pub async fn slip(&mut self, slip: &Slip) -> Result<Vec<String>, Failure> {
        self.atol.print(slip).await?;
        Ok(self.new_lines())
    }

    async fn receipt(
        &mut self,
        kind: ReceiptKind,
        lines: Vec<Position>,
        paid: Vec<Paid>,
        notes: Vec<SlipItem>,
    ) -> Result<Vec<String>, Failure> {
        let lines = lines.into_iter().map(|(_, line)| line).collect();
        let (basis, taxation, operator, contact, place) = (None, None, None, None, None);
        let electronic = false;
        let receipt = Receipt {
            kind,
            basis,
            taxation,
            operator,
            contact,
            place,
            lines,
            paid,
            electronic,
            notes,
        };
        self.write(Fiscal::Receipt(Box::new(receipt))).await?;
        Ok(self.new_lines())
    }

    async fn write(&mut self, what: Fiscal) -> Result<Registered, Failure> {
        // A till keeps the attempt in its journal first: `layers::Guarded` does it.
        let attempt = Attempt { id: RandomIds.fresh(), before: self.atol.mark().await? };
        match self.atol.register(&attempt, &what).await {
            FiscalOutcome::Written(document) => Ok(*document),
            FiscalOutcome::NotWritten(error) => Err(error.into()),
            FiscalOutcome::InDoubt(error) => Err(format!("in doubt: {error}").into()),
        }
    }

    /// What came out of the printer since the last look.
    fn new_lines(&mut self) -> Vec<String> {
        let register = self.register.lock();
        let (pieces, seen) = register.printer.since(self.seen);
        let lines = pieces.iter().flat_map(|piece| piece.lines.iter().map(ToString::to_string));
        let lines = lines.collect();
        self.seen = seen;
        lines
    }
}

fn positions(cheque: &Cheque) -> Vec<Position> {
    let of = |line: &tillway::core::loyalty::Line| {
        let (Goods::Code(goods) | Goods::Barcode(goods)) = &line.goods;
        let fiscal = Line {
            name: line.name.clone().unwrap_or_else(|| goods.clone()),
            price: line.price.unwrap_or(line.amount),
            quantity: line.quantity,
            amount: line.amount,
            vat: VatRate::Vat22,
            method: Method::FullPayment,
            object: Object::Commodity,
            measure: Measure::Piece,
            mark: None,
        };
        (line.position, fiscal)
    };
    cheque.lines.iter().map(of).collect()
}

fn tenders(pays: &[Pay]) -> Vec<Paid> {
    let of = |pay: &Pay| {
        let tender = if &*pay.kind == "Cash" { Tender::Cash } else { Tender::Card };
        Paid { tender, amount: pay.amount }
    };
    pays.iter().map(of).collect()
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("seen", &self.seen).finish_non_exhaustive()
    }
}
