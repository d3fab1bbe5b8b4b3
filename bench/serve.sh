#!/bin/sh
# Measures the server over loopback, with the client on the same cores: memory at
# rest, time to the first answer and after a kill -9, latency and throughput of a
# two-layer LSTM of 32 units for every bundle that reads it, the tail at half of
# what it can do, and what hostile uploads (one in five) do to it. Every row is
# followed by the CPU time of a request and by what other programs used meanwhile.
#
#   bench/serve.sh                 ten seconds a row
#   FOR=60s PORT=9001 bench/serve.sh
#   PYTHON=.venv/bin/python bench/serve.sh   also serve_baseline.py (needs fastapi,
#                                  uvicorn, onnx and onnxruntime)
set -eu
cd "$(dirname "$0")/.."
length=${FOR:-10s}
port=${PORT:-18080}
model=examples/models/formal_languages_r1_s20000.onnx
url=http://127.0.0.1:$port

work=$(mktemp -d)
server=
baseline=
trap 'for p in $server $baseline; do kill "$p" 2>/dev/null || true; done; rm -rf "$work"' EXIT
go build -o "$work/rnnrepd" ./cmd/rnnrepd
go build -o "$work/load" ./bench/serve

start() {
	"$work/rnnrepd" serve --listen "127.0.0.1:$port" --quiet &
	server=$!
	"$work/load" -url "$url/v1/predict" -model "$model" -first 10s
}
metric() { curl -s "$url/metrics" | sed -n "s/^$1 //p"; }
state() { echo "  memory $(awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$server/status") MiB, goroutines $(metric go_goroutines)"; }
# load BUNDLE CONNECTIONS [FLAG...]
load() {
	of=$1 connections=$2
	shift 2
	"$work/load" -url "$url/v1/predict$of" -model "$model" -for "$length" -c "$connections" -pid "$server" "$@"
}

start
state
kill -9 "$server"
wait "$server" || true
echo "killed and started again"
start
state
for bundle in $("$work/rnnrepd" bundles -o jsonl | sed 's/^{"name":"\([^"]*\)".*/\1/'); do
	curl -sf -o "$work/answer" --data-binary "@$model" "$url/v1/predict?bundle=$bundle" || continue # it reads other RNNs
	echo "$bundle"
	for connections in 1 4 16; do
		load "?bundle=$bundle" "$connections" | tee "$work/last"
	done
	half=$(awk '/requests\/s/ {print int($3 / 2)}' "$work/last")
	echo "$bundle at half of that"
	load "?bundle=$bundle" 64 -rate "$half"
done
state
echo "hostile uploads, one in five"
load "" 8 -hostile 0.2
sleep 2
state

if [ -n "${PYTHON:-}" ]; then
	echo "FastAPI and ONNX Runtime with the same encoder, rnnrepd after each"
	bundle=$("$work/rnnrepd" bundles -o jsonl | sed -n 's/^{"name":"\(formal_languages[^"]*statistics\)".*/\1/p')
	"$work/rnnrepd" export "$bundle" -o "$work/encoder.onnx"
	"$PYTHON" bench/serve_baseline.py "$work/encoder.onnx" $((port + 1)) &
	baseline=$!
	other=http://127.0.0.1:$((port + 1))/v1/predict
	"$work/load" -url "$other" -model "$model" -first 30s
	for connections in 1 4 16; do
		"$work/load" -url "$other" -model "$model" -for "$length" -c "$connections" -pid "$baseline"
		load "?bundle=$bundle" "$connections"
	done
fi
