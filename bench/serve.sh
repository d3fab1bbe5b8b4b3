#!/bin/sh
# Measures the server over loopback, with the client on the same cores: time to
# the first answer, latency and throughput of a two-layer LSTM of 32 units for
# every bundle that reads it, CPU a request, and what hostile uploads (one in
# five) do to it.
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
"$work/rnnrepd" serve --listen "127.0.0.1:$port" --quiet &
server=$!

metric() { curl -s "$url/metrics" | sed -n "s/^$1 //p"; }
cpu() { awk '{print $14 + $15}' "/proc/$server/stat"; }
state() { echo "  memory $(awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$server/status") MiB, goroutines $(metric go_goroutines)"; }

"$work/load" -url "$url/v1/predict" -model "$model" -first 10s
state
for bundle in $("$work/rnnrepd" bundles -o jsonl | sed 's/^{"name":"\([^"]*\)".*/\1/'); do
	echo "$bundle"
	for clients in 1 4 16; do
		before=$(cpu)
		answered=$(metric 'rnnrepd_request_duration_seconds_count{route="\/v1\/predict"}')
		"$work/load" -url "$url/v1/predict?bundle=$bundle" -model "$model" -for "$length" -c "$clients"
		after=$(metric 'rnnrepd_request_duration_seconds_count{route="\/v1\/predict"}')
		awk -v ticks=$(($(cpu) - before)) -v n=$((after - answered)) -v hz="$(getconf CLK_TCK)" 'BEGIN {printf "  CPU %.2f ms a request\n", 1000 * ticks / hz / n}'
	done
done
state
echo "hostile uploads, one in five"
"$work/load" -url "$url/v1/predict" -model "$model" -for "$length" -c 8 -hostile 0.2
sleep 2
state

if [ -n "${PYTHON:-}" ]; then
	echo "FastAPI and ONNX Runtime with the same encoder"
	bundle=$("$work/rnnrepd" bundles -o jsonl | sed -n 's/^{"name":"\([^"]*statistics\)".*/\1/p')
	"$work/rnnrepd" export "$bundle" -o "$work/encoder.onnx"
	"$PYTHON" bench/serve_baseline.py "$work/encoder.onnx" $((port + 1)) &
	baseline=$!
	"$work/load" -url "http://127.0.0.1:$((port + 1))/v1/predict" -model "$model" -first 30s
	for clients in 1 4 16; do
		"$work/load" -url "http://127.0.0.1:$((port + 1))/v1/predict" -model "$model" -for "$length" -c "$clients"
		"$work/load" -url "$url/v1/predict?bundle=$bundle" -model "$model" -for "$length" -c "$clients"
	done
fi
