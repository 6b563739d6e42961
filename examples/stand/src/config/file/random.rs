//! Files that no person would write: read to an error of one line, or to a configuration that can
//! be checked; no secret comes back in either.

use proptest::prelude::*;
use proptest::test_runner::Config as Runs;

use super::super::{check, from_file};
use super::parse;

/// Stands where only a secret may stand.
const SECRET: &str = "hush-hush-12345678";

/// A value of any type; the secret in every place of it.
fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => Just(format!("\"{SECRET}\"")),
        1 => prop::sample::select(vec![
            format!("'{SECRET}'"),
            format!("[\"{SECRET}\"]"),
            format!("[\n \"{SECRET}=\", 12,\n]"),
            format!("{{ a = \"{SECRET}\" }}"),
            format!("\"\"\"\n{SECRET} = \n\"\"\""),
            format!("\"{SECRET}\\q\""),
            format!("\"{SECRET}"),
            SECRET.to_owned(),
            format!("1 # {SECRET}"),
        ]),
    ]
}

/// A value of any type without a secret.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "\"on\"", "\"off\"", "\"allow\"", "\"deny\"", "\"poll\"", "\"push\"", "\"message\"",
            "\"none\"", "\"list\"", "\"bridge\"", "\"demo\"", "\"venue\"", "\"503\"", "\"zero\"",
            "\"free\"", "\"pascal\"", "\"register\"", "\"external_declared\"", "\"bonus\"",
            "[\"deposit\", \"credit\"]", "\"127.0.0.1:7700\"", "\"0.0.0.0:0\"", "\"[::1]:7710\"",
            "\"lt2.\"", "\"\"", "0", "1", "7", "8", "-1", "101", "4294967296",
            "9223372036854775807", "1.5", "nan", "\"50.70\"", "\"1e99\"", "\"0.001\"", "true",
            "1979-05-27T07:32:00Z", "[]", "{}", "[[]]",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,12}".prop_map(|text| format!("{text:?}")),
        any::<i64>().prop_map(|number| number.to_string()),
    ]
}

fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "mode", "installation", "page", "token_prefix", "mint_with", "bridge", "bridge_seconds",
        "phone_lookup", "phone_spend", "fiscal", "photo", "overdraft_fiscal", "min_money",
        "bonus_cap_percent", "money_priority", "mix", "limits_on_failure", "ping_checks_store",
        "json_case", "name_in_suggestions", "allow_orderless_refund", "limits", "till", "reader",
        "texts.card_blocked", "texts.x", "limits.body_kib", "limits.stop_seconds",
        "limits.connections", "payment_types.x",
    ]);
    prop_oneof![
        6 => (key, value()).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => secret().prop_map(|secret| format!("pins = [{secret}]")),
        1 => secret().prop_map(|secret| format!("pins = {secret}")),
        1 => secret().prop_map(|secret| format!("pin = {secret}")),
    ]
}

fn table() -> impl Strategy<Value = String> {
    let id = prop::sample::select(vec!["\"till-1\"", "\"TILL-1\"", "\"till-2\"", "\"касса\"", "1"]);
    let more = prop::sample::select(vec![
        "", "listen = \"127.0.0.1:7710\"", "listen = \"0.0.0.0:7711\"", "allowed_peers = [\"lan\"]",
        "allowed_peers = [\"10.0.0.0/8\"]", "plugin = \"http://127.0.0.1:9\"", "plugin = \"x\"",
    ]);
    let kind = prop::sample::select(vec!["prefix", "url", "json", "other"]);
    let field = prop::sample::select(vec!["prefix", "parameter", "field"]);
    let guid = prop::sample::select(vec![
        "0668e655-15a0-4b5e-ab3c-c7f7003cb8cc", "0668E65515A04B5EAB3CC7F7003CB8CC",
        "d645d632-cd95-4d49-9974-06911a9cd314", "00000000-0000-0000-0000-000000000000", "lime",
    ]);
    let role = prop::sample::select(vec!["bonus", "deposit", "credit", "cash"]);
    let kid = prop::sample::select(vec!["\"a\"", "\"a.b\"", "\"\"", "5"]);
    prop_oneof![
        3 => (id, secret(), more).prop_map(|(id, token, more)| {
            format!("[[till]]\nid = {id}\ntoken = {token}\n{more}")
        }),
        1 => (kid, secret()).prop_map(|(kid, key)| {
            format!("[[token_keys]]\nkid = {kid}\nkey = {key}")
        }),
        1 => (kind, field, value()).prop_map(|(kind, field, value)| {
            format!("[[reader]]\nkind = \"{kind}\"\n{field} = {value}")
        }),
        2 => (guid, role).prop_map(|(guid, role)| format!("[payment_types]\n\"{guid}\" = \"{role}\"")),
    ]
}

fn file() -> impl Strategy<Value = String> {
    let lines = (prop::collection::vec(line(), 0..6), prop::collection::vec(table(), 0..5));
    lines.prop_map(|(lines, tables)| [lines, tables].concat().join("\n"))
}

fn harmless(text: &str) -> Result<(), TestCaseError> {
    prop_assert!(!text.contains(SECRET), "{text}");
    prop_assert!(!text.contains('\n'), "{text}");
    Ok(())
}

proptest! {
    #![proptest_config(Runs { cases: 1_000, ..Runs::default() })]

    #[test]
    fn a_random_file_is_told_off_or_checked(text in file(), base in 0..70_000_u32) {
        let read = match parse(&text) {
            Ok(read) => read,
            Err(error) => return harmless(&error),
        };
        let config = match from_file(read, base) {
            Ok(config) => config,
            Err(error) => return harmless(&error.to_string()),
        };
        let debug = format!("{config:?}");
        prop_assert!(!debug.contains(SECRET), "{debug}");
        let findings = check(&config);
        for finding in &findings {
            harmless(finding)?;
        }
        for till in &config.tills {
            let allowed = config.waiter(till).check(till.listen);
            prop_assert!(allowed.is_ok() || !findings.is_empty(), "{allowed:?}");
        }
    }

    #[test]
    fn what_is_no_file_is_told_off(text in "(?s).{0,200}") {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.contains('\n'), "{error}");
        }
    }
}
