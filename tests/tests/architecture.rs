//! The arrows of `docs/ARCHITECTURE.md`, read off cargo's own metadata.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which of our crates a crate may use outside its tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("tillway-atol", &["tillway-core", "tillway-device", "tillway-transport"]),
    ("tillway-core", &[]),
    ("tillway-device", &[]),
    ("tillway-dualconnector", &["tillway-core", "tillway-transport"]),
    ("tillway-faultfs", &[]),
    ("tillway-fptr10-fake", &["tillway-sim"]),
    ("tillway-transport", &[]),
    ("tillway-engine", &["tillway-core"]),
    ("tillway-layers", &["tillway-core"]),
    ("tillway-loymax", &["tillway-core", "tillway-transport"]),
    ("tillway-measure", &[]),
    ("tillway-memory", &["tillway-core"]),
    ("tillway-sberbank", &["tillway-core", "tillway-device"]),
    ("tillway-sqlite", &["tillway-core", "tillway-device"]),
    // Of the adapter the simulator has the code of signatures alone.
    ("tillway-sim", &["tillway-core", "tillway-device", "tillway-loymax", "tillway-transport"]),
    ("tillway-testkit", &["tillway-core"]),
    ("tillway-waiter", &["tillway-core", "tillway-transport"]),
];

/// The packages that may use everything: the facade, examples, and the workspace's tests.
const FREE: &[&str] = &[
    "axum-service",
    "card",
    "loymax-till",
    "quickstart",
    "receipt",
    "stand",
    "tillway",
    "tillway-tests",
];

fn metadata() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .other_options(["--locked".into()])
        .exec()
        .unwrap()
}

fn normal(package: &Package) -> impl Iterator<Item = &str> {
    let kept = package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development);
    kept.map(|d| d.name.as_str())
}

#[test]
fn arrows_point_to_core() {
    let metadata = metadata();
    let ours: BTreeSet<&str> =
        metadata.workspace_packages().iter().map(|p| p.name.as_str()).collect();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        if FREE.contains(&name) {
            continue;
        }
        let arrows = allowed.get(name).unwrap_or_else(|| panic!("{name} has no place in ARROWS"));
        for dependency in normal(package).filter(|d| ours.contains(d)) {
            assert!(arrows.contains(&dependency), "{name} must not use {dependency}");
        }
    }
}

/// Everything a package pulls in outside tests on this machine, with its default features.
fn tree(root: &str) -> BTreeSet<String> {
    let args = ["tree", "--locked", "-p", root, "-e", "normal", "--prefix", "none"];
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = std::process::Command::new(cargo)
        .args(args)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn core_has_no_runtime_no_network_and_no_json() {
    let tree = tree("tillway-core");
    assert!(tree.contains("rust_decimal"), "the tree was read: {tree:?}");
    for banned in ["tokio", "hyper", "serde_json", "serde", "tracing", "rusqlite", "http"] {
        assert!(!tree.contains(banned), "tillway-core must not pull in {banned}");
    }
}

#[test]
fn banned_packages_are_nowhere() {
    let metadata = metadata();
    let names: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    for banned in ["rsa", "openssl-sys", "native-tls", "sqlx", "chrono", "anyhow"] {
        let by_us = metadata
            .workspace_packages()
            .iter()
            .any(|p| p.dependencies.iter().any(|d| d.name == banned));
        assert!(!by_us, "no crate of ours may use {banned}");
        if matches!(banned, "rsa" | "openssl-sys") {
            assert!(!names.contains(banned), "{banned} must not be in the graph");
        }
    }
}

#[test]
fn every_crate_follows_the_house() {
    for package in metadata().workspace_packages() {
        let name = package.name.as_str();
        assert_eq!(package.edition.as_str(), "2024", "{name}");
        assert_eq!(package.license.as_deref(), Some("Apache-2.0"), "{name}");
        assert!(package.rust_version.is_some(), "{name} names its Rust version");
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} takes the shared lints");
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut long = Vec::new();
    for file in tillway_tests::tree::rust_files(root.as_ref()) {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        if lines > 800 {
            long.push(format!("{} has {lines} lines", file.display()));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}
