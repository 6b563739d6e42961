//! Files that no person would write: told off in one line, or a configuration that can be checked;
//! no secret comes back in either.

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::Config as Runs;

use super::super::{check, from_file};
use super::parse;

/// Stands only where a secret may stand.
const SECRET: &str = "hush-hush-12345678";

/// A key, and values that fit it.
#[derive(Clone, Debug)]
struct Key(&'static str, &'static [&'static str]);

const KEYS: &[Key] = &[
    Key("mode", &["\"venue\"", "\"demo\""]),
    Key("installation", &["\"7469c6c7-7617-4900-8000-000000000007\""]),
    Key("page", &["\"127.0.0.1:7700\"", "\"127.0.0.1:0\"", "\"0.0.0.0:80\"", "\"[::1]:7710\""]),
    Key("token_prefix", &["\"lt2.\"", "\"\""]),
    Key("mint_with", &["\"a\"", "\"b\""]),
    Key("bridge", &["\"poll\"", "\"push\"", "\"message\"", "\"none\""]),
    Key("bridge_seconds", &["1", "7", "8"]),
    Key("phone_lookup", &["\"on\""]),
    Key("phone_spend", &["\"allow\""]),
    Key("fiscal", &["\"register\"", "\"external_declared\""]),
    Key("min_money", &["1", "\"50.70\"", "\"0.001\"", "-1"]),
    Key("bonus_cap_percent", &["0", "\"33.33\"", "101"]),
    Key("money_priority", &["[\"deposit\", \"credit\"]", "[]"]),
    Key("mix", &["\"free\""]),
    Key("limits_on_failure", &["\"503\"", "\"zero\""]),
    Key("json_case", &["\"pascal\"", "\"camel\""]),
    Key("allow_orderless_refund", &["\"on\""]),
    Key("texts.card_blocked", &["\"Карта {limit}\"", "\"\""]),
    Key("texts.x", &["\"x\""]),
    Key("limits.body_kib", &["1", "65536", "65537"]),
    Key("limits.stop_seconds", &["0", "86400"]),
    Key("pin", &["\"off\"", "\"list\"", "\"bridge\"", "\"hush-hush-12345678\""]),
    Key(
        "pins",
        &["[\"hush-hush-12345678\"]", "\"hush-hush-12345678\"", "[[\"hush-hush-12345678\"]]"],
    ),
    Key("payment_types.0668e655-15a0-4b5e-ab3c-c7f7003cb8cc", &["\"bonus\"", "\"cash\""]),
    Key("payment_types.d645d632-cd95-4d49-9974-06911a9cd314", &["\"bonus\"", "\"deposit\""]),
    Key("payment_types.lime", &["\"credit\""]),
];

/// A secret as it should be written, and as it should not.
fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(format!("\"{SECRET}\"")),
        1 => select(vec![
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

/// A value of any type.
fn odd() -> impl Strategy<Value = String> {
    let odd = [
        "4294967296",
        "9223372036854775807",
        "1.5",
        "nan",
        "true",
        "1979-05-27T07:32:00Z",
        "{}",
        "[[]]",
        "\"1e99\"",
        "",
    ];
    prop_oneof![
        select(odd.map(str::to_owned).to_vec()),
        "[ -~]{0,12}".prop_map(|text| format!("{text:?}")),
        any::<i64>().prop_map(|number| number.to_string()),
    ]
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    let values = (any::<Index>(), prop::option::weighted(0.05, odd()));
    let chosen = (subsequence(KEYS, 0..=5), prop::collection::vec(values, 5));
    chosen.prop_map(|(keys, values)| {
        let line = |(Key(key, fitting), (which, odd)): (&Key, (Index, Option<String>))| {
            let value = odd.unwrap_or_else(|| which.get(fitting).to_string());
            format!("{key} = {value}")
        };
        keys.iter().zip(values).map(line).collect()
    })
}

fn table() -> impl Strategy<Value = String> {
    let id = select(vec!["\"till-1\"", "\"TILL-1\"", "\"till-2\"", "\"касса\"", "1"]);
    let more = select(vec![
        "",
        "",
        "listen = \"127.0.0.1:7710\"",
        "listen = \"0.0.0.0:7711\"\nallowed_peers = [\"10.0.0.0/8\"]",
        "allowed_peers = [\"lan\"]",
        "plugin = \"http://127.0.0.1:9\"",
    ]);
    let kid = select(vec!["\"a\"", "\"a.b\"", "\"\"", "5"]);
    let reader = select(vec![
        "kind = \"prefix\"\nprefix = \"CARD:\"",
        "kind = \"url\"\nparameter = \"\"",
        "kind = \"json\"\nfield = 1",
        "kind = \"other\"",
    ]);
    let loyalty = select(vec![
        "points = true",
        "url = \"https://h/x\"\nlogin = \"a\"\npoints = true\nknown_by = [\"phone\"]",
        "url = \"https://h/x\"\nlogin = \"a:b\"",
        "url = \"h\"\nlogin = \"a\"\nletters = \"windows-1251\"",
        "signature = \"detached\"\nkey_file = \"/nowhere\"",
        "password_file = \"/nowhere\"",
        "level = \"most\"",
    ]);
    prop_oneof![
        4 => (id, secret(), more).prop_map(|(id, token, more)| {
            format!("[[till]]\nid = {id}\ntoken = {token}\n{more}")
        }),
        2 => (kid, secret()).prop_map(|(kid, key)| {
            format!("[[token_keys]]\nkid = {kid}\nkey = {key}")
        }),
        1 => reader.prop_map(|reader| format!("[[reader]]\n{reader}")),
        2 => (loyalty, secret()).prop_map(|(loyalty, password)| {
            format!("[loyalty]\npassword = {password}\n{loyalty}")
        }),
    ]
}

fn file() -> impl Strategy<Value = String> {
    let parts = (lines(), prop::collection::vec(table(), 0..4));
    parts.prop_map(|(lines, tables)| [lines, tables].concat().join("\n"))
}

/// One line, and not the secret.
fn told(text: &str) -> Result<(), TestCaseError> {
    prop_assert!(!text.contains(SECRET) && !text.contains('\n'), "{text}");
    Ok(())
}

proptest! {
    #![proptest_config(Runs { cases: 2_000, ..Runs::default() })]

    #[test]
    fn a_random_file_is_told_off_or_checked(text in file(), base in 0..70_000_u32) {
        let read = match parse(&text) {
            Ok(read) => read,
            Err(error) => return told(&error),
        };
        let config = match from_file(read, base) {
            Ok(config) => config,
            Err(error) => return told(&error.to_string()),
        };
        let debug = format!("{config:?}");
        prop_assert!(!debug.contains(SECRET), "{debug}");
        let findings = check(&config);
        for finding in &findings {
            told(finding)?;
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
