//! Row 25 for real: the program is killed while a message is on its way, and is started again on
//! the same journal.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tillway::core::port::{Clock, Spawner};
use tillway::core::{Kopecks, Timestamp};
use tillway::runtime::{TokioClock, TokioSpawner};
use tillway::sim::loymax::house::{ClientId, Duplicates, Kind, OperationAuth, State};
use tillway::sim::loymax::{Fault, Processing, Step};
use tillway::transport::Runtime;
use tillway::transport::server::{Server, ServerConfig};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

const CARD: &str = "2990000000019";
const PIN: &str = "48210936";
const PASSWORD: &str = "Zamok-7731";

/// Discounts, points, money.
const SALE: &str = "\
карта 2990000000019
товар SKU-1001 Чай 150 2
штрихкод 4600000000015 Сыр 80 1.250
купон SPRING-20
итог
списать 100 48210936
оплата Cash=200 Card=70
";

/// How long an event is waited for before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

const SIGKILL: i32 = 9;

/// Time of the machine. Who sleeps is a processing whose answer hangs: that is told.
#[derive(Debug)]
struct Hanging {
    time: TokioClock,
    hangs: SyncSender<()>,
}

#[async_trait]
impl Clock for Hanging {
    fn now(&self) -> Timestamp {
        self.time.now()
    }

    fn ticks(&self) -> Duration {
        self.time.ticks()
    }

    async fn sleep(&self, _: Duration) {
        let _ = self.hangs.try_send(());
        std::future::pending().await
    }
}

/// A processing behind a socket, and the folder of a till.
struct Venue {
    processing: Processing,
    hangs: Receiver<()>,
    address: String,
    folder: TempDir,
}

impl Venue {
    async fn open(duplicates: Duplicates) -> Self {
        let (hung, hangs) = sync_channel(1);
        let clock = Hanging { time: TokioClock::new(), hangs: hung };
        let processing = Processing::demo(Arc::new(clock));
        processing.house().with(|store| {
            store.rules.duplicates = duplicates;
            store.cards.get_mut(CARD).unwrap().pin = Some(PIN.into());
            let till = store.tills.get_mut("TILL-0007").unwrap();
            till.password = PASSWORD.into();
            till.operation_auth = OperationAuth::PinCode;
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/XmlExchange/demo", listener.local_addr().unwrap());
        let (server, served) =
            (Server::new(ServerConfig::default(), Runtime::tokio()), processing.clone());
        let serve = async move {
            server.serve(listener, move |_| served.connect(), std::future::pending()).await;
        };
        TokioSpawner::new(Handle::current()).spawn("processing", Box::pin(serve));
        Self { processing, hangs, address, folder: TempDir::new().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("till.db")
    }

    fn start(&self, script: &str) -> Child {
        let file = self.folder.path().join("script.txt");
        std::fs::write(&file, script).unwrap();
        self.command().arg("script").arg(file).stdin(Stdio::null()).spawn().unwrap()
    }

    fn command(&self) -> Command {
        let mut till = Command::new(env!("CARGO_BIN_EXE_loymax-till"));
        till.args(["--address", &self.address, "--data"]).arg(self.data());
        till.env("LOYMAX_PASSWORD", PASSWORD).stdout(Stdio::piped());
        till
    }

    /// Runs the script to its end, and says what was shown.
    fn run(&self, script: &str) -> String {
        let (succeeded, text) = self.end(script);
        assert!(succeeded, "{text}");
        text
    }

    /// Runs the script, and says whether it came to its end, and what was shown.
    fn end(&self, script: &str) -> (bool, String) {
        let mut till = self.start(script);
        let (shown, screen) = channel();
        let mut out = till.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            shown.send(text).unwrap();
        });
        let text = screen.recv_timeout(PATIENCE);
        if text.is_err() {
            till.kill().unwrap();
        }
        let status = till.wait().unwrap();
        reader.join().unwrap();
        (status.success(), text.unwrap())
    }

    /// Runs the script until an answer hangs, and kills the till then.
    fn kill(&self, script: &str) {
        let mut till = self.start(script);
        let hung = self.hangs.recv_timeout(PATIENCE);
        till.kill().unwrap();
        let ended = till.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert_eq!(hung, Ok(()), "no answer hangs: {text}");
        assert_eq!(ended.status.signal(), Some(SIGKILL), "{text}");
    }

    /// Types the lines until this is shown, and kills the till while it waits for the next.
    fn kill_at(&self, typed: &str, shown: &'static str) {
        let mut till = self.command().arg("menu").stdin(Stdio::piped()).spawn().unwrap();
        let mut keys = till.stdin.take().unwrap();
        keys.write_all(typed.as_bytes()).unwrap();
        let (seen, screen) = channel();
        let out = BufReader::new(till.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            if out.lines().map_while(Result::ok).any(|line| line.contains(shown)) {
                seen.send(()).unwrap();
            }
        });
        let seen = screen.recv_timeout(PATIENCE);
        till.kill().unwrap();
        assert_eq!(till.wait().unwrap().signal(), Some(SIGKILL));
        reader.join().unwrap();
        assert_eq!(seen, Ok(()), "{shown} is not shown");
    }

    fn points(&self) -> Kopecks {
        self.processing.house().points(ClientId::DEMO).unwrap()
    }

    /// The ids of what was done, each once; and that one purchase of all came about.
    fn done(&self) -> BTreeSet<String> {
        let records = self.processing.journal().into_iter().flat_map(|entry| entry.commands);
        let done: Vec<_> = records.filter(|it| it.done && it.kind != Kind::Balance).collect();
        let ids: BTreeSet<String> = done.iter().map(|it| it.operation.clone()).collect();
        assert_eq!(ids.len(), done.len(), "an operation was done twice: {done:?}");
        for kind in [Kind::Accrue, Kind::Confirm] {
            assert_eq!(done.iter().filter(|it| it.kind == kind).count(), 1, "{kind:?}: {done:?}");
        }
        ids
    }

    /// How many messages had the id of the one whose answer hung, and whether that was done.
    fn sent_again(&self, done: &BTreeSet<String>) -> (usize, bool) {
        let journal = self.processing.journal();
        let hung = journal.iter().find(|entry| entry.fault.is_some()).unwrap();
        let id = id_of(&hung.request).unwrap();
        let same = journal.iter().filter(|entry| id_of(&entry.request).as_ref() == Some(&id));
        (same.count(), done.contains(&id))
    }

    /// Nothing is open at the processing, and no points are held.
    fn is_settled(&self) {
        let open = self.processing.house().with(|store| {
            let over = |state| matches!(state, State::Confirmed | State::Cancelled);
            store.purchases.values().filter(|it| !over(it.state)).count()
        });
        assert_eq!(open, 0, "purchases are left open");
        assert_eq!(self.processing.house().available(ClientId::DEMO), Some(self.points()));
    }

    /// What guests show and what opens the processing is in no file of the journal.
    fn keeps_no_secret(&self) {
        let purchases: Vec<String> =
            self.processing.house().with(|store| store.purchases.keys().cloned().collect());
        let mut found = BTreeSet::new();
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = file.unwrap().path();
            if !is_journal(&path) {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let has = |text: &str| bytes.windows(text.len()).any(|it| it == text.as_bytes());
            // The password as HTTP has it, too.
            for secret in [CARD, PIN, PASSWORD, "WmFtb2stNzczM", "phbW9rLTc3Mz", "aYW1vay03NzMx"] {
                assert!(!has(secret), "{secret} is in {}", path.display());
            }
            found.extend(purchases.iter().filter(|id| has(id)).cloned());
        }
        // What is not secret is found that way.
        assert_eq!(found.len(), purchases.len(), "{found:?} of {purchases:?}");
    }
}

/// The id of the only command of a message.
fn id_of(request: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(request).unwrap();
    let (_, rest) = text.split_once("OperationID=\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// The database, its log and whatever else stands there, but the script and the key.
fn is_journal(path: &Path) -> bool {
    path.file_name().unwrap().to_string_lossy().starts_with("till.db")
}

/// What a sale that nothing disturbs comes to.
async fn undisturbed() -> Kopecks {
    let venue = Venue::open(Duplicates::Replay).await;
    let out = venue.run(SALE);
    assert!(out.contains("Скидка 30.00") && out.contains("Списано: 100.00"), "{out}");
    assert!(out.contains("Журнал: ") && !out.contains("не закончено"), "{out}");
    assert_eq!(venue.done().len(), 4);
    venue.is_settled();
    venue.keeps_no_secret();
    venue.points()
}

/// Killed while this message is on its way, started again: all is as if nothing had been.
async fn killed(kind: Kind, fault: Fault) {
    let points = undisturbed().await;
    assert_ne!(points, Kopecks(25_000));
    for duplicates in [Duplicates::Replay, Duplicates::Reject] {
        let venue = Venue::open(duplicates).await;
        let what = format!("{kind:?} {fault:?} {duplicates:?}");
        venue.processing.push(Step::at(kind, fault.clone()));
        venue.kill(SALE);
        venue.keeps_no_secret();
        // A sale that was not paid is begun anew, as its guest still stands there.
        let paid = matches!(kind, Kind::Accrue | Kind::Confirm);
        let again = if paid { "" } else { SALE };
        let out = venue.run(&format!("{again}очередь\nписьма\n"));
        assert!(out.contains("С прошлого раза не закончено покупок: 1"), "{what}: {out}");
        assert!(out.contains("Отправлено: 0, закончено покупок: 0"), "{what}: {out}");
        assert!(out.contains("Для администратора: 0"), "{what}: {out}");
        let asks = out.contains("Покупка была оплачена: подтверждается");
        assert_eq!(asks, kind == Kind::Accrue, "{what}: {out}");
        // What nobody may ask twice is taken back instead; the rest is sent again as it was.
        let expected = (if paid { 2 } else { 1 }, paid || fault == Fault::LostAfter);
        assert_eq!(venue.sent_again(&venue.done()), expected, "{what}: {out}");
        assert_eq!(venue.points(), points, "{what}: {out}");
        venue.is_settled();
        venue.keeps_no_secret();
        // And nothing is left for the run after.
        let out = venue.run("письма\n");
        assert!(!out.contains("не закончено"), "{what}: {out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lx25_killed_between_the_points_and_the_money() {
    let points = undisturbed().await;
    let venue = Venue::open(Duplicates::Replay).await;
    let (typed, _) = SALE.split_once("оплата").unwrap();
    venue.kill_at(typed, "Списано: 100.00");
    assert_ne!(venue.processing.house().available(ClientId::DEMO), Some(venue.points()));
    let out = venue.run(SALE);
    assert!(out.contains("Покупка не была оплачена: отменяется, баллы свободны"), "{out}");
    venue.done();
    assert_eq!(venue.points(), points, "{out}");
    venue.is_settled();
    venue.keeps_no_secret();
}

#[tokio::test(flavor = "multi_thread")]
async fn lx25_killed_while_goods_come_back() {
    let points = undisturbed().await;
    for fault in [Fault::LostBefore, Fault::LostAfter] {
        let venue = Venue::open(Duplicates::Replay).await;
        venue.processing.push(Step::at(Kind::Refund, fault.clone()));
        venue.kill(&format!("{SALE}возврат 1=1\n"));
        let out = venue.run("письма\n");
        assert!(out.contains("Возврат не был закончен: отменяется"), "{fault:?}: {out}");
        assert!(out.contains("Для администратора: 0"), "{fault:?}: {out}");
        venue.done();
        assert_eq!(venue.points(), points, "{fault:?}: {out}");
        venue.is_settled();
        assert!(!venue.run("письма\n").contains("не закончено"), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_without_its_key_is_not_opened_while_a_message_waits() {
    let venue = Venue::open(Duplicates::Replay).await;
    venue.processing.push(Step::at(Kind::Accrue, Fault::LostBefore));
    venue.kill(SALE);
    let (key, away) = (venue.folder.path().join("till.db.key"), venue.folder.path().join("away"));
    std::fs::rename(&key, &away).unwrap();
    let (succeeded, out) = venue.end("письма\n");
    assert!(!succeeded && out.contains("Ошибка: нет ключа журнала"), "{out}");
    std::fs::write(&key, "short").unwrap();
    let (succeeded, out) = venue.end("письма\n");
    assert!(!succeeded && out.contains("это не ключ журнала"), "{out}");
    std::fs::rename(&away, &key).unwrap();
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    venue.run("письма\n");
    venue.is_settled();
    // Nothing waits now: a lost key is replaced, and the next sale is covered with the new one.
    std::fs::remove_file(&key).unwrap();
    let out = venue.run("карта 2990000000019\nтовар SKU-1003 Кофе 100 1\nитог\nоплата\n");
    assert!(out.contains("Покупка подтверждена"), "{out}");
    venue.is_settled();
}

#[tokio::test(flavor = "multi_thread")]
async fn lx25_killed_before_the_discounts_are_granted() {
    killed(Kind::Calculate, Fault::LostBefore).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lx25_killed_after_the_discounts_were_granted() {
    killed(Kind::Calculate, Fault::LostAfter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lx25_killed_before_the_points_are_taken() {
    killed(Kind::Pay, Fault::LostBefore).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lx25_killed_after_the_points_were_taken() {
    killed(Kind::Pay, Fault::LostAfter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lx25_killed_before_the_points_are_earned() {
    killed(Kind::Accrue, Fault::LostBefore).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lx25_killed_after_the_points_were_earned() {
    killed(Kind::Accrue, Fault::LostAfter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lx25_killed_before_the_sale_is_confirmed() {
    killed(Kind::Confirm, Fault::LostBefore).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lx25_killed_after_the_sale_was_confirmed() {
    killed(Kind::Confirm, Fault::LostAfter).await;
}
