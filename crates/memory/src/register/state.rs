//! The register's state and its rules.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use tillway_core::fiscal::{
    Answer, Ask, DocumentKind, Expected, Finding, Mark, Paid, Receipt, ReceiptKind, Registered,
    Search, Tender,
};
use tillway_core::id::Uuid;
use tillway_core::port::fiscal::{
    Attempt, Capabilities, Cause, Fiscal, FiscalOutcome, Found, KindTotal, RegisterError, Shift,
    ShiftState, ShiftTotals,
};
use tillway_core::{Kopecks, Timestamp};

use super::Mishap;
use super::paper::{self, Printed, Tape};

/// How long a shift may be open.
const SHIFT_MAX: Duration = Duration::from_secs(24 * 3_600);

/// A register.
#[derive(Debug)]
pub(super) struct State {
    pub(super) capabilities: Capabilities,
    /// The serial number of the fiscal memory.
    pub(super) memory: Box<str>,
    written: Vec<Written>,
    /// Since when the shift is open.
    opened: Option<Timestamp>,
    shift: u32,
    pub(super) open: Option<Open>,
    /// The documents of the attempts it has seen.
    pub(super) ids: BTreeMap<Uuid, u32>,
    /// The document whose paper is not finished.
    pub(super) unfinished: Option<u32>,
    pub(super) paper: bool,
    pub(super) link: bool,
    pub(super) power: bool,
    pub(super) mishaps: VecDeque<Mishap>,
    pub(super) tape: Tape,
}

/// A receipt that is open.
#[derive(Debug)]
pub(super) struct Open {
    by: Uuid,
    receipt: Receipt,
}

/// A document of the memory.
#[derive(Debug)]
struct Written {
    registered: Registered,
    receipt: Option<Receipt>,
}

fn no(cause: Cause) -> RegisterError {
    RegisterError::new(cause, "")
}

impl State {
    pub(super) fn new(capabilities: Capabilities) -> Self {
        Self {
            capabilities,
            memory: "9999000000000001".into(),
            written: Vec::new(),
            opened: None,
            shift: 0,
            open: None,
            ids: BTreeMap::new(),
            unfinished: None,
            paper: true,
            link: true,
            power: true,
            mishaps: VecDeque::new(),
            tape: Tape::default(),
        }
    }

    pub(super) fn documents(&self) -> Vec<Registered> {
        let unprinted = |number| self.unfinished == Some(number);
        let now = |written: &Written| {
            let number = written.registered.number;
            Registered { unprinted: unprinted(number), ..written.registered.clone() }
        };
        self.written.iter().map(now).collect()
    }

    pub(super) fn mark(&self, at: Timestamp) -> Mark {
        let last = self.written.last().map_or(0, |written| written.registered.number);
        Mark { memory: self.memory.clone(), last, at, operations: None }
    }

    pub(super) fn shift(&self, now: Timestamp) -> Shift {
        let state = match self.opened {
            None => ShiftState::Closed,
            Some(at) if now.since(at) >= SHIFT_MAX => ShiftState::Expired,
            Some(_) => ShiftState::Open,
        };
        let expires = self.opened.map(|at| at.after(SHIFT_MAX));
        Shift { state, number: self.shift, expires }
    }

    pub(super) fn replace_memory(&mut self, serial: &str) {
        self.memory = serial.into();
        self.written.clear();
        self.ids.clear();
        (self.opened, self.open, self.unfinished) = (None, None, None);
    }

    /// Sums of the shift, added up from the documents of the memory.
    pub(super) fn totals(&self) -> ShiftTotals {
        let mut totals = ShiftTotals { shift: self.shift, ..ShiftTotals::default() };
        for written in &self.written {
            let Some(receipt) = &written.receipt else { continue };
            let (total, paid) = (written.registered.total.unwrap_or_default(), given(receipt));
            let cash = sum_of(&paid, Tender::Cash);
            let (kind, drawer) = match receipt.kind {
                ReceiptKind::Sell => (Some(&mut totals.sell), totals.drawer.add(cash)),
                ReceiptKind::SellReturn => (Some(&mut totals.sell_return), totals.drawer.sub(cash)),
                ReceiptKind::Buy => (None, totals.drawer.sub(cash)),
                ReceiptKind::BuyReturn => (None, totals.drawer.add(cash)),
            };
            totals.drawer = drawer.unwrap_or(totals.drawer);
            if let Some(kind) = kind.filter(|_| written.registered.shift == Some(self.shift)) {
                count(kind, total, &paid);
            }
        }
        totals
    }

    /// Writes a document under an attempt, if that is new.
    pub(super) fn register(&mut self, id: Uuid, what: &Fiscal, now: Timestamp) -> FiscalOutcome {
        if let Some(known) = self.known(id) {
            let same = (known.kind, known.total) == likeness(what);
            return if same {
                FiscalOutcome::Written(Box::new(known))
            } else {
                FiscalOutcome::NotWritten(no(Cause::Conflict))
            };
        }
        if self.mishaps.front() == Some(&Mishap::LostRequest) {
            self.mishaps.pop_front();
            return FiscalOutcome::InDoubt(no(Cause::Link));
        }
        if let Err(error) = self.may_write(what, now) {
            return FiscalOutcome::NotWritten(error);
        }
        if self.mishaps.front() == Some(&Mishap::PowerBefore) {
            self.mishaps.pop_front();
            (self.power, self.open) = (false, None);
            return FiscalOutcome::InDoubt(no(Cause::Link));
        }
        match self.write(Some(id), what, now) {
            Ok(registered) => self.answer(registered),
            Err(error) => FiscalOutcome::NotWritten(error),
        }
    }

    /// What the host hears of a document that was written.
    fn answer(&mut self, registered: Registered) -> FiscalOutcome {
        let number = registered.number;
        match self.mishaps.pop_front() {
            Some(Mishap::PaperEnds) => {
                self.unfinish(number);
                self.paper = false;
                let unprinted = self.unfinished.is_some();
                FiscalOutcome::Written(Box::new(Registered { unprinted, ..registered }))
            }
            Some(Mishap::PowerAfter) => {
                self.unfinish(number);
                self.power = false;
                FiscalOutcome::InDoubt(no(Cause::Link))
            }
            Some(Mishap::LostAnswer) => FiscalOutcome::InDoubt(no(Cause::Link)),
            _ => FiscalOutcome::Written(Box::new(registered)),
        }
    }

    /// The paper of the document is not finished, if it was to have any.
    fn unfinish(&mut self, number: u32) {
        if self.tape.take_back(Printed::Document(number)) {
            self.unfinished = Some(number);
        }
    }

    /// Whether the register takes this document now.
    fn may_write(&self, what: &Fiscal, now: Timestamp) -> Result<(), RegisterError> {
        let electronic = matches!(what, Fiscal::Receipt(receipt) if receipt.electronic);
        if !electronic {
            self.may_print()?;
        } else if self.unfinished.is_some() {
            return Err(no(Cause::Interrupted));
        }
        if self.open.is_some() {
            return Err(no(Cause::ReceiptOpen));
        }
        match (what, self.shift(now).state) {
            (Fiscal::OpenShift(_), ShiftState::Closed) => Ok(()),
            (Fiscal::OpenShift(_), ShiftState::Open | ShiftState::Expired) => {
                Err(no(Cause::ShiftOpen))
            }
            (Fiscal::CloseShift(_) | Fiscal::Receipt(_), ShiftState::Closed) => {
                Err(no(Cause::ShiftClosed))
            }
            (Fiscal::Receipt(_), ShiftState::Expired) => Err(no(Cause::ShiftExpired)),
            (Fiscal::Receipt(receipt), ShiftState::Open) => self.has_the_money(receipt),
            (Fiscal::CloseShift(_) | Fiscal::Exchange(_), _) => Ok(()),
        }
    }

    fn has_the_money(&self, receipt: &Receipt) -> Result<(), RegisterError> {
        let out = matches!(receipt.kind, ReceiptKind::SellReturn | ReceiptKind::Buy);
        let cash = sum_of(&given(receipt), Tender::Cash);
        if out && cash > self.totals().drawer { Err(no(Cause::Money)) } else { Ok(()) }
    }

    /// Signs and prints a document, of an attempt or of another program.
    pub(super) fn write(
        &mut self,
        id: Option<Uuid>,
        what: &Fiscal,
        now: Timestamp,
    ) -> Result<Registered, RegisterError> {
        self.may_write(what, now)?;
        let number = self.mark(now).last.checked_add(1).ok_or_else(|| no(Cause::Memory))?;
        let (kind, total) = likeness(what);
        let mut registered = Registered {
            sign: Some(number.wrapping_mul(2_654_435_761)),
            at: Some(now),
            memory: Some(self.memory.clone()),
            registration: Some("0000000000000001".into()),
            total,
            ..Registered::new(kind, number)
        };
        let mut receipt = None;
        match what {
            Fiscal::OpenShift(_) => {
                self.shift = self.shift.saturating_add(1);
                self.opened = Some(now);
            }
            Fiscal::CloseShift(_) => {
                registered.receipts = Some(self.receipts());
                self.opened = None;
            }
            Fiscal::Receipt(one) => {
                registered.receipt = Some(self.receipts().saturating_add(1));
                registered.operation = id
                    .filter(|_| self.capabilities.operations)
                    .map(|id| id.to_string().into_boxed_str());
                receipt = Some((**one).clone());
            }
            Fiscal::Exchange(_) => {}
        }
        registered.shift = Some(self.shift);
        if !receipt.as_ref().is_some_and(|receipt| receipt.electronic) {
            let lines = paper::document(&registered, receipt.as_ref());
            self.tape.print(Printed::Document(number), lines);
        }
        self.ids.extend(id.map(|id| (id, number)));
        self.written.push(Written { registered: registered.clone(), receipt });
        Ok(registered)
    }

    /// Receipts of the shift.
    fn receipts(&self) -> u32 {
        let of_shift = |written: &&Written| {
            written.receipt.is_some() && written.registered.shift == Some(self.shift)
        };
        u32::try_from(self.written.iter().filter(of_shift).count()).unwrap_or(u32::MAX)
    }

    /// The document of an attempt, when the register takes ids.
    fn known(&self, id: Uuid) -> Option<Registered> {
        let number = self.ids.get(&id).filter(|_| self.capabilities.ids)?;
        self.documents().into_iter().find(|document| document.number == *number)
    }

    pub(super) fn find(&self, attempt: &Attempt, what: &Fiscal, now: Timestamp) -> Found {
        let (kind, total) = likeness(what);
        if let Some(known) = self.known(attempt.id) {
            let same = (known.kind, known.total) == (kind, total);
            return if same { Found::Written(Box::new(known)) } else { Found::NotWritten };
        }
        let named = self.capabilities.operations && matches!(what, Fiscal::Receipt(_));
        let operation = named.then(|| attempt.id.to_string().into_boxed_str());
        let expected = Expected { kind, total, until: now, operation };
        let others = self.ids.iter().filter(|_| self.capabilities.ids);
        let claimed = others.filter(|(id, _)| **id != attempt.id).map(|(_, number)| *number);
        let mut search = Search::new(expected, attempt.before.clone(), claimed.collect());
        let documents = self.documents();
        loop {
            let answer = match search.next() {
                Ask::Last => Answer::Last { mark: self.mark(now), idle: self.open.is_none() },
                Ask::Document(number) => {
                    match documents.iter().find(|document| document.number == number) {
                        Some(document) => Answer::Document(Box::new(document.clone())),
                        None => Answer::Unreadable,
                    }
                }
                Ask::Nothing(Finding::Written(found)) => return Found::Written(found),
                Ask::Nothing(Finding::NotWritten) => return Found::NotWritten,
                Ask::Nothing(Finding::Busy) => return Found::NotYet(no(Cause::ReceiptOpen)),
                Ask::Nothing(Finding::Person(evidence)) => return Found::Person(evidence),
            };
            search.answer(answer);
        }
    }

    pub(super) fn open_receipt(
        &mut self,
        id: Uuid,
        receipt: &Receipt,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        if !self.capabilities.open_receipt {
            return Err(no(Cause::Unsupported));
        }
        self.may_write(&Fiscal::Receipt(Box::new(receipt.clone())), now)?;
        self.open = Some(Open { by: id, receipt: receipt.clone() });
        Ok(())
    }

    pub(super) fn close_receipt(
        &mut self,
        id: Uuid,
        paid: &[Paid],
        now: Timestamp,
    ) -> FiscalOutcome {
        if self.mishaps.front() == Some(&Mishap::LostRequest) {
            self.mishaps.pop_front();
            return FiscalOutcome::InDoubt(no(Cause::Link));
        }
        let open = match self.open.take() {
            Some(open) if open.by == id => open,
            other => {
                self.open = other;
                return FiscalOutcome::NotWritten(no(Cause::NoReceipt));
            }
        };
        let receipt = Receipt { paid: paid.to_vec(), ..open.receipt.clone() };
        match receipt.check(&self.capabilities.limits) {
            Ok(_) => self.register(id, &Fiscal::Receipt(Box::new(receipt)), now),
            Err(error) => {
                self.open = Some(open);
                self.annul();
                FiscalOutcome::NotWritten(error.into())
            }
        }
    }

    pub(super) fn annul(&mut self) {
        if self.open.take().is_some() {
            self.tape.print(Printed::Annulled, vec!["ЧЕК АННУЛИРОВАН".to_owned()]);
        }
    }

    pub(super) fn may_print(&self) -> Result<(), RegisterError> {
        if self.unfinished.is_some() {
            return Err(no(Cause::Interrupted));
        }
        if self.paper { Ok(()) } else { Err(no(Cause::Paper)) }
    }

    pub(super) fn report_x(&mut self, now: Timestamp) -> Result<(), RegisterError> {
        self.may_print()?;
        if self.open.is_some() {
            return Err(no(Cause::ReceiptOpen));
        }
        if self.shift(now).state == ShiftState::Closed {
            return Err(no(Cause::ShiftClosed));
        }
        let totals = self.totals();
        let line =
            |name: &str, kind: &KindTotal| format!("{name} {} ={}", kind.count, kind.sum.rubles());
        let lines = vec![
            format!("X-ОТЧЁТ  СМЕНА {}", totals.shift),
            line("ПРИХОД", &totals.sell),
            line("ВОЗВРАТ ПРИХОДА", &totals.sell_return),
            format!("НАЛИЧНЫЕ ={}", totals.drawer.rubles()),
        ];
        self.tape.print(Printed::ReportX, lines);
        Ok(())
    }

    pub(super) fn print_again(&mut self, number: u32) -> Result<(), RegisterError> {
        self.may_print()?;
        let mut all = self.written.iter();
        let Some(written) = all.find(|written| written.registered.number == number) else {
            return Err(RegisterError::new(Cause::BadTask, format!("no document {number}")));
        };
        let mut lines = vec!["КОПИЯ".to_owned()];
        lines.extend(paper::document(&written.registered, written.receipt.as_ref()));
        self.tape.print(Printed::Copy(number), lines);
        Ok(())
    }

    pub(super) fn continue_print(&mut self) -> Result<(), RegisterError> {
        let Some(number) = self.unfinished else { return Ok(()) };
        if !self.paper {
            return Err(no(Cause::Paper));
        }
        self.unfinished = None;
        let mut all = self.written.iter();
        if let Some(written) = all.find(|written| written.registered.number == number) {
            let lines = paper::document(&written.registered, written.receipt.as_ref());
            self.tape.print(Printed::Document(number), lines);
        }
        Ok(())
    }
}

/// What a document looks like in the memory: kind and total.
fn likeness(what: &Fiscal) -> (DocumentKind, Option<Kopecks>) {
    match what {
        Fiscal::OpenShift(_) => (DocumentKind::OpenShift, None),
        Fiscal::CloseShift(_) => (DocumentKind::CloseShift, None),
        Fiscal::Exchange(_) => (DocumentKind::Exchange, None),
        Fiscal::Receipt(receipt) => {
            let kind = match &receipt.basis {
                None => DocumentKind::Receipt(receipt.kind),
                Some(_) => DocumentKind::Correction(receipt.kind),
            };
            (kind, receipt.total().ok())
        }
    }
}

/// What was paid, less the change that is given from the cash.
fn given(receipt: &Receipt) -> Vec<Paid> {
    let all = Kopecks::total(receipt.paid.iter().map(|paid| paid.amount)).unwrap_or_default();
    let mut change = all.sub(receipt.total().unwrap_or(all)).unwrap_or_default();
    let mut paid = receipt.paid.clone();
    for one in paid.iter_mut().filter(|one| one.tender == Tender::Cash) {
        let back = change.min(one.amount);
        one.amount = one.amount.sub(back).unwrap_or_default();
        change = change.sub(back).unwrap_or_default();
    }
    paid
}

fn sum_of(paid: &[Paid], tender: Tender) -> Kopecks {
    let of = paid.iter().filter(|one| one.tender == tender);
    Kopecks::total(of.map(|one| one.amount)).unwrap_or_default()
}

fn count(kind: &mut KindTotal, total: Kopecks, paid: &[Paid]) {
    kind.count = kind.count.saturating_add(1);
    kind.sum = kind.sum.add(total).unwrap_or(kind.sum);
    for tender in [Tender::Cash, Tender::Card, Tender::Prepaid, Tender::Credit, Tender::Other] {
        let amount = sum_of(paid, tender);
        match kind.paid.iter_mut().find(|one| one.tender == tender) {
            Some(one) => one.amount = one.amount.add(amount).unwrap_or(one.amount),
            None if amount.is_zero() => {}
            None => kind.paid.push(Paid { tender, amount }),
        }
    }
    kind.paid.sort_by_key(|one| one.tender);
}
