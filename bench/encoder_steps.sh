#!/bin/sh
# Compares training steps of encoders and the emulator (forward, backward,
# clipping, AdamW) with PyTorch's: both alternate on the same core, one thread
# each, so that both see the same clock and load. Times are CPU times.
#
#   bench/encoder_steps.sh                 three rounds of every workload on core 0
#   bench/encoder_steps.sh emulator ...    of these
#   ROUNDS=5 CORE=1 PYTHON=.venv/bin/python bench/encoder_steps.sh
set -eu
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-3}
[ $# -gt 0 ] || set -- emulator flattened flattened_wide layerwise_statistics transformer interactive_probing
. bench/torch.sh

# Built on every core before anything is timed.
go test -c -o "$work/bench.test" ./bench || fail "package bench does not build"

printf '%-22s %10s %10s %8s %8s  %s\n' step ours/ms torch/ms ratio %peak "PyTorch's best variant"
for workload; do
	round=1
	while [ "$round" -le "$rounds" ]; do
		taskset -c "$core" "$work/bench.test" -test.run '^$' -test.bench "^BenchmarkEncoderSteps\$/^$workload\$" -test.benchtime "${seconds}s" >"$work/go.txt" ||
			fail "the benchmark failed: $(cat "$work/go.txt")"
		grep '^BenchmarkEncoderSteps' "$work/go.txt" >>"$work/$workload.ours" || fail "there is no benchmark $workload"
		taskset -c "$core" "$python" bench/encoder_steps.py --only "$workload" --seconds "$seconds" >"$work/torch.txt"
		grep '^best ' "$work/torch.txt" >>"$work/$workload.theirs"
		round=$((round + 1))
	done
	ours=$(column ms/step "$work/$workload.ours" | spread)
	theirs=$(awk '{ print $4 }' "$work/$workload.theirs" | spread)
	share=$(column %peak "$work/$workload.ours" | spread)
	awk -v w="$workload" -v o="${ours%% *}" -v t="${theirs%% *}" -v s="${share%% *}" -v v="$(tail -n 1 "$work/$workload.theirs" | awk '{ print $3 }')" \
		'BEGIN { printf "%-22s %10.2f %10.2f %8.2f %8.1f  %s\n", w, o, t, t / o, s, v }'
done
grep '^cpu:' "$work/go.txt" || true
grep '^torch ' "$work/torch.txt"
