//! The program in memory.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tillway_core::port::Clock;
use tillway_device::{Ended, Exec};

use super::pad::Pad;

/// A terminal's program and its folder, in memory. Clones share the pad: one is given to the
/// adapter, another stays with the test.
#[derive(Clone, Debug)]
pub struct Twin {
    pad: Arc<Mutex<Pad>>,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    clock: Arc<dyn Clock>,
    trouble: Arc<Mutex<Option<io::ErrorKind>>>,
}

impl Twin {
    /// A program with this pad.
    pub fn new(pad: Pad, clock: Arc<dyn Clock>) -> Self {
        Self {
            pad: Arc::new(Mutex::new(pad)),
            files: Arc::default(),
            clock,
            trouble: Arc::default(),
        }
    }

    /// The pad.
    pub fn pad(&self) -> MutexGuard<'_, Pad> {
        lock(&self.pad)
    }

    /// From now on neither the program nor its folder can be used; `None` mends it.
    pub fn breaks(&self, trouble: Option<io::ErrorKind>) {
        *lock(&self.trouble) = trouble;
    }

    fn works(&self) -> io::Result<()> {
        lock(&self.trouble).map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl Exec for Twin {
    fn run(&mut self, arguments: &[String], most: Duration) -> io::Result<Ended> {
        self.works()?;
        let run = self.pad().run(arguments, self.clock.now());
        if run.hangs || run.takes > most {
            return Ok(Ended::Killed);
        }
        let mut files = lock(&self.files);
        for (name, bytes) in [("e", run.e), ("p", run.p)] {
            if let Some(bytes) = bytes {
                files.insert(name.to_owned(), bytes);
            }
        }
        Ok(Ended::Itself)
    }

    fn read(&mut self, file: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let bytes = lock(&self.files).get(file).cloned();
        match bytes {
            Some(bytes) if bytes.len() > bytes_max => Err(io::ErrorKind::FileTooLarge.into()),
            bytes => Ok(bytes),
        }
    }

    fn remove(&mut self, file: &str) -> io::Result<()> {
        self.works()?;
        lock(&self.files).remove(file);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
