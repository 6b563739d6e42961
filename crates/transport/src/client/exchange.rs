//! One request and its answer over hyper-util's pooled client, whatever the connector.

use std::pin::pin;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper_util::client::legacy::connect::{CaptureConnection, Connect, capture_connection};
use hyper_util::client::legacy::{Client, Error};

use super::{Cause, RequestLimits, TransportError};
use crate::body::{BodyError, read_body};
use crate::runtime::Runtime;

pub(super) async fn exchange<C>(
    client: &Client<C, Full<Bytes>>,
    runtime: &Runtime,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, TransportError>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let limits = RequestLimits::of(&request);
    let whole = request.uri().scheme().is_some() && request.uri().authority().is_some();
    if !whole || request.version() > Version::HTTP_11 {
        return Err(TransportError::not_sent(Cause::Request, None));
    }
    let mut request = request.map(Full::new);
    let mut connection = capture_connection(&mut request);
    // Once a connection is captured the request may be on the wire; before, it certainly is not.
    let connected = connection.clone();
    let mut answer = pin!(client.request(request));
    let early = tokio::select! {
        biased;
        answer = &mut answer => Some(answer),
        _ = connection.wait_for_connection_metadata() => None,
        () = runtime.sleep(limits.connect_timeout) => {
            return Err(TransportError::not_sent(Cause::TimedOut, None));
        }
    };
    let whole = async {
        let response = match early {
            Some(answer) => answer,
            None => answer.await,
        };
        let (head, body) = response.map_err(|error| translate(error, &connected))?.into_parts();
        let body = read_body(body, limits.answer_bytes_max).await.map_err(unreadable)?;
        Ok(Response::from_parts(head, body))
    };
    tokio::select! {
        biased;
        whole = whole => whole,
        () = runtime.sleep(limits.answer_timeout) => {
            Err(TransportError::unknown(Cause::TimedOut, None))
        }
    }
}

fn translate(error: Error, connected: &CaptureConnection) -> TransportError {
    // The second covers a connection that breaks between being made and being given the request.
    if error.is_connect() || connected.connection_metadata().is_none() {
        return TransportError::not_sent(Cause::Connect, Some(error.into()));
    }
    TransportError::unknown(Cause::Broken, Some(error.into()))
}

fn unreadable(error: BodyError) -> TransportError {
    let cause = match error {
        BodyError::TooLarge { .. } => Cause::TooLarge,
        BodyError::TimedOut { .. } => Cause::TimedOut,
        BodyError::Broken(_) => Cause::Broken,
    };
    TransportError::unknown(cause, Some(error.into()))
}
