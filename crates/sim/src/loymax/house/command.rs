//! Which command does what.

use super::{Code, Refusal, Reply, Request, Store};

impl Store {
    pub(super) fn command(&mut self, request: &Request) -> Result<Reply, Refusal> {
        let _ = request;
        Err(Refusal::new(Code::SystemError, "Команда не выполнена"))
    }
}
