//! Running a program in a folder of its own.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Runs one program, and reads the files that it leaves in its folder. The twin of a simulation
/// does the same without a process.
pub trait Exec: Debug + Send + 'static {
    /// Runs the program to its end, in its folder, without input and with its output thrown away.
    /// Kills it when it takes longer than `most`.
    ///
    /// # Errors
    /// It could not be started: nothing ran.
    fn run(&mut self, arguments: &[String], most: Duration) -> io::Result<Ended>;

    /// A file of the folder; `None` when there is none.
    ///
    /// # Errors
    /// It cannot be read, or is longer than `bytes_max`.
    fn read(&mut self, file: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>>;

    /// Removes a file of the folder; done as well when there is none.
    ///
    /// # Errors
    /// It is still there.
    fn remove(&mut self, file: &str) -> io::Result<()>;
}

/// How a program ended. Its exit code is not told: the programs this is for lie with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// By itself.
    Itself,
    /// It took too long and was killed. What it had begun outside may go on.
    Killed,
}

/// A program of this machine.
#[derive(Clone, Debug)]
pub struct Process {
    program: PathBuf,
    before: Vec<OsString>,
    folder: PathBuf,
}

impl Process {
    /// A program that runs in a folder.
    pub fn new(program: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), before: Vec::new(), folder: folder.into() }
    }

    /// Arguments that stand before those of each run.
    #[must_use]
    pub fn with_arguments(mut self, before: impl IntoIterator<Item = OsString>) -> Self {
        self.before.extend(before);
        self
    }
}

impl Exec for Process {
    fn run(&mut self, arguments: &[String], most: Duration) -> io::Result<Ended> {
        let mut command = Command::new(&self.program);
        command.args(&self.before).args(arguments).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        wait(command.spawn()?, most)
    }

    fn read(&mut self, file: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.folder.join(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut bytes = Vec::new();
        file.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > bytes_max {
            let text = format!("longer than {bytes_max} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        Ok(Some(bytes))
    }

    fn remove(&mut self, file: &str) -> io::Result<()> {
        match std::fs::remove_file(self.folder.join(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// Looks at the program until it has ended, or kills it. It is always reaped.
fn wait(mut child: Child, most: Duration) -> io::Result<Ended> {
    let mut left = most;
    loop {
        // Not being able to ask is no end: the program is killed, so that it cannot run unseen.
        if let Ok(Some(_)) = child.try_wait() {
            return Ok(Ended::Itself);
        }
        if left.is_zero() {
            break;
        }
        let nap = LOOK.min(left);
        thread::sleep(nap);
        left = left.saturating_sub(nap);
    }
    // It may have ended meanwhile; then there is nothing to kill.
    let _ = child.kill();
    let _ = child.wait();
    Ok(Ended::Killed)
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(folder: &tempfile::TempDir) -> Process {
        Process::new("/bin/sh", folder.path()).with_arguments(["-c".into()])
    }

    #[test]
    fn a_program_runs_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = shell(&folder);
        let script = "printf '%s' \"$0-$1\" > e; echo noise; exit 3";
        let arguments = [script, "1", "12500"].map(str::to_owned);
        assert_eq!(shell.run(&arguments, LONG).unwrap(), Ended::Itself);
        assert_eq!(shell.read("e", 100).unwrap().unwrap(), b"1-12500");
        shell.remove("e").unwrap();
        shell.remove("e").unwrap();
        assert_eq!(shell.read("e", 100).unwrap(), None);
    }

    #[test]
    fn what_takes_too_long_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = shell(&folder);
        let ended = shell.run(&["exec sleep 600".to_owned()], Duration::from_millis(30)).unwrap();
        assert_eq!(ended, Ended::Killed);
    }

    #[test]
    fn what_cannot_be_started_did_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let mut missing = Process::new(folder.path().join("sb_pilot"), folder.path());
        let error = missing.run(&[], LONG).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        std::fs::write(folder.path().join("sb_pilot"), "").unwrap();
        let error = missing.run(&[], LONG).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_file_has_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("p"), [b'x'; 11]).unwrap();
        let mut shell = shell(&folder);
        assert_eq!(shell.read("p", 11).unwrap().unwrap().len(), 11);
        assert_eq!(shell.read("p", 10).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
