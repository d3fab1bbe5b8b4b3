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
core=${CORE:-0}
python=${PYTHON:-python3}
clip=${CLIP:-0}
seconds=${SECONDS_PER_ROUND:-6}

fail() {
	echo "zoo_step.sh: $1" >&2
	exit 1
}
command -v taskset >/dev/null || fail "taskset (util-linux) is missing"
command -v "$python" >/dev/null || fail "no $python; set PYTHON to an interpreter that has PyTorch"
"$python" -c 'import torch' 2>/dev/null ||
	fail "PyTorch is missing for $python; install it with
    $python -m pip install -r requirements-ci.txt
or set PYTHON to an interpreter that has it"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Without these PyTorch's allocator gives memory back at every step.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

# Built on every core before anything is timed.
go test -c -o "$work/training.test" ./training || fail "package training does not build"

# column UNIT FILE prints the number before UNIT on each line.
column() {
	awk -v unit="$1" '{ for (i = 2; i <= NF; i++) if ($i == unit) print $(i - 1) }' "$2"
}
# spread prints median, least and greatest of the numbers read.
spread() {
	sort -g | awk '{ v[NR] = $1 } END { if (NR == 0) exit 1; m = int((NR + 1) / 2)
		print (NR % 2 ? v[m] : (v[m] + v[m + 1]) / 2), v[1], v[NR] }'
}

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
