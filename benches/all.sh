#!/usr/bin/env bash
# Takes every figure of docs/performance.md, and prints its table at the end. The machine must have
# nothing else to do. About a quarter of an hour on two cores once everything is built; with --long
# the files of ten million movements and a million guests too, which are some 10 GB in TMPDIR.
# With --quick it only shows that everything runs.
set -euo pipefail
cd "$(dirname "$0")/.."
long=false quick=()
for argument in "$@"; do
    case $argument in
    --long) long=true ;;
    --quick) quick=(--quick) ;;
    *) echo "usage: benches/all.sh [--long] [--quick]" >&2; exit 2 ;;
    esac
done
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }
bench() { cargo bench -q -p "$1" --bench "$2" -- "${quick[@]}" "--rows=$rows" "${@:3}"; }

step "machine"
date -u +%FT%TZ
git log -1 --format='commit %h of %cs'
rustc --version
uname -sr
grep -m1 'model name' /proc/cpuinfo || true
printf '%s cores, %s of memory, %s on %s\n' "$(nproc)" \
    "$(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)" \
    "$(df --output=fstype "${TMPDIR:-/tmp}" | tail -1)" "$(df --output=source "${TMPDIR:-/tmp}" | tail -1)"
printf 'load average %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"

step "build"
cargo bench -q -p tillway-core -p tillway-loymax -p tillway-transport -p tillway-sqlite -p stand --benches --no-run
cargo build -q --release --locked --manifest-path benches/doubleentry/Cargo.toml

step "arithmetic and codecs"
bench tillway-core money
bench tillway-transport codec
bench tillway-loymax wire
bench tillway-loymax loopback

step "the store"
bench tillway-sqlite book

step "against doubleentry"
benches/doubleentry/run.sh "${quick[@]}" "--rows=$rows"

step "the stand over HTTP"
bench stand http

if command -v wrk > /dev/null; then
    step "the stand over HTTP, by wrk"
    if [ ${#quick[@]} -gt 0 ]; then export ROUNDS=1 SECONDS_EACH=1; fi
    examples/stand/benches/wrk/run.sh
fi

if $long; then
    step "ten million movements, a million guests"
    bench tillway-sqlite book growth guests
fi

step "table"
if [ -s "$rows" ]; then
    echo '| figure | ours | floor | ratio | reach | shine | verdict | what |'
    echo '|---|---|---|---|---|---|---|---|'
    cat "$rows"
fi
step "done"
