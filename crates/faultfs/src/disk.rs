//! The simulated disk: files by name, and what a power cut leaves of them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::content::Content;
use crate::random::Random;

/// A file whatever its name.
pub(crate) type FileId = u64;

/// Files as the processes see them, with what of it the disk really has. A clone is another disk
/// with the same content.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: BTreeMap<FileId, Content>,
    /// The folder as processes see it.
    names: BTreeMap<String, FileId>,
    /// The folder as the disk has it.
    durable_names: BTreeMap<String, FileId>,
    /// Files created and deleted since, in order.
    pending_names: Vec<(String, Option<FileId>)>,
    created: FileId,
}

/// What a power cut leaves of that which was not synced. Writes are kept or lost in pieces of
/// [`SECTOR`](crate::SECTOR) bytes; created and deleted names are kept up to some moment, in order,
/// as file systems with a journal do. A number is a seed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// Nothing.
    Lose,
    /// All of it.
    Keep,
    /// In each file, what came before some piece.
    Prefix(u64),
    /// Any pieces.
    Some(u64),
    /// Any pieces, in any order: an older write may win over a newer one, and over a truncate.
    Shuffle(u64),
    /// Any pieces; where a lost one made its file longer, the file has garbage.
    Garbage(u64),
}

impl Cut {
    /// One of each, with this seed.
    pub fn all(seed: u64) -> [Self; 6] {
        [
            Self::Lose,
            Self::Keep,
            Self::Prefix(seed),
            Self::Some(seed),
            Self::Shuffle(seed),
            Self::Garbage(seed),
        ]
    }

    fn seed(self) -> u64 {
        match self {
            Self::Lose | Self::Keep => 0,
            Self::Prefix(s) | Self::Some(s) | Self::Shuffle(s) | Self::Garbage(s) => s,
        }
    }
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a process reads in the file with this path.
    pub fn bytes(&self, path: &Path) -> Option<&[u8]> {
        let id = self.names.get(name(path).as_str())?;
        self.files.get(id).map(Content::bytes)
    }

    /// Puts a file there, synced; what was there before is gone.
    pub fn put(&mut self, path: &Path, bytes: impl Into<Vec<u8>>) {
        let id = self.fresh(Content::durable(bytes.into()));
        self.names.insert(name(path), id);
        self.durable_names.insert(name(path), id);
        self.pending_names.retain(|(pending, _)| *pending != name(path));
    }

    /// Writes the bytes that processes see once more, and syncs them: what a program does with a
    /// file of which it does not know whether the last sync failed.
    pub fn rewrite(&mut self, path: &Path) {
        if let Some(id) = self.find(&name(path)) {
            let bytes = self.file(id).bytes().to_vec();
            self.file(id).write(0, &bytes);
            self.sync(id);
        }
    }

    /// Takes a real file in, under its own path.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(&mut self, path: &Path) -> io::Result<()> {
        self.put(path, std::fs::read(path)?);
        Ok(())
    }

    /// Writes each file to its real path, as processes see it.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let mut files =
            self.names.iter().filter_map(|(name, id)| Some((name, self.files.get(id)?)));
        files.try_for_each(|(name, content)| std::fs::write(name, content.bytes()))
    }

    /// The paths of all files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.names.keys().map(Path::new)
    }

    /// The disk after the power was cut and came back.
    #[must_use]
    pub fn after(&self, cut: Cut) -> Self {
        let mut random = Random::new(cut.seed());
        let kept = match cut {
            Cut::Lose => 0,
            Cut::Keep => self.pending_names.len(),
            _ => random.below(self.pending_names.len() + 1),
        };
        let mut names = self.durable_names.clone();
        self.pending_names.iter().take(kept).for_each(|change| rename(&mut names, change));
        let mut after = Self { durable_names: names.clone(), names, ..Self::new() };
        after.created = self.created;
        for id in after.names.values() {
            if let Some(content) = self.files.get(id) {
                after.files.insert(*id, content.after(cut, &mut random));
            }
        }
        after
    }

    /// Whether nothing waits to be synced: every cut leaves the same.
    pub fn is_synced(&self) -> bool {
        let synced = |id| self.files.get(id).is_none_or(Content::is_synced);
        self.pending_names.is_empty() && self.names.values().all(synced)
    }

    pub(crate) fn find(&self, name: &str) -> Option<FileId> {
        self.names.get(name).copied()
    }

    pub(crate) fn file(&mut self, id: FileId) -> &mut Content {
        self.files.entry(id).or_default()
    }

    pub(crate) fn create(&mut self, name: &str) -> FileId {
        let id = self.fresh(Content::default());
        self.change_name((name.to_owned(), Some(id)));
        id
    }

    /// A file without a name.
    pub(crate) fn fresh(&mut self, content: Content) -> FileId {
        self.created += 1;
        self.files.insert(self.created, content);
        self.created
    }

    /// Those who have it open go on using it.
    pub(crate) fn delete(&mut self, name: &str) {
        self.change_name((name.to_owned(), None));
    }

    /// Makes the folder durable.
    pub(crate) fn sync_names(&mut self) {
        let changes = std::mem::take(&mut self.pending_names);
        changes.iter().for_each(|change| rename(&mut self.durable_names, change));
    }

    /// Makes a file durable. The first sync of a new one makes the folder durable too: SQLite's own
    /// VFS syncs the folder then.
    pub(crate) fn sync(&mut self, id: FileId) {
        self.file(id).sync();
        if self.pending_names.iter().any(|(_, file)| *file == Some(id)) {
            self.sync_names();
        }
    }

    fn change_name(&mut self, change: (String, Option<FileId>)) {
        rename(&mut self.names, &change);
        self.pending_names.push(change);
    }
}

fn rename(names: &mut BTreeMap<String, FileId>, (name, file): &(String, Option<FileId>)) {
    match file {
        Some(id) => names.insert(name.clone(), *id),
        None => names.remove(name),
    };
}

fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
