#!/usr/bin/env bash
# G12: our store against the crate doubleentry, each in a process of its own, rounds in turn.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --locked --manifest-path benches/doubleentry/Cargo.toml
peer="$PWD/benches/doubleentry/target/release/doubleentry-peer"
cargo bench -p tillway-sqlite --bench book -- "--peer=$peer" G12 "$@"
