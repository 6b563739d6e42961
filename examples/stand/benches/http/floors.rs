//! The least that could answer: bare hyper with the same bytes, and the smallest honest payment
//! server: axum before one SQLite writer that commits what waits.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use tillway_measure::Plan;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::venue::GUESTS;

/// As many as the store takes at once.
const BATCH_MAX: usize = 256;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    listener
}

fn folder(plan: &Plan) -> &Path {
    Path::new(plan.option("folder").unwrap())
}

/// Answers each path with the file of that name, and with 204 where there is none.
pub(crate) fn hyper(plan: &Plan) {
    let files = std::fs::read_dir(folder(plan)).unwrap().map(|file| {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (format!("/{name}"), Bytes::from(std::fs::read(path).unwrap()))
    });
    let files: Arc<BTreeMap<String, Bytes>> = Arc::new(files.collect());
    runtime().block_on(async {
        let listener = listen().await;
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let files = Arc::clone(&files);
            let service = service_fn(move |request: Request<Incoming>| {
                let body = files.get(request.uri().path()).cloned();
                async move { Ok::<_, Infallible>(answer(body)) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
}

fn answer(body: Option<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    match body {
        Some(body) => {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            answer.headers_mut().insert(header::CONTENT_TYPE, json);
            *answer.body_mut() = Full::new(body);
        }
        None => *answer.status_mut() = StatusCode::NO_CONTENT,
    }
    answer
}

#[derive(Deserialize)]
struct Movement {
    key: String,
    account: i64,
    amount: i64,
}

#[derive(Serialize)]
struct Moved {
    balance: i64,
}

type Task = (Movement, oneshot::Sender<Moved>);

/// One movement for each request: key, guarded debit, credit, all synced before the answer.
pub(crate) fn axum(plan: &Plan) {
    let db = Connection::open(folder(plan).join("floor.db")).unwrap();
    prepare(&db);
    let (tasks, waiting) = channel::<Task>();
    std::thread::spawn(move || write(&db, &waiting));
    let router = Router::new().route("/movements", post(movement)).with_state(tasks);
    runtime().block_on(async {
        let listener = listen().await;
        let nodelay = axum::serve::ListenerExt::tap_io(listener, |stream| {
            stream.set_nodelay(true).unwrap();
        });
        axum::serve(nodelay, router).await.unwrap();
    });
}

async fn movement(
    State(tasks): State<Sender<Task>>,
    Json(movement): Json<Movement>,
) -> Json<Moved> {
    let (sender, done) = oneshot::channel();
    tasks.send((movement, sender)).unwrap();
    Json(done.await.unwrap())
}

fn prepare(db: &Connection) {
    db.execute_batch(
        "PRAGMA journal_mode = wal; PRAGMA synchronous = full;
         CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL) STRICT;
         CREATE TABLE keys (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
         CREATE TABLE movements (id INTEGER PRIMARY KEY, debit INTEGER NOT NULL,
             credit INTEGER NOT NULL, amount INTEGER NOT NULL) STRICT;",
    )
    .unwrap();
    // The last one is the house's.
    for id in 0..=GUESTS {
        let id = i64::try_from(id).unwrap();
        db.execute("INSERT INTO accounts VALUES (?1, 1000000000000)", [id]).unwrap();
    }
}

fn write(db: &Connection, waiting: &Receiver<Task>) {
    let run = |sql, params: &[&dyn rusqlite::ToSql]| {
        db.prepare_cached(sql).unwrap().execute(params).unwrap()
    };
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(BATCH_MAX - 1));
        run("BEGIN IMMEDIATE", &[]);
        let mut moved = Vec::with_capacity(batch.len());
        for (movement, _) in &batch {
            moved.push(one(db, movement));
        }
        run("COMMIT", &[]);
        for ((_, done), moved) in batch.into_iter().zip(moved) {
            // Nobody may wait any more.
            let _ = done.send(moved);
        }
    }
}

fn one(db: &Connection, movement: &Movement) -> Moved {
    let house = i64::try_from(GUESTS).unwrap();
    let Movement { key, account, amount } = movement;
    let new = db.prepare_cached("INSERT INTO keys VALUES (?1) ON CONFLICT DO NOTHING").unwrap();
    let (mut new, debit) = (
        new,
        "UPDATE accounts SET balance = balance - ?2 WHERE id = ?1 AND \
                                  balance >= ?2 RETURNING balance",
    );
    assert_eq!(new.execute([key]).unwrap(), 1, "each key is new");
    let mut debit = db.prepare_cached(debit).unwrap();
    let balance = debit.query_row(params![account, amount], |row| row.get(0)).unwrap();
    let credit = "UPDATE accounts SET balance = balance + ?2 WHERE id = ?1";
    db.prepare_cached(credit).unwrap().execute(params![house, amount]).unwrap();
    let post = "INSERT INTO movements (debit, credit, amount) VALUES (?1, ?2, ?3)";
    db.prepare_cached(post).unwrap().execute(params![account, house, amount]).unwrap();
    Moved { balance }
}
