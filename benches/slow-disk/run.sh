#!/usr/bin/env bash
# G3 and G4 on a disk whose sync takes a millisecond longer, or SYNC_US microseconds; both sides alike.
set -euo pipefail
cd "$(dirname "$0")/../.."
export SYNC_US=${SYNC_US:-1000}
library=$(mktemp --suffix=.so)
trap 'rm -f "$library"' EXIT
cc -O2 -shared -fPIC benches/slow-disk/slow.c -o "$library" -ldl
cargo bench -q -p tillway-sqlite --bench book --no-run
bench=$(cargo bench -q -p tillway-sqlite --bench book --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
LD_PRELOAD=$library "$bench" --bench G3 G4 "$@"
