#!/usr/bin/env bash
# The release stand under load and faults: tests/soak.sh [minutes], 30 by default. Prints how
# memory, handles and the log of the store went, and a verdict.
set -euo pipefail
cd "$(dirname "$0")/.."
export SOAK_SECONDS=$((60 * ${1:-30}))
exec cargo test --release -p stand --test soak -- --ignored --nocapture
