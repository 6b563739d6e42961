//! A program that writes what a test wants.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tillway_device::{Ended, Exec};

/// What one run leaves behind: `e` and `p`.
pub type Left = (Option<Vec<u8>>, Option<Vec<u8>>);

/// A program whose runs are written down before. Clones are the same program.
#[derive(Clone, Debug, Default)]
pub struct Script(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    runs: VecDeque<Left>,
    files: BTreeMap<String, Vec<u8>>,
    asked: Vec<String>,
}

impl Script {
    pub fn of(runs: impl IntoIterator<Item = Left>) -> Self {
        let script = Self::default();
        script.0.lock().unwrap().runs.extend(runs);
        script
    }

    /// `e` of each run, in UTF-8, without a slip.
    pub fn saying<'a>(answers: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of(answers.into_iter().map(|text| (Some(text.as_bytes().to_vec()), None)))
    }

    /// A file that an earlier run left.
    pub fn with_old(self, file: &str, bytes: &[u8]) -> Self {
        self.0.lock().unwrap().files.insert(file.to_owned(), bytes.to_vec());
        self
    }

    /// The command lines so far.
    pub fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}

impl Exec for Script {
    fn run(&mut self, arguments: &[String], _: Duration) -> io::Result<Ended> {
        let mut state = self.0.lock().unwrap();
        state.asked.push(arguments.join(" "));
        let Some((e, p)) = state.runs.pop_front() else { return Ok(Ended::Killed) };
        for (name, bytes) in [("e", e), ("p", p)] {
            if let Some(bytes) = bytes {
                state.files.insert(name.to_owned(), bytes);
            }
        }
        Ok(Ended::Itself)
    }

    fn read(&mut self, file: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let bytes = self.0.lock().unwrap().files.get(file).cloned();
        match bytes {
            Some(bytes) if bytes.len() > bytes_max => Err(io::ErrorKind::FileTooLarge.into()),
            bytes => Ok(bytes),
        }
    }

    fn remove(&mut self, file: &str) -> io::Result<()> {
        self.0.lock().unwrap().files.remove(file);
        Ok(())
    }
}
