//! The store as a whole: looked through, copied, put back; and what a start says of one that is
//! damaged.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{BINARY, Serving, command, folder, port_base, serve, stderr, stdout};
use rusqlite::Connection;

const ORDER: &str = "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11";
const TOKEN: &str = "Authorization: Bearer till-1-secret";
const JSON: &str = "Content-Type: application/json";
const BODY: &str = r#"{"orderId":"3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11","bindingEpoch":1,
    "walletId":"6d0a1a52-7d5c-5b52-8a5e-0d3f7c7b1e01","amountMinor":1000,
    "orderTotalMinor":165000,"paymentTypeId":"0668e655-15a0-4b5e-ab3c-c7f7003cb8cc"}"#;

fn pay(stand: &Serving, n: u32) -> common::Answer {
    let path = format!("/pos/v1/payments/5d2f0c1e-7a43-4c58-9c0b-2b1a6e4f{n:04}");
    stand.ask("PUT", &path, &[TOKEN, JSON], BODY)
}

/// A stand on which a guest pays.
fn paying(data: &Path) -> Serving {
    let stand = serve(data, &[]);
    assert_eq!(stand.check_in(ORDER, "149725735").status, "HTTP/1.1 204 No Content");
    assert_eq!(pay(&stand, 1).status, "HTTP/1.1 201 Created");
    stand
}

/// A stopped stand with a payment.
fn stopped() -> (tempfile::TempDir, PathBuf) {
    let (folder, data) = folder();
    assert_eq!(paying(&data).stop().0, Some(0));
    (folder, data)
}

fn done(output: &Output, parts: &[&str]) {
    let said = stdout(output);
    assert!(output.status.success(), "{output:?}");
    parts.iter().for_each(|part| assert!(said.contains(part), "{part}: {said}"));
    assert_eq!(stderr(output), "", "{output:?}");
}

/// Exit code 1, and one line that says why and what to do.
fn failed(output: &Output, parts: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{said}");
    parts.iter().for_each(|part| assert!(errors[0].contains(part), "{part}: {said}"));
}

/// What is in a folder: names and bytes, without what SQLite and the lock leave empty or scratch.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_file())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .filter(|(name, bytes)| !name.ends_with("-shm") && !bytes.is_empty())
        .collect();
    all.sort();
    all
}

fn names(folder: &Path) -> Vec<String> {
    content(folder).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn a_store_is_checked_with_and_without_a_stand() {
    let (_folder, data) = folder();
    let stand = paying(&data);
    let parts = ["tillway.db\n", "schema      5", "guests      4", "payments    1", "\nok\n"];
    done(&stand.command(&["check"]), &parts);
    stand.stop();
    let before = content(&data);
    done(&command(&data, &["check"]), &parts);
    assert!(content(&data) == before, "a check changes nothing");
}

#[test]
fn a_check_makes_no_store() {
    let (_folder, data) = folder();
    failed(&command(&data, &["check"]), &["does not exist; name the data folder with --data"]);
    assert!(!data.exists());
    fs::create_dir(&data).unwrap();
    for args in [&["check"][..], &["backup", "copy.db"]] {
        failed(&command(&data, args), &["holds no tillway.db"]);
    }
    assert_eq!(names(&data), Vec::<String>::new());
}

#[test]
fn a_book_that_was_changed_is_told_with_what_to_do() {
    let (_folder, data) = stopped();
    let run = |sql: &str| {
        Connection::open(data.join("tillway.db")).unwrap().execute_batch(sql).unwrap();
    };
    run("UPDATE movements SET at_ms = at_ms + 1 WHERE entry = 2");
    let before = content(&data);
    let said = ["do not give the last link of its chain", "stand restore FILE --replace"];
    failed(&command(&data, &["check"]), &said);
    failed(&command(&data, &["backup", "copy.db"]), &said);
    assert!(content(&data) == before, "a check changes nothing");
    let stand = serve(&data, &[]);
    failed(&stand.command(&["check"]), &said);
    assert_eq!(stand.stop().0, Some(0));
}

#[test]
fn a_backup_of_a_running_stand_is_put_back_elsewhere() {
    let (folder, data) = folder();
    let stand = paying(&data);
    let copy = folder.path().join("monday.db");
    let to = copy.to_str().unwrap();
    let parts = [to, "bytes, copied and checked in", "payments    1", "keep both together"];
    done(&stand.command(&["backup", to]), &parts);
    // A payment from after the backup, and then the disk is gone.
    assert_eq!(pay(&stand, 2).status, "HTTP/1.1 201 Created");
    stand.kill();
    fs::remove_dir_all(&data).unwrap();
    assert_eq!(names(folder.path()), ["monday.db", "monday.db.stand.toml"]);

    let parts = ["is restored from", "the newest movement is of", "compare later payments"];
    done(&command(&data, &["restore", to]), &parts);
    assert_eq!(names(&data), ["stand.toml", "tillway.db"]);
    let stand = serve(&data, &[]);
    let again = pay(&stand, 1);
    assert_eq!(again.status, "HTTP/1.1 200 OK");
    let replay = again.headers.iter().any(|header| header == "idempotent-replay: true");
    assert!(replay, "a payment from before the backup is a replay: {again:?}");
    assert_eq!(pay(&stand, 2).status, "HTTP/1.1 201 Created");
    done(&stand.command(&["check"]), &["payments    2", "ok"]);
    assert_eq!(stand.stop().0, Some(0));
}

#[test]
fn a_backup_replaces_nothing_and_goes_where_the_person_is() {
    let (folder, data) = stopped();
    let here = |name: &str| {
        let mut command = Command::new(BINARY);
        command.current_dir(folder.path()).arg("--data").arg(&data).args(["backup", name]);
        command.env_remove("RUST_LOG").output().unwrap()
    };
    done(&here("copy.db"), &["copied and checked"]);
    let before = fs::read(folder.path().join("copy.db")).unwrap();
    failed(&here("copy.db"), &["copy.db.stand.toml is there already; choose another name"]);
    fs::remove_file(folder.path().join("copy.db.stand.toml")).unwrap();
    failed(&here("copy.db"), &["copy.db is there already; choose another name"]);
    assert!(fs::read(folder.path().join("copy.db")).unwrap() == before);
    failed(&here("missing/copy.db"), &["missing does not exist; create it"]);
    let stand = serve(&data, &[]);
    done(&here("other.db"), &["copied and checked"]);
    failed(&here("other.db"), &["is there already"]);
    failed(&here("missing/copy.db"), &["missing does not exist; create it"]);
    stand.stop();
    assert_eq!(names(folder.path()).len(), 3);
}

#[test]
fn a_restore_moves_the_store_aside_and_deletes_nothing() {
    let (folder, data) = folder();
    let stand = paying(&data);
    let copy = folder.path().join("monday.db");
    let to = copy.to_str().unwrap();
    done(&stand.command(&["backup", to]), &[]);
    failed(&command(&data, &["restore", to, "--replace"]), &["is in use by another stand"]);
    assert_eq!(pay(&stand, 2).status, "HTTP/1.1 201 Created");
    // What was answered last is in the log alone.
    stand.kill();
    let was: Vec<_> = content(&data);
    let told = ["has a store; with --replace it is moved aside"];
    failed(&command(&data, &["restore", to]), &told);
    assert!(content(&data) == was);

    for nth in 1..=2 {
        let output = command(&data, &["restore", to, "--replace"]);
        done(&output, &["is restored from", "the store that was there is"]);
        let said = stdout(&output);
        let aside = said.lines().last().unwrap().rsplit(' ').next().unwrap().to_owned();
        let aside = PathBuf::from(aside);
        assert_eq!(aside.with_extension("").parent(), Some(data.as_path()), "{said}");
        assert_eq!(aside.to_str().unwrap().ends_with(".2"), nth == 2, "{said}");
        if nth == 1 {
            // The old store with its log, byte by byte.
            for (name, bytes) in &was {
                let Some(ending) = name.strip_prefix("tillway.db") else { continue };
                let moved = PathBuf::from(format!("{}{ending}", aside.display()));
                assert!(fs::read(&moved).unwrap() == *bytes, "{name}");
            }
            let db = Connection::open(&aside).unwrap();
            let payments: u32 =
                db.query_row("SELECT count(*) FROM payments", [], |row| row.get(0)).unwrap();
            assert_eq!(payments, 2);
        }
    }
    done(&command(&data, &["check"]), &["payments    1", "ok"]);
    let stand = serve(&data, &[]);
    assert_eq!(pay(&stand, 1).status, "HTTP/1.1 200 OK");
    assert_eq!(stand.stop().0, Some(0));
}

#[test]
fn what_is_no_backup_is_not_restored() {
    let (folder, data) = stopped();
    let copy = folder.path().join("monday.db");
    let to = copy.to_str().unwrap();
    done(&command(&data, &["backup", to]), &[]);
    let sound = fs::read(&copy).unwrap();
    let was = content(&data);
    let refused = |why: &[&str]| {
        failed(&command(&data, &["restore", to, "--replace"]), why);
        assert!(content(&data) == was, "{why:?}");
    };
    let with = |change: fn(&mut Vec<u8>)| {
        let mut bytes = sound.clone();
        change(&mut bytes);
        fs::write(&copy, bytes).unwrap();
    };
    with(|bytes| bytes.truncate(20_000));
    refused(&["monday.db is not restored, and nothing was changed", "is damaged"]);
    with(|bytes| bytes[..16].fill(7));
    refused(&["monday.db is not restored", "is not a database"]);
    with(|bytes| bytes.fill(0));
    refused(&["monday.db is not restored"]);
    with(|_| ());
    let forged = "UPDATE movements SET amount = amount + 1 WHERE entry = 1";
    Connection::open(&copy).unwrap().execute_batch(forged).unwrap();
    refused(&["monday.db is not restored", "does not hold"]);
    with(|_| ());
    let newer = "INSERT INTO schema_version VALUES (99, zeroblob(16), 0)";
    Connection::open(&copy).unwrap().execute_batch(newer).unwrap();
    refused(&["has schema version 99, this program knows 5 at most"]);
    with(|_| ());
    fs::write(folder.path().join("monday.db-wal"), b"payments").unwrap();
    refused(&["is no backup, but a store with a log beside it"]);
    fs::remove_file(folder.path().join("monday.db-wal")).unwrap();
    fs::remove_file(&copy).unwrap();
    refused(&["monday.db: "]);

    let own = data.join("tillway.db");
    let output = command(&data, &["restore", own.to_str().unwrap(), "--replace"]);
    failed(&output, &["is the store itself"]);
    assert!(content(&data) == was);
}

#[test]
fn a_restore_knows_whose_data_it_is() {
    let (folder, data) = stopped();
    let copy = folder.path().join("monday.db");
    let to = copy.to_str().unwrap();
    done(&command(&data, &["backup", to]), &[]);
    let mark = folder.path().join("monday.db.stand.toml");
    let text = fs::read_to_string(&mark).unwrap();
    assert_eq!(text, fs::read_to_string(data.join("stand.toml")).unwrap());

    fs::write(&mark, text.replace("demo", "venue")).unwrap();
    let why = ["holds data of a demo", "is of a venue", "choose another folder"];
    failed(&command(&data, &["restore", to, "--replace"]), &why);
    fs::remove_file(&mark).unwrap();
    // The folder knows it, too.
    done(&command(&data, &["restore", to, "--replace"]), &["is restored from"]);
    let other = folder.path().join("other");
    let why = ["so nobody knows whose data it is"];
    failed(&command(&other, &["restore", to]), &why);
    assert_eq!(names(&other), Vec::<String>::new());
    fs::write(&mark, &text).unwrap();
    fs::write(other.join("letter.txt"), "mine").unwrap();
    failed(&command(&other, &["restore", to]), &["holds letter.txt, which is not the stand's"]);
    assert_eq!(names(&other), ["letter.txt"]);
}

#[test]
fn a_damaged_store_ends_the_start_with_what_to_do() {
    let (folder, data) = stopped();
    let base = port_base().to_string();
    let file = data.join("tillway.db");
    let sound = fs::read(&file).unwrap();
    type Damage = fn(&Path, &mut Vec<u8>);
    let restore = "restore a backup: stand restore FILE --replace --data";
    let rows: &[(&str, Damage, &[&str])] = &[
        ("header", |_, file| file[..16].fill(7), &["is not a database", restore]),
        ("schema", |_, file| file[100..4_096].fill(7), &["is damaged", restore]),
        ("end", |_, file| file.truncate(20_000), &["is damaged: it has 20000 bytes of", restore]),
        (
            "log",
            |data, _| fs::write(log(data), [7; 9_000]).unwrap(),
            &["db-wal is damaged", restore],
        ),
        ("newer", |data, file| *file = newer(data), &["schema version 99", "run the program that"]),
        ("foreign", |_, file| file[68] ^= 1, &["of another program", "choose another folder"]),
    ];
    for (what, damage, parts) in rows {
        fs::write(&file, &sound).unwrap();
        let mut bytes = sound.clone();
        damage(&data, &mut bytes);
        fs::write(&file, &bytes).unwrap();
        let was = content(&data);
        for args in [&["--port-base", &base][..], &["check"], &["guest", "list"]] {
            failed(&command(&data, args), parts);
            assert!(content(&data) == was, "{what}: {args:?}");
        }
        let _ = fs::remove_file(log(&data));
        // And what is told to do helps.
        if parts.contains(&restore) {
            let copy = folder.path().join("good.db");
            fs::write(&copy, &sound).unwrap();
            let args = ["restore", copy.to_str().unwrap(), "--replace"];
            done(&command(&data, &args), &["is restored from"]);
            done(&command(&data, &["check"]), &["ok"]);
        }
    }
}

fn log(data: &Path) -> PathBuf {
    data.join("tillway.db-wal")
}

fn newer(data: &Path) -> Vec<u8> {
    let path = data.join("tillway.db");
    let newer = "INSERT INTO schema_version VALUES (99, zeroblob(16), 0)";
    Connection::open(&path).unwrap().execute_batch(newer).unwrap();
    fs::read(path).unwrap()
}

/// As somebody who may not, which the system's own account always may.
#[test]
#[cfg(target_os = "linux")]
fn files_that_may_not_be_used_are_named() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;

    const NOBODY: u32 = 65_534;
    let (folder, data) = stopped();
    let is_root = chown(&data, Some(NOBODY), Some(NOBODY)).is_ok();
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(folder.path(), 0o755);
    for entry in fs::read_dir(&data).unwrap() {
        if is_root {
            chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let run = |args: &[&str]| {
        let mut command = Command::new(BINARY);
        command.arg("--data").arg(&data).args(args).env_remove("RUST_LOG");
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output()
    };
    if run(&["check"]).is_err() {
        // The binary lies where nobody else may look.
        return;
    }
    let file = data.join("tillway.db");
    for (mask, what) in [(0o000, &file), (0o400, &file), (0o500, &data)] {
        let was = content(&data);
        let before = fs::metadata(what).unwrap().permissions().mode();
        mode(what, mask);
        let output = run(&["check"]).unwrap();
        mode(what, before);
        let name = what.to_str().unwrap();
        let parts = [name, "the right to read and write there"];
        failed(&output, if what == &file { &parts[..] } else { &parts[..1] });
        assert!(content(&data) == was);
    }
    done(&run(&["check"]).unwrap(), &["ok"]);
}

/// In a namespace of its own the child may mount a small disk, which goes away with it.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_named_and_nothing_is_lost() {
    let (folder, data) = stopped();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let small = |size: u64, script: &str| {
        let mount = "mount -t tmpfs -o size=$0k tmpfs \"$1\" || exit 77;";
        let output = Command::new("unshare")
            .args(["-rm", "sh", "-c", &format!("{mount} {script}"), &size.to_string()])
            .args([&disk, Path::new(BINARY), &data])
            .env_remove("RUST_LOG")
            .output();
        output.ok().filter(|output| output.status.code() == Some(1) || output.status.success())
    };
    // A first start, with less and less that fits: a store that does not open, demo data that are
    // not saved.
    for size in [24, 64, 160] {
        let start = "\"$2\" --data \"$1/data\" guest list";
        let Some(output) = small(size, start) else { return };
        failed(&output, &["full"]);
    }
    let output = small(64, "\"$2\" --data \"$3\" backup \"$1/copy.db\"; ls -A \"$1\" >&2; exit 1");
    let Some(output) = output else { return };
    failed(&output, &["no backup was made", "is full; free some space, or choose another disk"]);
    assert_eq!(stderr(&output).lines().count(), 1, "nothing is left there: {output:?}");
    done(&command(&data, &["check"]), &["ok"]);
}
