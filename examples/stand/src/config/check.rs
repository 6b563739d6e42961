//! What cannot be right in a configuration, each in one line.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use secrecy::ExposeSecret;
use tillway::core::AccountKind;
use tillway::core::id::Uuid;
use tillway::engine::Bridge;

use super::Config;
use crate::demo;

/// The findings; empty when the stand may start.
pub(crate) fn check(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    payment_types(config, &mut found);
    listeners(config, &mut found);
    tills(config, &mut found);
    pins(config, &mut found);
    points(config, &mut found);
    if !config.demo {
        outside_the_demo(config, &mut found);
    }
    let keys = &config.engine.tokens.keys;
    if let Some(kid) = config.engine.mint_with.as_deref() {
        let now = tillway::core::Timestamp::utc(0);
        let minted = keys.mint(kid, "0", now, std::time::Duration::from_secs(1), [0; 16]);
        if minted.is_err() {
            found.push(format!("mint_with: no key of token_keys has the kid {kid:?}"));
        }
    }
    found
}

/// F5: one payment type per kind, one kind per type.
fn payment_types(config: &Config, found: &mut Vec<String>) {
    let mut kinds: BTreeMap<Uuid, AccountKind> = BTreeMap::new();
    let mut types: BTreeMap<&str, Uuid> = BTreeMap::new();
    for (id, kind) in &config.engine.payment_types {
        if let Some(other) = kinds.insert(*id, *kind) {
            let (one, two) = (other.word(), kind.word());
            found.push(format!("payment_types: {id} is used for two kinds, {one} and {two}"));
        } else if let Some(other) = types.insert(kind.word(), *id) {
            let kind = kind.word();
            found.push(format!("payment_types: {kind} has two types, {other} and {id}"));
        }
    }
    if kinds.is_empty() {
        found.push("payment_types: none, so every payment would be refused".to_owned());
    }
}

fn listeners(config: &Config, found: &mut Vec<String>) {
    if !config.page.ip().to_canonical().is_loopback() {
        let page = config.page;
        found.push(format!("page: {page} can be reached by others, and the page has no login"));
    }
    if config.page.port() == 0 {
        found.push("page: port 0 is no port that a browser can be told".to_owned());
    }
    let mut known: Vec<(SocketAddr, &str)> = vec![(config.page, "the page")];
    for till in &config.tills {
        if till.listen.port() == 0 {
            found.push(format!("till {}: port 0 is no port that a till can be told", till.id));
        } else if let Some((_, other)) =
            known.iter().find(|(address, _)| clash(*address, till.listen))
        {
            found.push(format!("till {}: {} is taken by {other}", till.id, till.listen));
        }
        known.push((till.listen, till.id.as_str()));
    }
}

/// Whether two listeners cannot be open together.
fn clash(one: SocketAddr, two: SocketAddr) -> bool {
    let any = one.ip().is_unspecified() || two.ip().is_unspecified();
    one.port() == two.port() && (any || one.ip() == two.ip())
}

fn tills(config: &Config, found: &mut Vec<String>) {
    if config.tills.is_empty() {
        found.push("till: none, so nobody is served".to_owned());
    }
    for (place, till) in config.tills.iter().enumerate() {
        if let Err(error) = config.waiter(till).check(till.listen) {
            // Payment types were looked at for all tills at once.
            let of_types = matches!(error, tillway::waiter::ConfigError::PaymentTypeTwice { .. });
            if !of_types {
                found.push(format!("till {}: {error}", till.id));
            }
        }
        match (config.engine.bridge, &till.plugin) {
            (Bridge::Push, None) => {
                found.push(format!("till {}: bridge is push, and plugin is not said", till.id));
            }
            (Bridge::Push, Some(_)) | (_, None) => {}
            (_, Some(_)) => {
                found.push(format!("till {}: plugin is said, and bridge is not push", till.id));
            }
        }
        for other in config.tills.iter().take(place) {
            if other.id.as_str().eq_ignore_ascii_case(till.id.as_str()) {
                found.push(format!("till {}: named twice", till.id));
            }
            if other.token.expose_secret() == till.token.expose_secret() {
                found.push(format!("till {}: its token is also that of {}", till.id, other.id));
            }
        }
    }
}

fn pins(config: &Config, found: &mut Vec<String>) {
    if config.pins.iter().any(|pin| pin.expose_secret().trim().is_empty()) {
        found.push("pins: one is empty, and nobody types it".to_owned());
    }
    match &config.engine.pins {
        tillway::engine::PinCheck::List(list) if list.is_empty() => {
            found.push("pin: the list is checked, and pins is empty".to_owned());
        }
        tillway::engine::PinCheck::Bridge if !config.engine.bridge.asks_the_till() => {
            found.push("pin: the bridge is to check, and no plugin is asked".to_owned());
        }
        tillway::engine::PinCheck::Off | tillway::engine::PinCheck::Bridge
            if !config.pins.is_empty() =>
        {
            found.push("pins: given, and nobody checks them; set pin = \"list\"".to_owned());
        }
        _ => {}
    }
}

/// Points that nobody could pay with.
fn points(config: &Config, found: &mut Vec<String>) {
    let kept = config.loyalty.as_ref().is_some_and(|loyalty| loyalty.points.is_some());
    let payable = config.engine.payment_types.iter().any(|(_, kind)| *kind == AccountKind::Bonus);
    if kept && !payable {
        found.push("loyalty: points is true, and payment_types has none for bonus".to_owned());
    }
}

fn outside_the_demo(config: &Config, found: &mut Vec<String>) {
    if config.engine.bridge == Bridge::None {
        found.push("bridge: none is for the demo, since the till is never told".to_owned());
    }
    for till in &config.tills {
        if till.token.expose_secret() == demo::TILL_TOKEN {
            found.push(format!("till {}: its token is the demo's, which everybody knows", till.id));
        }
    }
    if config.token_keys.iter().any(|key| key.expose_secret() == demo::TOKEN_KEY) {
        found.push("token_keys: a key is the demo's, which everybody knows".to_owned());
    }
    if config.pins.iter().any(|pin| pin.expose_secret() == demo::PIN) {
        found.push("pins: one is the demo's, which everybody knows".to_owned());
    }
    if config.installation == Some(demo::INSTALLATION) {
        found.push("installation: that of the demo; leave it out to get one of its own".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::super::{file, from_file};
    use super::*;

    const GOOD: &str = r#"
        [[till]]
        id = "till-1"
        token = "a-long-random-text"
        [payment_types]
        "0668e655-15a0-4b5e-ab3c-c7f7003cb8cc" = "bonus"
    "#;

    fn findings(text: &str) -> Vec<String> {
        let file: file::File = toml::from_str(text).unwrap();
        check(&from_file(file, 7_700).unwrap())
    }

    #[test]
    fn a_good_file_has_no_findings() {
        assert_eq!(findings(GOOD), Vec::<String>::new());
    }

    #[test]
    fn each_mistake_is_one_line() {
        let types = "[payment_types]\n\"0668e655-15a0-4b5e-ab3c-c7f7003cb8cc\" = \"bonus\"\n";
        let till = |rest: &str| format!("[[till]]\nid = \"till-1\"\n{rest}\n{types}");
        let good = "token = \"a-long-random-text\"";
        let two = "[[till]]\nid = \"till-2\"\ntoken = \"another-random-text\"";
        let rows = [
            (format!("bridge = \"none\"\n{GOOD}"), "bridge: none"),
            (till("token = \"till-1-secret\""), "till till-1: its token is the demo's"),
            (till("token = \"short\""), "till till-1: the token of till till-1 is not 8 to 256"),
            (till(&format!("{good}\nlisten = \"0.0.0.0:7710\"")), "allowed_peers"),
            (till(&format!("{good}\nlisten = \"127.0.0.1:0\"")), "port 0"),
            (till(&format!("{good}\nlisten = \"127.0.0.1:7700\"")), "is taken by the page"),
            (till(&format!("{good}\n{two}\nlisten = \"127.0.0.1:7710\"")), "taken by till-1"),
            (till(&format!("{good}\n[[till]]\nid = \"TILL-1\"\n{good}")), "TILL-1: named twice"),
            (till(&format!("{good}\n[[till]]\nid = \"b\"\n{good}")), "is also that of till-1"),
            (types.to_owned(), "till: none"),
            (format!("[[till]]\nid = \"till-1\"\n{good}"), "payment_types: none"),
            (
                format!("{GOOD}\n\"0668E65515A04B5EAB3CC7F7003CB8CC\" = \"credit\""),
                "is used for two kinds, credit and bonus",
            ),
            (
                format!("{GOOD}\n\"d645d632-cd95-4d49-9974-06911a9cd314\" = \"bonus\""),
                "bonus has two types",
            ),
            (format!("pin = \"list\"\n{GOOD}"), "pins is empty"),
            (format!("pin = \"bridge\"\nbridge = \"message\"\n{GOOD}"), "no plugin is asked"),
            (format!("bridge = \"push\"\n{GOOD}"), "bridge is push, and plugin is not said"),
            (
                till(&format!("{good}\nplugin = \"http://10.0.0.7:9100/\"")),
                "plugin is said, and bridge is not push",
            ),
            (format!("pins = [\"77777\"]\n{GOOD}"), "nobody checks them"),
            (format!("pin = \"list\"\npins = [\"12345\"]\n{GOOD}"), "pins: one is the demo's"),
            (format!("mint_with = \"b\"\n{GOOD}"), "no key of token_keys has the kid \"b\""),
            (format!("page = \"0.0.0.0:7700\"\n{GOOD}"), "the page has no login"),
            (format!("page = \"127.0.0.1:0\"\n{GOOD}"), "page: port 0"),
            (
                till(&format!(
                    "{good}\nlisten = \"0.0.0.0:7710\"\nallowed_peers = [\"0.0.0.0/0\"]"
                )),
                "allowed_peers must name",
            ),
            (format!("pin = \"list\"\npins = [\"\"]\n{GOOD}"), "pins: one is empty"),
        ];
        for (text, expected) in rows {
            let found = findings(&text);
            assert!(found.iter().any(|line| line.contains(expected)), "{expected}: {found:?}");
            assert!(found.iter().all(|line| !line.contains('\n')), "{found:?}");
        }
    }

    #[test]
    fn demo_secrets_are_fine_in_the_demo() {
        assert_eq!(findings("mode = \"demo\"\nbridge = \"none\""), Vec::<String>::new());
    }
}
