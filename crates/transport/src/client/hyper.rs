//! The client over sockets. Plain HTTP for now.
#![cfg(feature = "tokio")]

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;

use super::exchange::exchange;
use super::{HttpTransport, TransportError};
use crate::runtime::Runtime;

/// Settings of a [`HyperClient`]. Limits of single requests are in
/// [`RequestLimits`](super::RequestLimits).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientConfig {
    /// How long an unused connection is kept. Must be below the peer's idle timeout, or a
    /// request may meet a connection that is just being closed. Default 30 s.
    pub idle_timeout: Duration,
    /// How many unused connections per peer are kept. Default 8.
    pub idle_connections_max: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self { idle_timeout: Duration::from_secs(30), idle_connections_max: 8 }
    }
}

/// [`HttpTransport`] over TCP with a pool of kept connections. Cheap to clone.
///
/// Only `http` URIs; any other scheme is [`NotSent`](TransportError::NotSent).
#[derive(Clone)]
pub struct HyperClient {
    client: Client<HttpConnector, Full<Bytes>>,
    runtime: Runtime,
}

impl HyperClient {
    /// A client on this runtime. Names are resolved and sockets opened through tokio, so
    /// requests must be sent inside a tokio runtime.
    #[must_use]
    pub fn new(config: &ClientConfig, runtime: Runtime) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(runtime.clone())
            .timer(runtime.clone())
            .pool_timer(runtime.clone())
            .pool_idle_timeout(config.idle_timeout)
            .pool_max_idle_per_host(config.idle_connections_max)
            .build(connector);
        Self { client, runtime }
    }
}

#[async_trait]
impl HttpTransport for HyperClient {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        exchange(&self.client, &self.runtime, request).await
    }
}

impl fmt::Debug for HyperClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperClient").finish_non_exhaustive()
    }
}
