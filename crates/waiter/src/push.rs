//! Push mode of the bridge: the poll's answer, sent to a listener in the plugin.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, Uri};
use secrecy::{ExposeSecret, SecretString};
use tillway_core::id::TillId;
use tillway_core::port::{BridgeCommand, BridgeError, GuestBridge, async_trait};
use tillway_transport::{HttpTransport, RequestLimits};

use crate::wire::bridge::{CommandOut, CommandsOut};

/// How long a listener may take: it only has to take the commands, not to carry them out.
const LIMITS: RequestLimits = RequestLimits {
    connect_timeout: Duration::from_secs(1),
    answer_timeout: Duration::from_secs(2),
    answer_bytes_max: 4_096,
};

/// A till whose plugin listens.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The till.
    pub till: TillId,
    /// Where its plugin listens: an absolute `http` URI on the till's own network.
    pub uri: Uri,
    /// What the plugin knows us by: the till's own token, sent as `Authorization: Bearer …`.
    pub token: SecretString,
}

/// Hands commands to the plugins of tills by `POST`: the body is that of `GET /pos/v1/commands`,
/// any 2xx says that the plugin has them. Results come to `/pos/v1/commands/{commandId}/result`.
#[derive(Debug)]
pub struct PushBridge {
    transport: Arc<dyn HttpTransport>,
    listeners: Vec<Listener>,
}

impl PushBridge {
    /// A bridge to these listeners.
    pub fn new(transport: Arc<dyn HttpTransport>, listeners: Vec<Listener>) -> Self {
        Self { transport, listeners }
    }
}

#[async_trait]
impl GuestBridge for PushBridge {
    async fn deliver(&self, till: &TillId, commands: &[BridgeCommand]) -> Result<(), BridgeError> {
        let listener = self.listeners.iter().find(|listener| listener.till == *till);
        let listener = listener.ok_or(BridgeError::NoTill)?;
        let commands = commands.iter().filter_map(CommandOut::of).collect();
        let body = serde_json::to_vec(&CommandsOut { commands });
        let body = body.map_err(|_| BridgeError::Unavailable)?;
        let token = format!("Bearer {}", listener.token.expose_secret());
        let mut token = HeaderValue::try_from(token).map_err(|_| BridgeError::Unavailable)?;
        token.set_sensitive(true);
        let request = Request::post(listener.uri.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, token)
            .extension(LIMITS)
            .body(Bytes::from(body))
            .map_err(|_| BridgeError::Unavailable)?;
        match self.transport.send(request).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => {
                tracing::warn!(%till, status = answer.status().as_u16(), "the plugin refuses");
                Err(BridgeError::Unavailable)
            }
            Err(error) => {
                tracing::debug!(%till, %error, "the plugin does not answer");
                Err(BridgeError::Unavailable)
            }
        }
    }
}
