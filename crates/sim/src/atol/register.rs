//! The register: power, link, shift, the open receipt, and the points where things fail.
//!
//! The commands are those of the low-level interface. A document goes through seven points:
//!
//! ```text
//! P0 gate ▸ P1 opened ▸ P2 lines ▸ P3 close reaches the register ▸ [the memory signs]
//!         ▸ P4 signed ▸ P5 printing ▸ P6 the answer leaves
//! ```
//!
//! Before the signature nothing is fiscal; after it everything is, whatever the host is told.

use std::time::Duration;

use tillway_core::Kopecks;

use super::Code;
use super::fault::{Current, Fault, Point, Trouble, Troubles};
use super::marks::Marks;
use super::memory::{Body, Item, Made, Memory, Sale};
use super::printer::{Print, Printer};
use super::settings::Settings;
use super::tape;

/// How long a shift may be open.
pub const SHIFT_MAX_MS: i64 = 24 * 3_600 * 1_000;

/// A register. It has no clock of its own: [`Register::advance`] moves its time.
#[derive(Clone, Debug)]
pub struct Register {
    /// What it is, and how it behaves where nobody knows how a real one does.
    pub settings: Settings,
    /// Its fiscal memory.
    pub memory: Memory,
    /// Its printer.
    pub printer: Printer,
    now: i64,
    powered: bool,
    /// For how many more calls there is no link; `u32::MAX` until somebody plugs it in.
    unlinked: u32,
    shift: Shift,
    totals: Totals,
    open: Option<Sale>,
    unfinished: Option<Unfinished>,
    /// Whether the last document that was closed was signed, and printed.
    closed: Option<Closed>,
    faults: Troubles,
    current: Current,
    /// Who has logged in: name and tax number.
    operator: Option<(String, Option<String>)>,
    /// The last document opened the shift by itself.
    auto_opened: bool,
    held_by: Option<u64>,
    marks: Marks,
    lost_answers: Option<LostAnswers>,
}

/// One answer in two is lost on its way to the library, but for calls of these names.
#[derive(Clone, Copy, Debug)]
struct LostAnswers {
    dice: u64,
    spared: &'static [&'static str],
}

/// A shift.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Shift {
    /// When it was opened; `None` when it is closed.
    pub opened: Option<i64>,
    /// Its number; of the last one when closed.
    pub number: u32,
    /// Receipts in it.
    pub receipts: u32,
    /// Documents in it.
    pub documents: u32,
}

/// Sums of the shift, by kind of receipt: sale, return, purchase, return of a purchase.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// How many, how much, and by tender.
    pub kinds: [KindTotal; 4],
    /// Cash in the drawer.
    pub drawer: Kopecks,
    /// Cash that was put in.
    pub income: Moved,
    /// Cash that was taken out.
    pub outcome: Moved,
}

/// Cash that was moved without a receipt.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moved {
    /// How many times.
    pub count: u32,
    /// How much.
    pub sum: Kopecks,
}

/// Receipts of one kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct KindTotal {
    /// How many.
    pub count: u32,
    /// Their sum.
    pub sum: Kopecks,
    /// By tender: cash, card, prepaid, credit, other.
    pub paid: [Kopecks; 5],
}

/// A document whose paper is not finished.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unfinished {
    /// Its number.
    pub document: u32,
    /// What every other document is refused with until it is finished.
    pub code: Code,
}

/// What became of the last close.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Closed {
    /// The document, when it was signed.
    pub document: Option<u32>,
    /// Its paper is finished.
    pub printed: bool,
}

/// A document that was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Written {
    /// Its number.
    pub number: u32,
    /// Its paper is finished.
    pub printed: bool,
}

impl Register {
    /// A register that was set up, with a closed shift, at this time on the wall.
    pub fn new(settings: Settings, now: i64) -> Self {
        let memory = Memory::new(&settings.memory);
        let printer = Printer::new(settings.width);
        Self {
            settings,
            memory,
            printer,
            now,
            powered: true,
            unlinked: 0,
            shift: Shift::default(),
            totals: Totals::default(),
            open: None,
            unfinished: None,
            closed: None,
            faults: Troubles::default(),
            current: Current::default(),
            operator: None,
            auto_opened: false,
            held_by: None,
            marks: Marks::default(),
            lost_answers: None,
        }
    }

    /// The register's clock.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// The shift.
    pub fn shift(&self) -> Shift {
        self.shift
    }

    /// Open for 24 hours or longer.
    pub fn is_expired(&self) -> bool {
        self.shift.opened.is_some_and(|opened| self.now.saturating_sub(opened) >= SHIFT_MAX_MS)
    }

    /// Sums of the shift.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The receipt that is open.
    pub fn open(&self) -> Option<&Sale> {
        self.open.as_ref()
    }

    /// The document whose paper is not finished.
    pub fn unfinished(&self) -> Option<&Unfinished> {
        self.unfinished.as_ref()
    }

    /// Time passes.
    pub fn advance(&mut self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.now = self.now.saturating_add(ms);
        self.memory.exchange();
    }

    /// Somebody sets the clock; possible with a closed shift only.
    pub fn set_clock(&mut self, now: i64) -> Result<(), Code> {
        self.reach()?;
        if self.shift.opened.is_some() {
            return Err(Code::DENIED_IN_OPENED_SHIFT);
        }
        self.now = now;
        Ok(())
    }

    /// Puts another fiscal memory in, with nothing in it: numbers begin anew. Possible with a
    /// closed shift only; the power is off meanwhile, so an unfinished print is lost.
    ///
    /// # Errors
    /// [`Code::DENIED_IN_OPENED_SHIFT`].
    pub fn replace_memory(&mut self, serial: &str) -> Result<(), Code> {
        if self.shift.opened.is_some() {
            return Err(Code::DENIED_IN_OPENED_SHIFT);
        }
        self.memory = Memory::new(serial);
        (self.unfinished, self.closed, self.open) = (None, None, None);
        let drawer = self.totals.drawer;
        (self.shift, self.totals) = (Shift::default(), Totals { drawer, ..Totals::default() });
        self.printer.begin_roll();
        Ok(())
    }

    /// What goes wrong the next time a document comes to this point.
    pub fn inject(&mut self, at: Point, fault: Fault) {
        self.faults.push(Trouble::once(at, fault));
    }

    /// What goes wrong, how often, and for whom.
    pub fn inject_when(&mut self, trouble: Trouble) {
        self.faults.push(trouble);
    }

    /// From now on the register does what the driver's library calls, and every answer is lost
    /// with probability 1/2, by this seed; but for those to functions that are spared
    /// (`open_receipt`; `read` is a JSON task that writes no document), and to `close`, which ends
    /// at the library.
    pub fn lose_answers(&mut self, seed: u64, spared: &'static [&'static str]) {
        self.lost_answers = Some(LostAnswers { dice: seed, spared });
    }

    /// Loses no answers any more.
    pub fn keep_answers(&mut self) {
        self.lost_answers = None;
    }

    /// Whether the answer to this function of the library is lost.
    pub(super) fn loses_answer(&mut self, function: &str) -> bool {
        let Some(lost) = &mut self.lost_answers else { return false };
        if matches!(function, "close" | "control") || lost.spared.contains(&function) {
            return false;
        }
        lost.dice = lost.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        lost.dice >> 63 == 0
    }

    /// Faults that have not happened.
    pub fn pending_faults(&self) -> usize {
        self.faults.len()
    }

    /// Takes the register for one client; every other one finds the port busy. Faces do this when
    /// their client opens the register; the calls themselves do not ask.
    ///
    /// # Errors
    /// [`Code::PORT_BUSY`] while another client holds it.
    pub fn hold(&mut self, client: u64) -> Result<(), Code> {
        match self.held_by {
            Some(other) if other != client => Err(Code::PORT_BUSY),
            _ => {
                self.held_by = Some(client);
                Ok(())
            }
        }
    }

    /// Gives the register back; nothing for a client that does not hold it.
    pub fn release(&mut self, client: u64) {
        if self.held_by == Some(client) {
            self.held_by = None;
        }
    }

    /// Who prints from now on: name and tax number.
    pub fn login(&mut self, operator: Option<(String, Option<String>)>) {
        self.operator = operator;
    }

    /// Whether the last receipt, or the last cash, opened the shift by itself.
    pub fn shift_auto_opened(&self) -> bool {
        self.auto_opened
    }

    /// The cable is in, and there is power.
    pub fn is_linked(&self) -> bool {
        self.powered && self.unlinked == 0
    }

    /// The check of marking codes.
    pub(super) fn marks(&mut self) -> &mut Marks {
        &mut self.marks
    }

    /// Whose document is written next.
    pub(super) fn current(&mut self) -> &mut Current {
        &mut self.current
    }

    /// Plugs the cable in, or out.
    pub fn link(&mut self, up: bool) {
        self.unlinked = if up { 0 } else { u32::MAX };
    }

    /// Switches it on or off. What was open is annulled at the start.
    pub fn power(&mut self, on: bool) {
        let starts = on && !self.powered;
        self.powered = on;
        if starts && self.open.is_some() {
            self.annul();
        }
    }

    /// Whether a call reaches the register.
    pub fn reach(&mut self) -> Result<(), Code> {
        if !self.powered {
            return Err(Code::NO_CONNECTION);
        }
        match self.unlinked {
            0 => Ok(()),
            u32::MAX => Err(Code::NO_CONNECTION),
            calls => {
                self.unlinked = calls.saturating_sub(1);
                Err(Code::NO_CONNECTION)
            }
        }
    }

    /// Opens a shift, on paper.
    pub fn open_shift(&mut self) -> Result<Written, Code> {
        self.open_shift_as(false)
    }

    /// Opens a shift, on paper or without.
    pub fn open_shift_as(&mut self, electronic: bool) -> Result<Written, Code> {
        self.closed = None;
        self.gate(!electronic, false)?;
        if self.shift.opened.is_some() {
            return Err(Code::DENIED_IN_OPENED_SHIFT);
        }
        self.begin()?;
        let number = self.shift.number.saturating_add(1);
        let opened = Some(self.now);
        let code = Code::OPEN_SHIFT_INTERRUPTED;
        self.write(Body::OpenShift, electronic, code, |register| {
            register.shift = Shift { opened, number, receipts: 0, documents: 0 };
            let drawer = register.totals.drawer;
            register.totals = Totals { drawer, ..Totals::default() };
        })
    }

    /// Closes the shift, an expired one too, on paper.
    pub fn close_shift(&mut self) -> Result<Written, Code> {
        self.close_shift_as(false)
    }

    /// Closes the shift, on paper or without.
    pub fn close_shift_as(&mut self, electronic: bool) -> Result<Written, Code> {
        self.closed = None;
        self.gate(!electronic, true)?;
        if self.open.is_some() {
            return Err(Code::DENIED_IN_OPENED_RECEIPT);
        }
        if self.shift.opened.is_none() {
            return Err(Code::DENIED_IN_CLOSED_SHIFT);
        }
        self.begin()?;
        let receipts = self.shift.receipts;
        let code = Code::CLOSE_SHIFT_INTERRUPTED;
        self.write(Body::CloseShift { receipts }, electronic, code, |register| {
            register.shift.opened = None;
            if register.settings.drawer_emptied_at_close {
                register.totals.drawer = Kopecks::ZERO;
            }
        })
    }

    /// A report on the exchange with the OFD, on paper or without.
    pub fn exchange_report(&mut self, electronic: bool) -> Result<Written, Code> {
        self.closed = None;
        self.gate(!electronic, true)?;
        self.begin()?;
        self.write(Body::Exchange, electronic, Code::EXCHANGE_REPORT_INTERRUPTED, |_| {})
    }

    /// Opens a receipt. In a closed shift the register opens the shift by itself, or refuses.
    pub fn open_receipt(&mut self, sale: Sale) -> Result<(), Code> {
        self.auto_opened = false;
        self.closed = None;
        self.gate(!sale.electronic, false)?;
        if self.open.is_some() {
            return Err(Code::DENIED_IN_OPENED_RECEIPT);
        }
        if self.is_expired() {
            return Err(self.settings.expired_code);
        }
        if self.shift.opened.is_none() {
            if !self.settings.opens_shift {
                return Err(Code::DENIED_IN_CLOSED_SHIFT);
            }
            self.open_shift_by_itself(sale.electronic)?;
        }
        let known = self.settings.taxations.iter();
        if sale.taxation.is_some() && !known.clone().any(|t| Some(t) == sale.taxation.as_ref()) {
            return Err(Code::INVALID_TAXATION_TYPE);
        }
        self.begin()?;
        self.closed = None;
        let operator = self.operator.as_ref().map(|(name, _)| name.clone());
        self.open = Some(Sale { operator: sale.operator.or(operator), ..sale });
        Ok(())
    }

    /// Registers a line.
    pub fn line(&mut self, item: Item) -> Result<(), Code> {
        self.reach()?;
        let fault = self.at(Point::P2);
        if self.open.is_none() {
            return Err(Code::DENIED_IN_CLOSED_RECEIPT);
        }
        if !self.settings.rates.contains(&item.vat) {
            return Err(Code::INVALID_TAX_TYPE);
        }
        item.check()?;
        match fault {
            Some(Fault::Paper) => {
                self.printer.paper = 0;
                self.annul();
                return Err(Code::NO_PAPER);
            }
            Some(other) => return Err(self.break_down(other)),
            None => {}
        }
        if let Some(sale) = &mut self.open {
            sale.total = sale.total.add(item.amount).map_err(|_| Code::INVALID_TOTAL)?;
            sale.items.push(item);
        }
        Ok(())
    }

    /// Sets a total that is lower than the sum of the lines, by kopecks only.
    pub fn total(&mut self, total: Kopecks) -> Result<(), Code> {
        self.reach()?;
        let sale = self.open.as_mut().ok_or(Code::DENIED_IN_CLOSED_RECEIPT)?;
        let less = sale.total.sub(total).map_err(|_| Code::INVALID_TOTAL)?;
        if less < Kopecks::ZERO || less >= Kopecks(100) {
            return Err(Code::INVALID_TOTAL);
        }
        sale.total = total;
        Ok(())
    }

    /// Takes a payment: tender 0 cash, 1 card, 2 prepaid, 3 credit, 4 other. What is not cash has to
    /// fit into what cash has left, so that it comes first; the driver's scripts sort it so, and
    /// that the register minds is our choice.
    pub fn pay(&mut self, tender: usize, amount: Kopecks) -> Result<(), Code> {
        self.reach()?;
        let sale = self.open.as_mut().ok_or(Code::DENIED_IN_CLOSED_RECEIPT)?;
        let sum = sale.paid.get_mut(tender).ok_or(Code::INVALID_TOTAL)?;
        *sum = sum.add(amount).map_err(|_| Code::INVALID_TOTAL)?;
        let [cash, noncash @ ..] = sale.paid;
        let cash = if tender == 0 { Kopecks::ZERO } else { cash };
        let taken = Kopecks::total(noncash).and_then(|noncash| noncash.add(cash));
        if taken.is_ok_and(|taken| taken > sale.total) {
            return Err(Code::NONCASH_TOO_MUCH);
        }
        Ok(())
    }

    /// Closes the receipt: it is signed, or annulled, or stays open.
    pub fn close_receipt(&mut self) -> Result<Written, Code> {
        self.reach()?;
        self.closed = Some(Closed { document: None, printed: false });
        let sale = self.open.clone().ok_or(Code::DENIED_IN_CLOSED_RECEIPT)?;
        if self.is_expired() {
            return Err(self.settings.expired_code);
        }
        let paid = Kopecks::total(sale.paid).map_err(|_| Code::INVALID_TOTAL)?;
        if paid < sale.total {
            return Err(Code::NOT_FULLY_PAID);
        }
        let [cash, ..] = sale.paid;
        let given = cash.sub(paid.sub(sale.total).unwrap_or(cash)).unwrap_or(Kopecks::ZERO);
        if matches!(sale.kind, 2 | 3) && given > self.totals.drawer {
            return Err(Code::NO_CASH);
        }
        let number = self.shift.receipts.saturating_add(1);
        let sale = Sale { number, ..sale };
        let (body, electronic) = (Body::Receipt(Box::new(sale.clone())), sale.electronic);
        let written = self.write(body, electronic, Code::CLOSE_RECEIPT_INTERRUPTED, |register| {
            register.open = None;
            register.shift.receipts = number;
            register.count(&sale, given);
        });
        if written == Err(Code::NO_PAPER) {
            self.annul();
        }
        written
    }

    fn count(&mut self, sale: &Sale, cash: Kopecks) {
        let Some(kind) = self.totals.kinds.get_mut(usize::from(sale.kind.saturating_sub(1))) else {
            return;
        };
        let sum = |a: Kopecks, b: Kopecks| a.add(b).unwrap_or(a);
        kind.count = kind.count.saturating_add(1);
        kind.sum = sum(kind.sum, sale.total);
        let [_, rest @ ..] = sale.paid;
        let [of_cash, of_rest @ ..] = &mut kind.paid;
        *of_cash = sum(*of_cash, cash);
        for (total, paid) in of_rest.iter_mut().zip(rest) {
            *total = sum(*total, paid);
        }
        let drawer = self.totals.drawer;
        self.totals.drawer = match sale.kind {
            1 | 4 => sum(drawer, cash),
            _ => drawer.sub(cash).unwrap_or(drawer),
        };
    }

    /// Annuls the open receipt.
    pub fn cancel_receipt(&mut self) -> Result<(), Code> {
        self.reach()?;
        if let Some(unfinished) = &self.unfinished {
            return Err(unfinished.code);
        }
        if self.open.is_none() {
            return Err(Code::DENIED_IN_CLOSED_RECEIPT);
        }
        self.annul();
        Ok(())
    }

    /// What became of the last close.
    pub fn check_closed(&mut self) -> Result<Closed, Code> {
        self.reach()?;
        let closed = self.closed.filter(|_| self.open.is_none());
        Ok(closed.unwrap_or(Closed { document: None, printed: false }))
    }

    /// Prints the rest of a document.
    pub fn continue_print(&mut self) -> Result<(), Code> {
        self.reach()?;
        let Some(unfinished) = self.unfinished.clone() else {
            let code = Code::DENIED_IN_CLOSED_RECEIPT;
            return if self.settings.nothing_to_print_is_81 { Err(code) } else { Ok(()) };
        };
        let number = unfinished.document;
        let lines = self.render(number);
        self.printer.ready()?;
        self.printer.print(Print::Document(number), &lines)?;
        self.unfinished = None;
        if let Some(closed) = &mut self.closed {
            closed.printed = true;
        }
        Ok(())
    }

    /// Prints the X report: no document.
    pub fn report_x(&mut self) -> Result<(), Code> {
        self.gate(true, false)?;
        if self.open.is_some() {
            return Err(Code::DENIED_IN_OPENED_RECEIPT);
        }
        if self.shift.opened.is_none() && !self.settings.x_in_closed_shift {
            return Err(Code::DENIED_IN_CLOSED_SHIFT);
        }
        let lines = tape::report_x(self);
        self.printer.print(Print::ReportX, &lines)
    }

    /// Prints text.
    pub fn print_text(&mut self, lines: &[String]) -> Result<(), Code> {
        self.gate(true, false)?;
        self.printer.print(Print::Text, lines)
    }

    /// Prints a document once more.
    pub fn print_copy(&mut self, number: u32) -> Result<(), Code> {
        self.gate(true, false)?;
        self.memory.document(number).ok_or(Code::FN_NO_MORE_DATA)?;
        let mut lines = vec![tape::middle("КОПИЯ", self.printer.width)];
        lines.extend(self.render(number));
        self.printer.print(Print::Copy(number), &lines)
    }

    /// Puts cash in or takes it out; the second with a negative amount.
    pub fn move_cash(&mut self, amount: Kopecks) -> Result<Kopecks, Code> {
        self.auto_opened = false;
        self.gate(true, false)?;
        if self.is_expired() {
            return Err(Code::SHIFT_EXPIRED);
        }
        if self.shift.opened.is_none() {
            self.open_shift_by_itself(false)?;
        }
        let drawer = self.totals.drawer.add(amount).map_err(|_| Code::INVALID_TOTAL)?;
        if drawer < Kopecks::ZERO {
            return Err(Code::NO_CASH);
        }
        self.totals.drawer = drawer;
        let (moved, sum) = match amount.is_positive() {
            true => (&mut self.totals.income, amount),
            false => (&mut self.totals.outcome, amount.neg().unwrap_or(amount)),
        };
        moved.count = moved.count.saturating_add(1);
        moved.sum = moved.sum.add(sum).unwrap_or(moved.sum);
        Ok(drawer)
    }

    /// What was to come next waits until the report is printed.
    fn open_shift_by_itself(&mut self, electronic: bool) -> Result<(), Code> {
        self.open_shift_as(electronic)?;
        self.auto_opened = true;
        self.unfinished.as_ref().map_or(Ok(()), |unfinished| Err(unfinished.code))
    }

    /// What stands before every document, in the order of the note (10.2).
    fn gate(&mut self, prints: bool, closing: bool) -> Result<(), Code> {
        self.reach()?;
        match self.at(Point::P0) {
            Some(Fault::Paper) => self.printer.paper = 0,
            Some(other) => return Err(self.break_early(other)),
            None => {}
        }
        self.memory.ready(self.now, closing)?;
        if let Some(unfinished) = &self.unfinished {
            return Err(unfinished.code);
        }
        if prints { self.printer.ready() } else { Ok(()) }
    }

    fn begin(&mut self) -> Result<(), Code> {
        match self.at(Point::P1) {
            None => Ok(()),
            Some(Fault::Paper) => {
                self.printer.paper = 0;
                Err(Code::NO_PAPER)
            }
            Some(other) => Err(self.break_early(other)),
        }
    }

    /// Signs and prints a document; `after` is what the signature changes.
    fn write(
        &mut self,
        body: Body,
        electronic: bool,
        code: Code,
        after: impl FnOnce(&mut Self),
    ) -> Result<Written, Code> {
        match self.at(Point::P3) {
            Some(Fault::Paper) => {
                self.printer.paper = 0;
                return Err(Code::NO_PAPER);
            }
            Some(Fault::Memory { signed: true }) => {
                let document = self.sign(body, electronic, after);
                // The register learns of it from the memory afterwards, and prints it then.
                if !electronic {
                    self.unfinished = Some(Unfinished { document, code });
                }
                return Err(Code::FN_EXCHANGE);
            }
            Some(other) => return Err(self.break_down(other)),
            None => {}
        }
        let number = self.sign(body, electronic, after);
        let broken = self.at(Point::P4).or_else(|| self.at(Point::P5));
        let lines = self.render(number);
        let printed = match broken {
            Some(Fault::Paper | Fault::Power) if !electronic => {
                self.printer.tear(Print::Document(number), &lines);
                false
            }
            _ => electronic || self.printer.print(Print::Document(number), &lines).is_ok(),
        };
        if !printed {
            self.unfinished = Some(Unfinished { document: number, code });
        }
        self.closed = Some(Closed { document: Some(number), printed });
        match broken {
            Some(Fault::Paper) => self.printer.paper = 0,
            Some(other) => return Err(self.break_down(other)),
            None => {}
        }
        match self.at(Point::P6) {
            Some(Fault::Paper) | None => Ok(Written { number, printed }),
            Some(other) => Err(self.break_down(other)),
        }
    }

    fn sign(&mut self, body: Body, electronic: bool, after: impl FnOnce(&mut Self)) -> u32 {
        let opens = matches!(body, Body::OpenShift);
        let shift = self.shift.number.saturating_add(u32::from(opens));
        let operator = self.operator.as_ref().map(|(name, _)| name.clone());
        let made = Made { at: self.now, shift, electronic, operator };
        let number = self.memory.sign(made, body);
        after(self);
        self.shift.documents = self.shift.documents.saturating_add(1);
        self.memory.exchange();
        number
    }

    /// Takes the fault of this point, if there is one.
    fn at(&mut self, point: Point) -> Option<Fault> {
        self.faults.take(point, &self.current)
    }

    /// Before anything was sent, the driver finds no register at all.
    fn break_early(&mut self, fault: Fault) -> Code {
        match self.break_down(fault) {
            Code::CONNECTION_LOST => Code::NO_CONNECTION,
            other => other,
        }
    }

    fn break_down(&mut self, fault: Fault) -> Code {
        match fault {
            Fault::Paper => {
                self.printer.paper = 0;
                Code::NO_PAPER
            }
            Fault::Link { calls } => {
                self.unlinked = calls;
                Code::CONNECTION_LOST
            }
            Fault::Power => {
                self.powered = false;
                Code::CONNECTION_LOST
            }
            Fault::Memory { .. } => Code::FN_EXCHANGE,
        }
    }

    fn annul(&mut self) {
        if let Some(sale) = self.open.take() {
            let lines = tape::annulled(&sale, self.printer.width);
            // Paper may have run out: then the guest sees nothing, and nothing was fiscal.
            let _ = self.printer.print(Print::Annulled, &lines);
        }
    }

    fn render(&self, number: u32) -> Vec<String> {
        let document = self.memory.document(number);
        document.map_or_else(Vec::new, |document| tape::document(document, self))
    }
}
