//! The clients against the server loop, and faults on purpose.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use support::{Odd, config, on_socket, sleep, spawn};
use tillway_transport::client::{ClientConfig, HyperClient, MemoryClient, MemoryNet};
use tillway_transport::fault::{Fault, FaultyTransport, Nth};
use tillway_transport::{Cause, HttpTransport, RequestLimits, Runtime, TransportError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

fn request(uri: &str) -> Request<Bytes> {
    Request::post(uri).body(Bytes::from_static(b"hello")).unwrap()
}

fn net() -> (MemoryNet, Odd, MemoryClient) {
    let net = MemoryNet::new(config(), Runtime::tokio());
    let service = Odd::default();
    let served = service.clone();
    net.register("Peer:8080", move |_| Some(served.clone()));
    let client = net.client(support::FRIEND.parse().unwrap());
    (net, service, client)
}

fn outcome(error: &TransportError) -> (bool, Cause) {
    (error.is_in_doubt(), error.cause())
}

#[tokio::test(start_paused = true)]
async fn memory_carries_requests_over_kept_connections() {
    let (_net, service, client) = net();
    for _ in 0..3 {
        let answer = client.send(request("http://peer:8080/a")).await.unwrap();
        assert_eq!(answer.body(), "POST /a hello");
        assert_eq!(answer.headers()["content-length"], "13");
    }
    assert_eq!(service.calls(), 3);
    let dynamic: std::sync::Arc<dyn HttpTransport> = std::sync::Arc::new(client);
    let answer = dynamic.send(request("http://peer:8080/ignore")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn memory_survives_the_idle_time_of_the_server() {
    let (_net, _service, client) = net();
    for _ in 0..2 {
        client.send(request("http://peer:8080/a")).await.unwrap();
        sleep(Duration::from_secs(200)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_unsent_request_is_known_to_be_unsent() {
    let (net, service, client) = net();
    for uri in ["http://nobody/a", "http://peer/a"] {
        let error = client.send(request(uri)).await.unwrap_err();
        assert_eq!(outcome(&error), (false, Cause::Connect), "{uri}");
    }
    let error = client.send(request("/a")).await.unwrap_err();
    assert_eq!(outcome(&error), (false, Cause::Request));
    assert!(net.remove("peer:8080"));
    assert!(!net.remove("peer:8080"));
    let error = client.send(request("http://peer:8080/a")).await.unwrap_err();
    assert_eq!(outcome(&error), (false, Cause::Connect));
    assert_eq!(service.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_in_doubt() {
    let (net, service, client) = net();
    let error = client.send(request("http://peer:8080/hang")).await.unwrap_err();
    assert_eq!(outcome(&error), (true, Cause::TimedOut));

    let mut large = request("http://peer:8080/big");
    RequestLimits { answer_bytes_max: 100, ..RequestLimits::default() }.attach(&mut large);
    let error = client.send(large).await.unwrap_err();
    assert_eq!(outcome(&error), (true, Cause::TooLarge));

    let running = client.clone();
    let running = spawn(async move { running.send(request("http://peer:8080/hang")).await });
    sleep(Duration::from_secs(1)).await;
    net.remove("peer:8080");
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(outcome(&error), (true, Cause::Broken));
    assert_eq!(service.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn faults_happen_as_planned() {
    let timed_out = Err((true, Cause::TimedOut));
    let rows = [
        (Fault::Pass, Ok("POST /a hello"), 1),
        (Fault::Refuse, Err((false, Cause::Connect)), 0),
        (Fault::LoseRequest, timed_out, 0),
        (Fault::LoseAnswer, timed_out, 1),
        (Fault::SendTwice, Ok("POST /a hello"), 2),
        (Fault::TruncateAnswer { bytes: 4 }, Ok("POST"), 1),
        (Fault::TruncateAnswer { bytes: 99 }, Ok("POST /a hello"), 1),
    ];
    for (fault, expected, calls) in rows {
        let (_net, service, client) = net();
        let faulty = FaultyTransport::new(client, Nth { nth: 1, fault });
        faulty.send(request("http://peer:8080/before")).await.unwrap();
        let answer = faulty.send(request("http://peer:8080/a")).await;
        assert_eq!(service.calls(), 1 + calls, "{fault:?}");
        match (answer, expected) {
            (Ok(answer), Ok(body)) => {
                assert_eq!(answer.body(), body, "{fault:?}");
                assert_eq!(answer.headers()["content-length"], *body.len().to_string());
            }
            (Err(error), Err(expected)) => assert_eq!(outcome(&error), expected, "{fault:?}"),
            (answer, _) => panic!("{fault:?}: {answer:?}"),
        }
        faulty.send(request("http://peer:8080/after")).await.unwrap();
        assert_eq!(faulty.sent(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_closure_is_a_plan() {
    let (_net, _service, client) = net();
    let plan = |request: &Request<Bytes>, _: u64| match request.uri().path() {
        "/b" => Fault::LoseAnswer,
        _ => Fault::Pass,
    };
    let faulty = FaultyTransport::new(client, plan);
    assert!(faulty.send(request("http://peer:8080/a")).await.is_ok());
    assert!(faulty.send(request("http://peer:8080/b")).await.unwrap_err().is_in_doubt());
}

#[tokio::test]
async fn sockets_carry_requests() {
    let (_server, address) = on_socket(config()).await;
    let client = HyperClient::new(&ClientConfig::default(), Runtime::tokio());
    for _ in 0..3 {
        let answer = client.send(request(&format!("http://{address}/a"))).await.unwrap();
        assert_eq!(answer.body(), "POST /a hello");
    }
    let error = client.send(request(&format!("https://{address}/a"))).await.unwrap_err();
    assert!(!error.is_in_doubt());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_peer_that_does_not_accept_is_given_up() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    // The queue takes one connection; the next ones wait for a place in it.
    let _queued = TcpStream::connect(address).await.unwrap();
    let mut request = request(&format!("http://{address}/a"));
    let connect_timeout = Duration::from_millis(50);
    RequestLimits { connect_timeout, ..RequestLimits::default() }.attach(&mut request);
    let client = HyperClient::new(&ClientConfig::default(), Runtime::tokio());
    let error = client.send(request).await.unwrap_err();
    assert_eq!(outcome(&error), (false, Cause::TimedOut));
    assert!(error.is_temporary());
}

#[tokio::test]
async fn a_peer_that_does_not_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut request = request(&format!("http://{}/a", listener.local_addr().unwrap()));
    let answer_timeout = Duration::from_millis(50);
    RequestLimits { answer_timeout, ..RequestLimits::default() }.attach(&mut request);
    let client = HyperClient::new(&ClientConfig::default(), Runtime::tokio());
    let error = client.send(request).await.unwrap_err();
    assert_eq!(outcome(&error), (true, Cause::TimedOut));
}

#[tokio::test]
async fn sockets_tell_unsent_from_in_doubt() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/a", listener.local_addr().unwrap());
    let client = HyperClient::new(&ClientConfig::default(), Runtime::tokio());
    for lost in ["", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "nonsense\r\n\r\n"] {
        let peer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Some of the request is on this side now; what the peer does with it, nobody knows.
            assert!(stream.read(&mut [0; 10]).await.unwrap() > 0);
            stream.write_all(lost.as_bytes()).await.unwrap();
        };
        let (answer, ()) = tokio::join!(client.send(request(&uri)), peer);
        let error = answer.unwrap_err();
        assert_eq!(outcome(&error), (true, Cause::Broken), "{lost:?} {error:?}");
    }
    drop(listener);
    let error = client.send(request(&uri)).await.unwrap_err();
    assert_eq!(outcome(&error), (false, Cause::Connect));
}
