#!/usr/bin/env bash
# Instructions a call, counted by valgrind's callgrind: what 2N calls take more than N, over N. Unlike
# times, they are the same from run to run.
#
#   bench/instructions.sh                          # steadfast and the bare call, in the main items
#   bench/instructions.sh "bulkhead/steadfast"     # contenders named in full, as `--list` has them
#   CALLS=5000 bench/instructions.sh               # another N
set -euo pipefail

calls="${CALLS:-2000}"
if ! [[ "$calls" =~ ^[1-9][0-9]*$ ]]; then
    echo "error: CALLS=$calls is not a count of calls; write CALLS=2000" >&2
    exit 2
fi
if ! command -v valgrind >/dev/null; then
    echo "error: there is no \`valgrind\`; install it with the system's package manager" >&2
    exit 1
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cargo bench --quiet --package steadfast-bench --no-run --message-format json >"$work/built"
program="$(sed -n 's/.*"executable":"\([^"]*peers[^"]*\)".*/\1/p' "$work/built" | tail -1)"
[[ -x "$program" ]] || { echo "error: cargo names no program \"peers\" that it built" >&2; exit 1; }

chosen=("$@")
if (($# == 0)); then
    # Time is no matter here, and valgrind runs one thread at a time: no items of two threads.
    mapfile -t chosen < <("$program" --list | grep -E '/(bare call|steadfast.*)$' | grep -v '2 threads')
fi

count() { # $1: contender, $2: calls
    # Outside of the run, peers that are built try their clocks for a time, not for a count.
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*run_once*' \
        "$program" --calls "$2" "$1" \
        2>"$work/said" || { cat "$work/said" >&2; return 1; }
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$work/said"
}

printf '%-62s%12s\n' "work/contender" "instr./call"
for contender in "${chosen[@]}"; do
    once="$(count "$contender" "$calls")"
    twice="$(count "$contender" $((calls * 2)))"
    awk -v name="$contender" -v more=$((twice - once)) -v calls="$calls" \
        'BEGIN { printf "%-62s%12.1f\n", name, more / calls }'
done
