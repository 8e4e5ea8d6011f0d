#!/usr/bin/env bash
# What the attribute costs in compile time and binary size: 200 functions with it and without, the
# crates with the same dependencies, built in cargo's own release profile, in turns. A third crate has
# the attribute at one function only: what it is larger than the bare one is linked once, whatever the
# number of functions.
#
#   bench/compile_time.sh            # `cargo xtask compile-time` runs it too
#   ROUNDS=9 bench/compile_time.sh   # more rounds; the figures are their medians
#   PROGRAM=https bench/compile_time.sh     # with the client's default features, so with TLS
#   PROGRAM=sockets bench/compile_time.sh   # bodies that write to a socket, without an HTTP client
set -euo pipefail

rounds="${ROUNDS:-5}"
program="${PROGRAM:-reqwest}"
services=20 # of ten functions each
if ! [[ "$rounds" =~ ^[1-9][0-9]*$ ]]; then
    echo "error: ROUNDS=$rounds is not a count of rounds; write ROUNDS=5" >&2
    exit 2
fi
bodies="$program"
case "$program" in
reqwest | https)
    bodies=reqwest
    defaults=false
    if [[ $program == https ]]; then defaults=true; fi
    dependencies="reqwest = { version = \"0.13\", default-features = $defaults, features = [\"json\"] }"
    features='["reqwest"]' # errors of its requests have their classes
    client="net::Client::new(address)"
    ;;
sockets)
    dependencies=""
    features='[]'
    client="net::Client { address }"
    ;;
*)
    echo "error: there is no program \"$program\"; write PROGRAM=reqwest, https or sockets" >&2
    exit 2
    ;;
esac
if (($# > 0)); then
    echo "error: unknown argument \"$1\"; the script takes none, but the variables ROUNDS and PROGRAM" >&2
    exit 2
fi

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export CARGO_TARGET_DIR="$work/target"
export CARGO_TERM_COLOR=never
unset CARGO_BUILD_TARGET # the binaries are looked for where the host's are

crate() { # $1: name
    mkdir -p "$work/$1/src"
    cat >"$work/$1/Cargo.toml" <<TOML
[package]
name = "$1"
version = "0.0.0"
edition = "2024"

[dependencies]
serde = { version = "1", features = ["derive"] }
serde_json = "1"
steadfast = { path = "$root/runtime", features = $features }
thiserror = "2"
tokio = { version = "1", features = ["io-util", "net", "rt", "time"] }
$dependencies
TOML
    cp "$root/bench/compile_time/$bodies/net.rs" "$work/$1/src/net.rs"
    local service modules="" calls=""
    for ((service = 0; service < services; service++)); do
        sed "s/@/$service/g" "$root/bench/compile_time/$bodies/service.rs" >"$work/$1/src/service_$service.rs"
        modules+="mod service_$service;"$'\n'
        calls+="        service_$service::CALLS,"$'\n'
    done
    cat >"$work/$1/src/main.rs" <<RUST
mod net;
$modules
fn main() {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let services: [[net::Call; 10]; $services] = std::hint::black_box([
$calls    ]);
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().expect("a runtime");
    let which = std::env::args().count();
    for calls in services {
        let call = calls[which % calls.len()];
        println!("{}", runtime.block_on(call($client)));
    }
}
RUST
}

# Seconds of one build of $1, by the clock and of all processors: "wall cpu".
build() {
    touch "$work/$1/src/main.rs"
    local TIMEFORMAT='%R %U %S'
    { time cargo build --quiet --release --package "$1" 2>"$work/errors" ||
        { cat "$work/errors" >&3; exit 1; }; } 2>&1 |
        awk '{ printf "%.2f %.2f\n", $1, $2 + $3 }'
}

median() { # $1: file, $2: column
    awk -v column="$2" '{ print $column }' "$1" | sort -n |
        awk '{ all[NR] = $1 } END { print (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'
}

row() { # $1: label, $2: annotated, $3: bare, $4: goal
    awk -v label="$1" -v with="$2" -v bare="$3" -v goal="$4" 'BEGIN {
        printf "%-26s%12s%12s%8.3f", label, with, bare, with / bare
        if (goal) printf "%8s  %s", goal, with / bare <= goal ? "met" : "MISSED"
        print ""
    }'
}

size() { stat --format %s "$1" 2>/dev/null || stat -f %z "$1"; }

exec 3>&2
cat >"$work/Cargo.toml" <<TOML
[workspace]
resolver = "3"
members = ["annotated", "bare", "once"]
TOML
cp "$root/Cargo.lock" "$work/Cargo.lock"
crate annotated
crate bare
crate once
sed -i.all -e '/^ *#\[resilient/d' -e '/^use steadfast::resilient;$/d' \
    "$work"/bare/src/service_*.rs "$work"/once/src/service_*.rs
first='#[steadfast::resilient(breaker = "payments", retry(max = 3, base = "50ms"), timeout = "2s")]'
sed -i.one -e "s/^pub async fn charge/$first\n&/" "$work/once/src/service_0.rs"

cd "$work"
annotated="$(cat annotated/src/service_*.rs | grep -c '^ *#\[resilient')"
echo "$annotated annotated functions, $rounds rounds, $(rustc --version)"
cargo build --quiet --release --workspace
for ((round = 0; round < rounds; round++)); do
    # Who goes first changes, so that neither always meets the warmer machine.
    order=(annotated once bare)
    if ((round % 2)); then order=(bare once annotated); fi
    for name in "${order[@]}"; do
        build "$name" >>"$name.times"
    done
done

printf '%-26s%12s%12s%8s%8s\n' "" annotated bare ratio goal
row "build, s" "$(median annotated.times 1)" "$(median bare.times 1)" 1.15
row "build, s of processors" "$(median annotated.times 2)" "$(median bare.times 2)" ""
row "  beside one function" "$(median annotated.times 2)" "$(median once.times 2)" ""
release="$CARGO_TARGET_DIR/release"
row "binary, bytes" "$(size "$release/annotated")" "$(size "$release/bare")" 1.05
row "  beside one function" "$(size "$release/annotated")" "$(size "$release/once")" ""
if command -v strip >/dev/null; then
    for name in annotated bare once; do
        strip -o "$name.stripped" "$release/$name"
    done
    row "stripped, bytes" "$(size annotated.stripped)" "$(size bare.stripped)" 1.05
    row "  beside one function" "$(size annotated.stripped)" "$(size once.stripped)" ""
else
    echo "stripped: not measured, there is no \`strip\` (binutils)"
fi
