//! The suite of stores, over a file: with the writer on its thread, in line, and with few names in a
//! chapter.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use tempfile::TempDir;
use tillway_core::port::Store;
use tillway_sqlite::{Mode, SqliteConfig, SqliteStore};
use tillway_testkit::{Fixture, store_conformance};

#[derive(Debug)]
struct File {
    folder: TempDir,
    mode: Mode,
    chapter_names: Option<u32>,
}

impl File {
    fn new(mode: Mode) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), mode, chapter_names: None }
    }
}

impl Fixture for File {
    fn open(&mut self) -> Arc<dyn Store> {
        let mut config = SqliteConfig::new(self.folder.path().join("book.db"));
        config.mode = self.mode;
        config.chapter_names = self.chapter_names.unwrap_or(config.chapter_names);
        Arc::new(SqliteStore::open(config).unwrap())
    }
}

store_conformance!(thread, || File::new(Mode::Thread));
store_conformance!(inline, || File::new(Mode::Inline));
store_conformance!(chapters, || File { chapter_names: Some(3), ..File::new(Mode::Inline) });
