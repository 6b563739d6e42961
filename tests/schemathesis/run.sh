#!/usr/bin/env bash
# Holds a running stand against docs/api with requests that schemathesis makes up: good ones, and
# ones that break a rule of the document each. SEED and EXAMPLES change what is made up.
#
# Needs cargo and PyPI; python3 and python3-venv are installed by apt-get when they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

seed=${SEED:-1}
examples=${EXAMPLES:-60}
here=$PWD/tests/schemathesis
docs=$PWD/docs/api

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    as_root=$([ "$(id -u)" = 0 ] || echo sudo)
    $as_root apt-get update -qq
    $as_root apt-get install -y -qq python3 python3-venv >/dev/null
fi

cargo build --locked --quiet -p stand
target=$(cargo metadata --format-version 1 --no-deps --locked |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
work=$target/schemathesis
mkdir -p "$work"

if ! cmp -s "$here/requirements.txt" "$work/venv/installed"; then
    rm -rf "$work/venv"
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$work/venv/installed"
fi

# What a run leaves behind stays out of the tree.
run=$(mktemp -d "$work/run.XXXXXX")
cp "$here/hooks.py" "$here/schemathesis.toml" "$run"
stand=
stop() {
    if [ -n "$stand" ]; then kill "$stand" 2>/dev/null && wait "$stand" || true; fi
    rm -rf "$run"
}
trap stop EXIT

base=$(python3 - <<'PORTS'
import socket

# The page's, then till 1, the card terminal and the register, as far from it as they listen.
while True:
    first = socket.socket()
    first.bind(("127.0.0.1", 0))
    base = first.getsockname()[1]
    try:
        for step in (10, 20, 1315, 9032):
            socket.socket().bind(("127.0.0.1", base + step))
    except (OSError, OverflowError):
        continue
    print(base)
    break
PORTS
)
till=http://127.0.0.1:$((base + 10))
"$target/debug/stand" --config "$here/stand.toml" --data "$run/data" --port-base "$base" --fresh \
    >"$run/said" 2>"$run/log" &
stand=$!
for _ in $(seq 600); do
    if grep -q '^listening' "$run/said"; then break; fi
    kill -0 "$stand" 2>/dev/null || { cat "$run/log"; exit 1; }
    sleep 0.1
done

# The guest of the demo sits at order 82, so that there is something to pay with.
checkin='{"Value":"149725735","WaiterPin":"12345"}'
order=3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11
python3 - "$till/orders/$order/checkin" "$checkin" <<'CHECKIN'
import sys
import urllib.request

url, body = sys.argv[1:]
request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})
assert urllib.request.urlopen(request).status == 204
CHECKIN

ask() {
    local document=$1
    shift
    (cd "$run" && PYTHONDONTWRITEBYTECODE=1 timeout 300 "$work/venv/bin/schemathesis" \
        --config-file schemathesis.toml run "$document" --url "$till" --checks all --no-color \
        --seed "$seed" --max-examples "$examples" --phases examples,coverage,fuzzing \
        --generation-database none --request-timeout 30 --continue-on-failure "$@")
}

# First, that it can fail: a document without one of its answers.
sed "s/^ *'404': { \$ref: '#\/components\/responses\/UnknownTransaction' }$//" \
    "$docs/pos-v1.yaml" >"$run/without.yaml"
if ask "$run/without.yaml" --include-operation-id getPayment >"$run/without.log" 2>&1; then
    echo "an answer that is not documented was not noticed"
    exit 1
fi
grep -q 'Undocumented status code' "$run/without.log" || { cat "$run/without.log"; exit 1; }

ask "$docs/pos-v1.yaml"
# Last, because it detaches the guest.
ask "$docs/waiter.yaml"

# Requests that get nowhere would prove nothing.
python3 - "http://127.0.0.1:$base/metrics" <<'REACHED'
import re
import sys
import urllib.request

text = urllib.request.urlopen(sys.argv[1]).read().decode()
for operation in ("hold", "void", "capture", "cancel", "refund", "acknowledge", "close"):
    series = rf'^tillway_store_operations_total{{operation="{operation}"}} [1-9]'
    assert re.search(series, text, re.M), f"no {operation} was ever done"
assert not re.search(r'status="5xx"', text), "a request was answered with 5xx"
REACHED
kill "$stand"
wait "$stand"
stand=
if grep -i panicked "$run/log"; then exit 1; fi
