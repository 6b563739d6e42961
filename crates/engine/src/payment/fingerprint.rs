//! Digests of typed requests: what must be the same when an id comes again (F1).
//!
//! Canonical CBOR of the fields in a fixed order. `attempt` stays out, so that an attempt is no
//! conflict with the one before. Stored for ever: change nothing here without a new tag.

use minicbor::Encoder;
use tillway_core::book::Refusal;
use tillway_core::id::{AccountId, Fingerprint, HoldId, OrderId, Uuid};
use tillway_core::money::Kopecks;
use tillway_core::port::{CaptureRequest, RefundRequest, ReserveRequest, UnlinkedRequest};

struct Digest(Encoder<Vec<u8>>);

impl Digest {
    fn new(tag: &str) -> Self {
        let digest = Self(Encoder::new(Vec::with_capacity(192)));
        digest.text(tag)
    }

    // Writing into a Vec cannot fail, so the results carry nothing.
    fn text(mut self, text: &str) -> Self {
        let _ = self.0.str(text);
        self
    }

    fn id(mut self, id: Uuid) -> Self {
        let _ = self.0.bytes(id.as_bytes());
        self
    }

    fn maybe_id(mut self, id: Option<Uuid>) -> Self {
        match id {
            Some(id) => self.id(id),
            None => {
                let _ = self.0.null();
                self
            }
        }
    }

    fn money(mut self, amount: Kopecks) -> Self {
        let _ = self.0.i64(amount.0);
        self
    }

    fn number(mut self, number: u64) -> Self {
        let _ = self.0.u64(number);
        self
    }

    /// What the edge found wrong is part of the request: its repeat must be wrong alike.
    fn refuse(mut self, refuse: Option<&Refusal>) -> Self {
        if let Some(refusal) = refuse {
            let _ = self.0.encode(refusal);
        }
        self
    }

    fn done(self) -> Fingerprint {
        Fingerprint::of(&self.0.into_writer())
    }
}

fn terms(digest: Digest, order: OrderId, wallet: AccountId, epoch: u32) -> Digest {
    digest.id(order.0).id(wallet.0).number(u64::from(epoch))
}

pub(super) fn capture(request: &CaptureRequest) -> Fingerprint {
    let digest = terms(Digest::new("capture"), request.order, request.wallet, request.epoch);
    digest
        .money(request.amount)
        .money(request.total)
        .maybe_id(request.hold.map(|HoldId(id)| id))
        .id(request.payment_type)
        .refuse(request.refuse.as_ref())
        .done()
}

pub(super) fn reserve(request: &ReserveRequest) -> Fingerprint {
    let digest = terms(Digest::new("reserve"), request.order, request.wallet, request.epoch);
    digest
        .money(request.amount)
        .money(request.total)
        .maybe_id(request.supersedes.map(|HoldId(id)| id))
        .number(request.ttl.map_or(0, |ttl| ttl.as_secs()))
        .refuse(request.refuse.as_ref())
        .done()
}

pub(super) fn refund(request: &RefundRequest) -> Fingerprint {
    Digest::new("refund")
        .id(request.of.0)
        .money(request.amount)
        .money(request.before)
        .refuse(request.refuse.as_ref())
        .done()
}

pub(super) fn unlinked(request: &UnlinkedRequest) -> Fingerprint {
    Digest::new("unlinked")
        .maybe_id(request.order.map(|o| o.0))
        .id(request.payment_type)
        .money(request.amount)
        .money(request.before.unwrap_or(Kopecks(-1)))
        .refuse(request.refuse.as_ref())
        .done()
}
