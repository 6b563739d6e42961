//! Operations that were done, so that none is done twice.

use super::{Code, Duplicates, Kind, Refusal, Reply, Request, Store};

/// How many operations are remembered; the oldest are forgotten.
const OPERATIONS_MAX: usize = 100_000;

/// An operation that was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// What it was.
    pub kind: Kind,
    /// Its purchase.
    pub purchase: Option<String>,
    /// The digest of the body it came in.
    pub digest: [u8; 32],
    /// What was answered.
    pub reply: Reply,
    /// How often it came again since, and was answered or refused.
    pub repeats: u32,
}

/// What a request came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Performed {
    /// What is answered.
    pub reply: Reply,
    /// It was done before, and was not done now.
    pub replayed: bool,
}

impl Store {
    pub(super) fn perform(&mut self, request: &Request) -> Result<Performed, Refusal> {
        self.admit(request)?;
        if let Some(done) = self.operations.get_mut(&request.operation) {
            done.repeats = done.repeats.saturating_add(1);
            let same = done.digest == request.digest && done.kind == request.command.kind();
            return if same && self.rules.duplicates == Duplicates::Replay {
                Ok(Performed { reply: done.reply.clone(), replayed: true })
            } else {
                let code = Code::NotUniqueOperationID;
                Err(Refusal::new(code, "Операция с таким номером уже была"))
            };
        }
        let reply = self.command(request)?;
        let done = Done {
            kind: request.command.kind(),
            purchase: request.command.purchase().map(str::to_owned),
            digest: request.digest,
            reply: reply.clone(),
            repeats: 0,
        };
        if self.done_order.len() >= OPERATIONS_MAX
            && let Some(oldest) = self.done_order.pop_front()
        {
            self.operations.remove(&oldest);
        }
        self.done_order.push_back(request.operation.clone());
        self.operations.insert(request.operation.clone(), done);
        Ok(Performed { reply, replayed: false })
    }

    /// Whether the till and its cashier may ask anything at all.
    fn admit(&self, request: &Request) -> Result<(), Refusal> {
        let Some(till) = self.tills.get(&request.till) else {
            return Err(Refusal::new(Code::DeviceNotFound, "Касса не найдена"));
        };
        if till.blocked {
            return Err(Refusal::new(Code::DeviceBlocked, "Касса заблокирована"));
        }
        let known = &self.rules.cashiers;
        let stranger =
            request.cashier.as_ref().is_some_and(|name| !known.is_empty() && !known.contains(name));
        if stranger {
            return Err(Refusal::new(Code::CashierNotFound, "Кассир не найден"));
        }
        Ok(())
    }
}
