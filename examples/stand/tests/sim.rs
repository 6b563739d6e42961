//! The simulated devices: alone, and beside the till in the stand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use common::{
    BINARY, PROCESSING_STEP, REGISTER_STEP, TERMINAL_STEP, ask, folder, port_base, serve,
};

const OPEN: &str = r#"{"uuid":"b1","request":[{"type":"openShift","operator":{"name":"Анна"}}]}"#;

const TEST: &str = "<request><field id=\"25\">26</field></request>";

/// A simulator alone, and what it says.
struct Alone {
    child: Child,
    said: BufReader<ChildStdout>,
    port: u16,
}

impl Alone {
    /// Starts it, on other ports when a program took these meanwhile.
    fn start(step: u16, args: &[&str]) -> Self {
        for _ in 0..10 {
            let base = port_base();
            let mut child = Command::new(BINARY)
                .args(["--port-base", &base.to_string(), "sim"])
                .args(args)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let said = BufReader::new(child.stdout.take().unwrap());
            let mut alone = Self { child, said, port: base + step };
            if alone.hears("listening") {
                return alone;
            }
            alone.child.wait().unwrap();
        }
        panic!("no free ports");
    }

    /// Reads on to a line with this text; `false` when there is none to the end.
    fn hears(&mut self, text: &str) -> bool {
        let mut line = String::new();
        while self.said.read_line(&mut line).unwrap() > 0 {
            if line.contains(text) {
                return true;
            }
            line.clear();
        }
        false
    }

    fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.said.read_to_string(&mut String::new()).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn a_register_alone_shows_its_tape() {
    let mut alone = Alone::start(REGISTER_STEP, &["atol", "--user", "till:secret"]);
    let post = |headers: &[&str]| ask(alone.port, "POST", "/api/v2/requests", headers, OPEN).status;
    assert_eq!(post(&[]), "HTTP/1.1 401 Unauthorized");
    assert_eq!(post(&["Authorization: Basic dGlsbDpzZWNyZXQ="]), "HTTP/1.1 201 Created");
    assert!(alone.hears("ОТЧЕТ ОБ ОТКРЫТИИ СМЕНЫ"));
    assert!(alone.hears("Анна"));
    assert_eq!(alone.stop(), Some(0));
}

#[test]
fn older_generations_have_no_prefix_and_no_users() {
    let alone = Alone::start(REGISTER_STEP, &["atol", "--generation", "v1"]);
    assert_eq!(ask(alone.port, "POST", "/requests", &[], OPEN).status, "HTTP/1.1 201 Created");
    assert_eq!(
        ask(alone.port, "GET", "/api/v2/serverInfo", &[], "").status,
        "HTTP/1.1 404 Not Found"
    );
    assert_eq!(alone.stop(), Some(0));
    for args in [["--generation", "v1", "--user", "a:b"], ["--generation", "java", "--user", "ab"]]
    {
        let refused = Command::new(BINARY).args(["sim", "atol"]).args(args).output().unwrap();
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("--user"));
    }
}

#[test]
fn the_stand_has_a_register_beside_its_till() {
    let (_folder, data) = folder();
    let stand = serve(&data, &[]);
    let said = stand.table.join("\n");
    assert!(said.contains(&format!("http://127.0.0.1:{}/api/v2/", stand.register)), "{said}");
    let ask = |method, path, body| ask(stand.register, method, path, &[], body).body;
    ask("POST", "/api/v2/requests", OPEN);
    let shown = ask("GET", "/api/v2/requests/b1", "");
    assert!(shown.starts_with(r#"{"results":[{"status":"ready""#), "{shown}");
    assert_eq!(stand.stop().0, Some(0));
}

#[test]
fn a_terminal_alone_shows_its_operations() {
    let steps = r#"[{"decide":"abort"}]"#;
    let arguments = ["dualconnector", "--card-ms", "1", "--steps", steps];
    let mut alone = Alone::start(TERMINAL_STEP, &arguments);
    let post = |path, body| ask(alone.port, "POST", path, &[], body);
    assert!(post("/", TEST).body.contains("<field id=\"39\">1</field>"));
    assert_eq!(post("/sim/step", r#"{"decide":"decline"}"#).status, "HTTP/1.1 200 OK");
    let sale = "<request><field id=\"0\">12500</field><field id=\"25\">1</field>\
                <field id=\"26\">417</field><field id=\"27\">00012345</field></request>";
    assert!(post("/", sale).body.contains("<field id=\"39\">53</field>"));
    assert!(post("/", sale).body.contains("<field id=\"39\">16</field>"));
    assert!(post("/", sale).body.contains("<field id=\"39\">1</field>"));
    assert!(alone.hears("ПРОВЕРКА СВЯЗИ: 1"));
    assert!(alone.hears("ОПЛАТА, коп. 12500, номер 417: 16 НЕДОСТАТОЧНО СРЕДСТВ"));
    assert!(alone.hears("банк денег не двигал"));
    assert!(alone.hears("ОПЛАТА, коп. 12500, номер 417: 1 ОДОБРЕНО"));
    assert!(alone.hears("СУММА 125.00 RUB"));
    assert_eq!(alone.stop(), Some(0));
}

#[test]
fn a_processing_alone_shows_its_requests() {
    let mut alone = Alone::start(PROCESSING_STEP, &["loymax"]);
    let balance = "<XMLRequest><Version>3.2</Version><Balances><BalanceRequest ElementID=\"1\" \
                   OperationID=\"b1\" OperationDate=\"2026-03-14T12:00:05+03:00\">\
                   <Identifier Type=\"Auto\" Value=\"2990000000019\"/></BalanceRequest>\
                   </Balances></XMLRequest>";
    let till = ["Authorization: Basic VElMTC0wMDA3OmRlbW8="];
    let post = |headers: &[&str]| {
        ask(alone.port, "POST", "/XmlExchange/demo/TILL-0007/", headers, balance)
    };
    assert_eq!(post(&[]).status, "HTTP/1.1 401 Unauthorized");
    assert!(post(&till).body.contains("BonusAmount=\"250.00\""));
    let said = ask(alone.port, "POST", "/sim/fault", &[], r#"{"fault":"http","value":503}"#);
    assert_eq!(said.status, "HTTP/1.1 200 OK");
    assert_eq!(post(&till).status, "HTTP/1.1 503 Service Unavailable");
    assert!(ask(alone.port, "GET", "/sim/house", &[], "").body.contains("79990000001: 250.00"));
    assert!(alone.hears("TILL-0007: Balance 0 200"));
    assert_eq!(alone.stop(), Some(0));
}

#[test]
fn a_folder_with_sb_pilot_shows_its_runs() {
    let (place, _) = folder();
    let folder = place.path().join("sber");
    let arguments = ["sberbank", "--folder", folder.to_str().unwrap()];
    let mut alone = Alone::start(TERMINAL_STEP + 1, &arguments);
    let pilot = |step: Option<&str>| {
        let mut run = Command::new(folder.join("sb_pilot"));
        run.args(["1", "12500", "0", "0", "/q=A1B2C3D4"]).current_dir(&folder);
        run.env_remove("SB_PILOT_STEP").envs(step.map(|step| ("SB_PILOT_STEP", step)));
        String::from_utf8(run.output().unwrap().stdout).unwrap()
    };
    let said = ask(alone.port, "POST", "/sim/step", &[], r#"{"bank":{"refuses":4451}}"#);
    assert_eq!(said.status, "HTTP/1.1 200 OK");
    let wrong = ask(alone.port, "POST", "/sim/step", &[], r#"{"bank":"?"}"#);
    assert_eq!(wrong.status, "HTTP/1.1 400 Bad Request");
    assert_eq!(pilot(Some(r#"{"says":{"code":99}}"#)), "return:99\n");
    assert_eq!(pilot(None), "return:4451\n");
    assert_eq!(pilot(None), "return:0\n");
    assert!(alone.hears("sb_pilot 1 12500 0 0 /q=A1B2C3D4: 99,"));
    assert!(alone.hears("ОПЛАТА 125.00 RRN 407400000000"), "the money was taken");
    assert!(alone.hears("4451,НЕДОСТАТОЧНО СРЕДСТВ"));
    assert!(alone.hears("банк денег не двигал"));
    assert!(alone.hears("0,ОДОБРЕНО"));
    let tape = ask(alone.port, "GET", "/sim/tape", &[], "").body;
    assert!(tape.contains("ОПЛАТА 125.00 RRN 407400000001"), "{tape}");
    assert_eq!(alone.stop(), Some(0));
}

#[test]
fn the_stand_has_a_terminal_beside_its_till() {
    let (_folder, data) = folder();
    let stand = serve(&data, &[]);
    let said = stand.table.join("\n");
    let place = format!("http://127.0.0.1:{}/", stand.terminal);
    assert!(said.contains(&place), "{said}");
    let answer = ask(stand.terminal, "POST", "/", &[], TEST).body;
    assert!(answer.contains("<field id=\"27\">00012345</field>"), "{answer}");
    let page = ask(stand.page, "GET", "/", &[], "").body;
    assert!(page.contains(&place), "{page}");
    assert_eq!(stand.stop().0, Some(0));
}
