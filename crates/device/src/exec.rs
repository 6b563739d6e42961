//! Running a program in a folder of its own.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Read};
use std::path::{self, Path, PathBuf};
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
    /// It could not be started, or its folder cannot be written: nothing ran. The text names which.
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
    /// A program that runs in a folder. A path is taken from where this program stands, whatever
    /// the folder is; a bare name is looked for where the system looks for programs.
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
        writable(&self.folder).map_err(|error| named(&self.folder, &error))?;
        let bare = self.program.components().count() == 1;
        let program = if bare { self.program.clone() } else { path::absolute(&self.program)? };
        let mut command = Command::new(&program);
        command.args(&self.before).args(arguments).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        alone(&mut command);
        wait(command.spawn().map_err(|error| named(&program, &error))?, most)
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

/// A program that cannot leave its answer must not begin: what it did would be known to nobody.
fn writable(folder: &Path) -> io::Result<()> {
    let file = folder.join("tillway.tmp");
    File::create(&file)?;
    std::fs::remove_file(&file)
}

/// Which path it is that cannot be used.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// In a group of its own: what ends this program from the keyboard does not end that one, and what
/// it starts itself ends with it.
#[cfg(unix)]
fn alone(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn alone(_: &mut Command) {}

/// Kills the programs that the child has started: one that goes on would write its answer into the
/// next run. The child is not reaped yet, so that its number is nobody else's.
#[cfg(unix)]
fn kill_group(child: &Child) {
    let mut kill = Command::new("/bin/sh");
    kill.args(["-c", &format!("kill -s KILL -- -{}", child.id())]);
    // Without a shell the child alone is killed.
    let _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

#[cfg(not(unix))]
fn kill_group(_: &Child) {}

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
    kill_group(&child);
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

    /// What the child has started would write into the folder while another run reads it.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_it_started_is_killed_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let script = "sleep 600 & echo $! > child; mv child e; wait";
        let mut command = Command::new("/bin/sh");
        alone(command.args(["-c", script]).current_dir(&folder));
        let parent = command.spawn().unwrap();
        let mut shell = shell(&folder);
        let child = loop {
            if let Some(child) = shell.read("e", 100).unwrap() {
                break String::from_utf8(child).unwrap();
            }
            thread::sleep(LOOK);
        };
        assert_eq!(wait(parent, Duration::ZERO).unwrap(), Ended::Killed);
        let status = format!("/proc/{}/status", child.trim());
        // Who adopts it reaps it when he likes; until then it is a zombie.
        let runs = || {
            let status = std::fs::read_to_string(&status).unwrap_or_default();
            status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
        };
        let mut looks = 0;
        while runs() {
            looks += 1;
            assert!(looks < 500, "{child} goes on");
            thread::sleep(LOOK);
        }
    }

    #[test]
    fn what_cannot_be_started_did_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("sb_pilot");
        let mut missing = Process::new(&program, folder.path());
        let error = missing.run(&[], LONG).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with(program.to_str().unwrap()), "{error}");
        std::fs::write(&program, "").unwrap();
        let error = missing.run(&[], LONG).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        let nowhere = folder.path().join("nowhere");
        let error = Process::new("/bin/sh", &nowhere).run(&[], LONG).unwrap_err();
        assert!(error.to_string().starts_with(nowhere.to_str().unwrap()), "{error}");
    }

    /// A folder that not even root can write into.
    #[cfg(target_os = "linux")]
    #[test]
    fn in_a_folder_that_is_read_only_nothing_runs() {
        let place = tempfile::tempdir().unwrap();
        let ran = place.path().join("ran");
        let mut shell = Process::new("/bin/sh", "/proc").with_arguments(["-c".into()]);
        let error = shell.run(&[format!("touch {}", ran.display())], LONG).unwrap_err();
        assert!(error.to_string().starts_with("/proc: "), "{error}");
        assert!(!ran.exists());
    }

    /// The folder's own path and the program's may both be relative.
    #[test]
    fn a_relative_program_is_found_from_here() {
        let here = std::env::current_dir().unwrap();
        let folder = tempfile::tempdir_in(&here).unwrap();
        let relative = folder.path().strip_prefix(&here).unwrap();
        std::os::unix::fs::symlink("/bin/true", folder.path().join("pilot")).unwrap();
        let ended = Process::new(relative.join("pilot"), relative).run(&[], LONG).unwrap();
        assert_eq!(ended, Ended::Itself);
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
