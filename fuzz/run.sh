#!/usr/bin/env bash
# Builds the fuzz targets and runs each of them, beginning with its seeds.
#
#   fuzz/run.sh                      so many inputs for each target, from one seed
#   fuzz/run.sh 600                  ten minutes for each; what is learnt is kept in corpus/
#   fuzz/run.sh 600 scans framing    only these
#
# Fails on a finding, keeps its input in artifacts/, and says how to run it again.
set -euo pipefail
cd "$(dirname "$0")"

declare -A longest=(
    [atol]=2048 [book]=512 [commits]=1024 [dualconnector]=2048 [flows]=512 [framing]=4096
    [json]=2048 [loymax]=2048 [loymax_input]=256 [loymax_json]=3072 [loymax_signed]=4096
    [money]=160 [names]=1024 [native]=512 [records]=2048 [requests]=2048 [sberbank]=1024
    [scans]=2100 [slips]=1024 [tokens]=600
)

# Some seconds each.
declare -A inputs=(
    [atol]=800000 [book]=6000 [commits]=12000 [dualconnector]=60000 [flows]=80000 [framing]=30000
    [json]=700000 [loymax]=200000 [loymax_input]=600000 [loymax_json]=150000 [loymax_signed]=40000
    [money]=2500000 [names]=800000 [native]=600000 [records]=900000 [requests]=1500
    [sberbank]=50000 [scans]=350000 [slips]=200000 [tokens]=1200000
)

if [ $# -gt 0 ]; then
    seconds=$1 seed=0 corpus=$PWD/corpus
    inputs=()
    shift
else
    seconds=120 seed=1 corpus=$(mktemp -d)
    trap 'rm -rf "$corpus"' EXIT
fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    readarray -t targets < <(printf '%s\n' "${!longest[@]}" | sort)
fi

# libFuzzer is written in C++, and is built with the targets.
if ! command -v c++ >/dev/null; then
    as_root=$([ "$(id -u)" -eq 0 ] || echo sudo)
    $as_root apt-get update -q
    $as_root apt-get install -qy g++
fi

# What `cargo fuzz build --sanitizer none` passes too, so both use what the other has built.
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing \
-Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
-Cllvm-args=-sanitizer-coverage-stack-depth -Cdebug-assertions -Ccodegen-units=1"
cargo build --release --target "$host" --bins
echo "built after ${SECONDS}s"

run() {
    local target=$1 log=artifacts/$1.log dictionary=()
    mkdir -p "$corpus/$target" "artifacts/$target"
    [ ! -f "dict/$target.txt" ] || dictionary=("-dict=dict/$target.txt")
    if "target/$host/release/$target" "$corpus/$target" "seeds/$target" \
        -runs="${inputs[$target]:--1}" -max_total_time="$seconds" -seed="$seed" -max_len="${longest[$target]}" \
        -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 "${dictionary[@]}" \
        -artifact_prefix="artifacts/$target/" >"$log" 2>&1; then
        local inputs coverage
        inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        coverage=$(sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' "$log")
        printf '%-10s %10s inputs, %6s edges\n' "$target" "$inputs" "$coverage"
    else
        grep -v '^#' "$log" | tail -n 60
        local input
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        echo "FOUND in $target; again: TALK=1 fuzz/target/$host/release/$target fuzz/$input"
        return 1
    fi
}

found=0
for target in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
        wait -n || found=1
    done
    run "$target" &
done
while [ -n "$(jobs -p)" ]; do
    wait -n || found=1
done
exit $found
