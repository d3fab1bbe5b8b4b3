#!/bin/sh
# Half an hour at four fifths of what the server can do, one in five uploads
# hostile: fails if an answer was 5xx, a good upload failed, or memory or
# goroutines grew.
#
#   bench/soak.sh
#   FOR=2m RATE=500 bench/soak.sh
set -eu
cd "$(dirname "$0")/.."
length=${FOR:-30m}
port=${PORT:-18080}
model=examples/models/formal_languages_r1_s20000.onnx
url=http://127.0.0.1:$port

work=$(mktemp -d)
server=
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
go build -o "$work/rnnrepd" ./cmd/rnnrepd
go build -o "$work/load" ./bench/serve
"$work/rnnrepd" serve --listen "127.0.0.1:$port" --quiet &
server=$!
load() { "$work/load" -url "$url/v1/predict" -model "$model" -pid "$server" "$@"; }
load -first 10s
if [ -z "${RATE:-}" ]; then
	load -for 10s -c 16 -hostile 0.2 | tee "$work/most"
	RATE=$(awk '/requests\/s/ {print int($3 * 0.8)}' "$work/most")
fi
echo "$RATE requests a second for $length"
memory() { awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$server/status"; }
goroutines() { curl -s "$url/metrics" | sed -n 's/^go_goroutines //p'; }
load -for 30s -c 64 -rate "$RATE" -hostile 0.2 >/dev/null # what memory it needs, it has by then
memory=$(memory)
load -for "$length" -c 64 -rate "$RATE" -hostile 0.2 -every "${EVERY:-1m}"
sleep 5 # connections of clients that went away are closed
echo "memory after half a minute $memory MiB, at the end $(memory) MiB; goroutines at the end $(goroutines)"
[ "$(memory)" -le $((memory + memory / 4 + 16)) ] || { echo "memory grew"; exit 1; }
[ "$(goroutines)" -le 40 ] || { echo "goroutines are left"; exit 1; }
