#!/usr/bin/env bash
# G5 to G8 once more with wrk as the generator, on the same servers: core 0 serves, core 1 asks.
# Needs wrk and taskset. Rounds alternate; each line has the medians. ROUNDS and SECONDS_EACH may
# be set.
set -euo pipefail
cd "$(dirname "$0")/../../../.."
lua=examples/stand/benches/wrk
rounds=${ROUNDS:-7}
length=${SECONDS_EACH:-2}

coproc SERVERS { cargo bench -q -p stand --bench http -- --role=servers; }
declare -A at
while read -r name address <&"${SERVERS[0]}"; do
    if [ "$name" = ready ]; then break; fi
    at[$name]=$address
done
if [ -z "${at[stand]:-}" ]; then echo "the servers did not start" >&2; exit 1; fi
# The servers end with their input.
asks=${SERVERS[1]}
trap 'exec {asks}>&-; wait' EXIT

# ask SERVER PATH SCRIPT CONNECTIONS [ARGUMENT]: answers "per-second p99-us requests".
ask() {
    cat "$lua/venue.lua" "$lua/$3.lua" > "$scripts/$3.lua"
    taskset -c 1 wrk -t1 "-c$4" "-d${length}s" -s "$scripts/$3.lua" "http://${at[$1]}$2" -- "${5:-0}" |
        awk -F'[ =]' '/^requests=/ {
            if ($8 > 0) print $8 " requests were refused" > "/dev/stderr"
            printf "%.0f %d %d\n", $2 * 1e6 / $4, $6, $2 }'
}
scripts=$(mktemp -d)

median() { tr ' ' '\n' <<< "$*" | sort -n | awk '{ all[NR] = $1 } END { print all[int(NR / 2) + 1] }'; }

# line NAME UNITS OURS-RATES OURS-P99S FLOOR-RATES FLOOR-P99S: UNITS requests are one thing done.
line() {
    awk -v name="$1" -v units="$2" -v a="$(median $3)" -v b="$(median $5)" \
        -v p="$(median $4)" -v q="$(median $6)" -v rounds="$rounds" 'BEGIN {
        printf "wrk %s ours=%.0f/s floor=%.0f/s ratio=%.2f p99 of a request %dus against %dus (%d rounds)\n",
            name, a / units, b, a / units / b, p, q, rounds }'
}

reads() { # NAME PATH FLOOR-PATH
    local ours='' ours_p99='' floor='' floor_p99='' rate p99 _
    for _ in $(seq "$rounds"); do
        read -r rate p99 _ <<< "$(ask stand "$2" read 32)"; ours+=" $rate"; ours_p99+=" $p99"
        read -r rate p99 _ <<< "$(ask hyper "$3" read 32)"; floor+=" $rate"; floor_p99+=" $p99"
    done
    line "$1" 1 "$ours" "$ours_p99" "$floor" "$floor_p99"
}

read_order=$(printf '/orders/%08x-0000-4000-8000-%x%011x' 0 1 0)
reads G6-loyalty-32 "$read_order/loyalty" /loyalty
reads G6-limits-32 "$read_order/paymentLimits" /limits
reads G7-ping-32 /ping /ping

# Orders below 1000 are those that are read.
bound=1000 paid=1000 keys=0
ours='' ours_p99='' floor='' floor_p99=''
for _ in $(seq "$rounds"); do
    read -r rate p99 count <<< "$(ask stand / checkin 64 $bound)"
    # Those that were on the way at the end are asked for again.
    ours+=" $rate" ours_p99+=" $p99" bound=$((bound + count))
    read -r rate p99 count <<< "$(ask axum / movement 64 $keys)"
    floor+=" $rate" floor_p99+=" $p99" keys=$((keys + count + 64))
done
line G8-checkin-64 1 "$ours" "$ours_p99" "$floor" "$floor_p99"

ours='' ours_p99='' floor='' floor_p99=''
for _ in $(seq "$rounds"); do
    read -r rate p99 count <<< "$(ask stand / order 16 $paid)"
    ours+=" $rate" ours_p99+=" $p99" paid=$((paid + count / 3 + 16))
    if [ $paid -ge $((bound - 64)) ]; then echo "not enough orders have a guest" >&2; exit 1; fi
    read -r rate p99 count <<< "$(ask axum / movement 16 $keys)"
    floor+=" $rate" floor_p99+=" $p99" keys=$((keys + count + 64))
done
line G5-paid-order-16 3 "$ours" "$ours_p99" "$floor" "$floor_p99"
rm -r "$scripts"
