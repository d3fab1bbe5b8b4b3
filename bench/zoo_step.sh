#!/bin/sh
# Compares one zoo training step (two LSTM layers of 32 units, vocabulary 6,
# batch 32, 42 positions, cross-entropy, AdamW) with PyTorch's: both alternate on
# the same core, one thread each, so that both see the same clock and load.
#
#   bench/zoo_step.sh            five rounds on core 0
#   ROUNDS=3 CORE=1 PYTHON=.venv/bin/python CLIP=1 bench/zoo_step.sh
#
# CLIP adds gradient clipping to PyTorch's step; ours does not clip.
set -eu
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-5}
clip=${CLIP:-0}
. bench/torch.sh

# Built on every core before anything is timed.
go test -c -o "$work/training.test" ./training || fail "package training does not build"

round=1
while [ "$round" -le "$rounds" ]; do
	taskset -c "$core" "$work/training.test" -test.run '^$' -test.bench '^BenchmarkZooStep$/^formal_languages$' -test.benchtime "${seconds}s" >"$work/go.txt" ||
		fail "the benchmark failed: $(cat "$work/go.txt")"
	grep '^BenchmarkZooStep' "$work/go.txt" >>"$work/ours.txt" || fail "BenchmarkZooStep did not run"
	taskset -c "$core" "$python" bench/zoo_step.py --seconds "$seconds" --clip "$clip" >"$work/torch.txt"
	grep '^best ' "$work/torch.txt" >>"$work/theirs.txt"
	tail -n 1 "$work/ours.txt" >"$work/last.txt"
	printf 'round %d: ours %.0f us' "$round" "$(column us/step "$work/last.txt")"
	tail -n 1 "$work/theirs.txt" | awk '{ printf ", PyTorch %.0f us (%s)\n", $3, $2 }'
	round=$((round + 1))
done

ours=$(column us/step "$work/ours.txt" | spread)
theirs=$(awk '{ print $3 }' "$work/theirs.txt" | spread)
flops=$(column GFLOP/s "$work/ours.txt" | spread)
share=$(column %peak "$work/ours.txt" | spread)
grep '^cpu:' "$work/go.txt" || true
grep '^torch ' "$work/torch.txt"
echo "$ours $theirs $flops $share" | awk '{
	ours = $1; theirs = $4
	printf "ours     %6.0f us (%.0f to %.0f), %5.1f GFLOP/s, %4.1f%% of the measured peak\n", ours, $2, $3, $7, $10
	printf "PyTorch  %6.0f us (%.0f to %.0f), %5.1f GFLOP/s, %4.1f%% of the measured peak\n", theirs, $5, $6, $7 * ours / theirs, $10 * ours / theirs
	printf "ours / PyTorch = %.3f: %.1f times as fast\n", ours / theirs, theirs / ours
}'
