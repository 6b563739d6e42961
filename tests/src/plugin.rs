//! The plugin's side of the bridge, played by hand over HTTP.

use serde_json::Value;

use crate::venue::{Answer, Venue, Wire};

/// The plugin of one till.
#[derive(Debug)]
pub struct Plugin {
    wire: Wire,
    bearer: String,
}

/// A command as it came.
#[derive(Clone, Debug)]
pub struct Command(pub Value);

impl Plugin {
    /// The plugin of this till; tills count from 1.
    pub fn of(venue: &Venue, till: usize) -> Self {
        let bearer = format!("Bearer till-{till}-secret");
        Self { wire: Wire::to(venue.address(till)), bearer }
    }

    /// Any call of the payment API.
    pub fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let headers = [("Authorization", self.bearer.as_str())];
        self.wire.ask(method, &format!("/pos/v1{path}"), &headers, body)
    }

    /// Waits for commands. The test's clock stands, so the poll ends by a command alone.
    pub fn fetch(&mut self) -> Vec<Command> {
        let answer = self.ask("GET", "/commands?wait=25", "");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["commands"].as_array().unwrap().iter().cloned().map(Command).collect()
    }

    /// Waits for a command of this kind that is not this one.
    pub fn fetch_new(&mut self, kind: &str, than: &str) -> Command {
        loop {
            let mut commands = self.fetch().into_iter();
            if let Some(found) = commands.find(|c| c.kind() == kind && c.id() != than) {
                return found;
            }
        }
    }

    /// The one command that waits; there must be one alone, of this kind.
    pub fn fetch_one(&mut self, kind: &str) -> Command {
        let mut commands = self.fetch();
        assert_eq!(commands.len(), 1, "{commands:?}");
        let command = commands.remove(0);
        assert_eq!(command.kind(), kind, "{command:?}");
        command
    }

    /// Whether nothing waits now.
    pub fn is_idle(&mut self) -> bool {
        self.ask("GET", "/commands?wait=0", "").status == 204
    }

    /// Tells what became of a command.
    pub fn tell(&mut self, command: &Command, outcome: &str) -> Answer {
        let body = format!(r#"{{"outcome":"{outcome}"}}"#);
        self.ask("POST", &format!("/commands/{}/result", command.id()), &body)
    }

    /// Tells that a command is done, which must be welcome.
    pub fn done(&mut self, command: &Command) {
        let answer = self.tell(command, "done");
        assert_eq!(answer.status, 204, "{answer:?}");
    }
}

impl Command {
    /// Its id.
    pub fn id(&self) -> &str {
        self.0["commandId"].as_str().unwrap()
    }

    /// `bindGuest`, `unbindGuest` or `verifyPayment`.
    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap()
    }
}
