//! The journal of a till: where it is kept, and what the last run left in it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tillway::core::book::{Status, StreamKind};
use tillway::core::flow::purchase::What;
use tillway::core::port::processing::Kind;
use tillway::core::port::{IdSource, Query, Store};
use tillway::layers::loyalty::{BodyKeys, Undecided};
use tillway::memory::MemoryStore;
use tillway::runtime::RandomIds;
use tillway::sqlite::{SqliteConfig, SqliteStore};

use super::{Failure, Till};

/// How many messages are sent at start; the others wait until the queue is sent.
const SENT_MAX: u32 = 20;

/// A journal, and the key that what guests showed is covered with in it.
pub(super) struct Journal {
    pub(super) store: Arc<dyn Store>,
    pub(super) keys: BodyKeys,
    /// Where it is, for the cashier.
    pub(super) told: String,
}

impl Journal {
    /// Opens it in a file, which is created with its key when it is missing; in memory without one.
    pub(super) async fn open(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(file) = file else {
            let told = "Журнал в памяти: выключение его сотрёт. На диске: --address и --data";
            let (store, keys) = (Arc::new(MemoryStore::new()), Key::fresh().keys());
            return Ok(Self { store, keys, told: told.to_owned() });
        };
        let store = SqliteStore::open(SqliteConfig::new(file));
        let store = store.map_err(|error| format!("журнал не открывается: {error}"))?;
        let store: Arc<dyn Store> = Arc::new(store);
        // The store is ours alone from here on, and the key with it.
        let mut waits = false;
        for status in [Status::Open, Status::NeedsPerson] {
            let kind = Some(StreamKind::Purchase);
            let query = Query { kind, status: Some(status), ..Query::default() };
            waits |= !store.heads(&query, None, 1).await?.is_empty();
        }
        let keys = Key::of(file, waits)?.keys();
        let told = format!("Журнал: {}", file.display());
        Ok(Self { store, keys, told })
    }
}

impl Till {
    /// Settles what the last run was in the middle of, and sends what waits.
    pub(super) async fn recover(&self) -> Result<(), Failure> {
        let loyalty = self.desk.loyalty();
        let before = loyalty.unfinished().await.map_err(|why| why.text())?;
        if before == 0 {
            return Ok(());
        }
        self.say(&format!("С прошлого раза не закончено покупок: {before}"));
        for left in loyalty.recover().await.map_err(|why| why.text())? {
            self.decide(&left).await?;
        }
        let drained = loyalty.drain(SENT_MAX).await;
        let after = loyalty.unfinished().await.map_err(|why| why.text())?;
        let done = before.saturating_sub(after);
        self.say(&format!("Отправлено из очереди: {}, закончено покупок: {done}", drained.sent));
        if after > 0 {
            self.say(&format!("Ещё не закончено: {after}. Есть «очередь» и «письма»"));
        }
        Ok(())
    }

    /// A sale that was paid came about; nothing else did.
    async fn decide(&self, left: &Undecided) -> Result<(), Failure> {
        let loyalty = self.desk.loyalty();
        let standing = loyalty.standing(&left.sale).await.map_err(|why| why.text())?;
        let told = standing.waiting.contains(&Kind::Accrue)
            || standing.answers.iter().any(|(kind, _)| *kind == Kind::Accrue);
        let settled = if left.what == What::Sale && told {
            self.say("Покупка была оплачена: подтверждается. Проверьте, напечатан ли её чек");
            loyalty.confirm(&left.sale, None).await
        } else if left.what == What::Refund {
            self.say(
                "Возврат не был закончен: отменяется. Если деньги выданы, зовите администратора",
            );
            loyalty.cancel(&left.sale, None).await
        } else {
            self.say("Покупка не была оплачена: отменяется, баллы свободны");
            loyalty.cancel(&left.sale, None).await
        };
        self.desk.settled(settled);
        Ok(())
    }
}

/// A key and its number, as they stand in the file beside the journal.
struct Key([u8; KEY_LEN]);

const NUMBER_LEN: usize = 4;
const KEY_LEN: usize = NUMBER_LEN + 32;

impl Key {
    /// The key of a journal. It is made when there is none, unless a message waits in the journal:
    /// without its own key that could never be sent.
    fn of(journal: &Path, waits: bool) -> Result<Self, Failure> {
        let path = beside(journal, ".key");
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        match std::fs::read(&path) {
            Ok(bytes) => {
                let key = bytes.try_into().map(Self);
                return key.map_err(|_| format!("{}: это не ключ журнала", path.display()).into());
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(error).into());
            }
            Err(_) if waits => {
                let path = path.display();
                return Err(format!("нет ключа журнала, верните его из копии: {path}").into());
            }
            Err(_) => {}
        }
        let (key, new) = (Self::fresh(), beside(journal, ".key.new"));
        key.write(&new).and_then(|()| std::fs::rename(&new, &path)).map_err(failed)?;
        Ok(key)
    }

    fn fresh() -> Self {
        let mut bytes = [0; KEY_LEN];
        for part in bytes.chunks_mut(16) {
            let secret = RandomIds.secret();
            part.iter_mut().zip(secret).for_each(|(byte, secret)| *byte = secret);
        }
        Self(bytes)
    }

    /// Only this user reads it.
    fn write(&self, path: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(&self.0)?;
        file.sync_all()
    }

    fn keys(&self) -> BodyKeys {
        let (mut number, mut key) = ([0; NUMBER_LEN], [0; 32]);
        let (first, rest) = self.0.split_at(NUMBER_LEN);
        number.copy_from_slice(first);
        key.copy_from_slice(rest);
        BodyKeys::new(u32::from_be_bytes(number), key)
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
