//! Limits of the server loop.

use std::time::Duration;

/// Limits of the server loop. Every one has a safe default.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerConfig {
    /// From the first byte of a request to the end of its head; then 408 and close.
    /// Default 10 s.
    pub header_read_timeout: Duration,
    /// From the moment the service asks for the body to its last byte; then
    /// [`BodyError::TimedOut`](crate::BodyError::TimedOut) and close. Default 10 s.
    pub body_read_timeout: Duration,
    /// How long a connection may wait for the first byte of its next request, then it is closed.
    /// Default 120 s: above the 100 s after which .NET Framework closes its pooled connections,
    /// so that the client, not we, closes first.
    pub idle_timeout: Duration,
    /// How long a peer may take not a single byte of an answer, then the connection is dropped.
    /// Default 10 s.
    pub write_timeout: Duration,
    /// How long a peer that does not take an answer at once may take for all of it, then the
    /// connection is dropped. Default 60 s.
    pub answer_timeout: Duration,
    /// After a refusal: how long unread bytes are read and forgotten, so that the peer gets to
    /// read the answer before the connection is gone. Default 1 s.
    pub linger_timeout: Duration,
    /// Request line and headers together, in bytes; more is 431 and close. Default 16 KiB.
    pub header_bytes_max: usize,
    /// The body of a request in bytes. More announced is 413 and close, more coming is
    /// [`BodyError::TooLarge`](crate::BodyError::TooLarge). Default 64 KiB.
    pub body_bytes_max: usize,
    /// An answer whose length is not known beforehand is collected up to this many bytes, so
    /// that it never goes out chunked; more is 500. Default 8 MiB.
    pub response_bytes_max: usize,
    /// How many connections are open at once; more wait in the listener's queue. When all are
    /// open, room is made: those are closed that keep us waiting, for a first request at all, or
    /// for a second for anything else. Those of peers that are not accepted go first, then who
    /// has kept us waiting longest; a request that the service works on is never cut. Default 256.
    pub connections_max: usize,
    /// After the stop signal: how long running requests may take. Then they are dropped and
    /// answered 503, for whose taking there is `linger_timeout`. Default 10 s.
    pub drain_timeout: Duration,
    /// Whether answers carry `Date`, which hyper takes from the system's clock. Default `true`;
    /// simulations say `false`, so that two runs give the same bytes.
    pub date_header: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            header_read_timeout: Duration::from_secs(10),
            body_read_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            write_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(60),
            linger_timeout: Duration::from_secs(1),
            header_bytes_max: 16 * 1024,
            body_bytes_max: 64 * 1024,
            response_bytes_max: 8 * 1024 * 1024,
            connections_max: 256,
            drain_timeout: Duration::from_secs(10),
            date_header: true,
        }
    }
}
