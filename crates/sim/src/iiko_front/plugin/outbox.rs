//! The plugin's folder of small files: the only memory of the plugin that survives a power cut.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tillway_core::id::Uuid;
use tillway_core::{Kopecks, Timestamp};

/// What a record is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum RecordKind {
    /// A capture is on its way, or done and not acknowledged.
    Sending,
    /// A capture must be undone.
    Cancel,
    /// A payment was returned.
    Refund,
    /// A return without a payment.
    UnlinkedRefund,
    /// The order was closed.
    Closed,
    /// A guest must be detached on the till, without a PIN.
    Unbind,
}

/// One file of the outbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// What it is about.
    pub kind: RecordKind,
    /// The order.
    pub order: Option<Uuid>,
    /// The payment, or the client of an `Unbind`.
    pub subject: Option<Uuid>,
    /// How much.
    pub amount: Kopecks,
    /// Where the request goes.
    pub path: String,
    /// The exact body.
    pub body: String,
    /// When it was written.
    pub since: Timestamp,
}

impl Record {
    /// Records of the same name replace each other: a cancel takes the place of its capture.
    fn is_same_file(&self, other: &Self) -> bool {
        let payment = |kind| matches!(kind, RecordKind::Sending | RecordKind::Cancel);
        if payment(self.kind) && payment(other.kind) {
            return self.subject == other.subject;
        }
        (self.kind, self.order, self.subject, &self.path)
            == (other.kind, other.order, other.subject, &other.path)
    }
}

/// The folder. A write is whole and synced, or it did not happen.
#[derive(Debug, Default)]
pub(super) struct Outbox(Mutex<Files>);

#[derive(Debug, Default)]
struct Files {
    written: u64,
    records: BTreeMap<u64, Record>,
    dead: Vec<Record>,
    /// Every transaction id that was ever written: these payments are the plugin's own.
    known: BTreeSet<Uuid>,
    /// Orders whose close was delivered.
    told: BTreeSet<Uuid>,
}

impl Outbox {
    /// Writes and syncs; a record of the same name is replaced where it stands.
    pub(super) fn write(&self, record: Record) {
        let mut files = self.lock();
        if record.kind == RecordKind::Sending {
            files.known.extend(record.subject);
        }
        let same = files.records.iter().find(|(_, old)| old.is_same_file(&record));
        let place = same.map(|(place, _)| *place).unwrap_or(files.written);
        files.written += 1;
        files.records.insert(place, record);
    }

    /// Deletes the record, unless another one has taken its place.
    pub(super) fn delete(&self, record: &Record) {
        self.take(record);
    }

    /// Moves the record to the folder `dead`.
    pub(super) fn bury(&self, record: &Record) {
        if let Some(record) = self.take(record) {
            self.lock().dead.push(record);
        }
    }

    fn take(&self, record: &Record) -> Option<Record> {
        let mut files = self.lock();
        let place =
            files.records.iter().find(|(_, one)| *one == record).map(|(place, _)| *place)?;
        files.records.remove(&place)
    }

    /// The records in the order of their making, of one order or of all.
    pub(super) fn records(&self, order: Option<Uuid>) -> Vec<Record> {
        let files = self.lock();
        let wanted = |record: &&Record| order.is_none() || record.order == order;
        files.records.values().filter(wanted).cloned().collect()
    }

    pub(super) fn dead(&self) -> Vec<Record> {
        self.lock().dead.clone()
    }

    pub(super) fn of_payment(&self, transaction: Uuid) -> Option<Record> {
        let files = self.lock();
        let payment = |kind| matches!(kind, RecordKind::Sending | RecordKind::Cancel);
        let mine = |one: &&Record| payment(one.kind) && one.subject == Some(transaction);
        files.records.values().find(mine).cloned()
    }

    pub(super) fn has(&self, kind: RecordKind, order: Uuid) -> bool {
        self.lock().records.values().any(|one| one.kind == kind && one.order == Some(order))
    }

    pub(super) fn is_known(&self, transaction: Uuid) -> bool {
        self.lock().known.contains(&transaction)
    }

    pub(super) fn note_told(&self, order: Uuid) {
        self.lock().told.insert(order);
    }

    pub(super) fn is_told(&self, order: Uuid) -> bool {
        self.lock().told.contains(&order)
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
