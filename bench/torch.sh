# What the scripts that compare with PyTorch share; they read it with ".", in the
# repository's root. It takes CORE (default 0), PYTHON (python3) and
# SECONDS_PER_ROUND (6) from the environment and makes a folder $work.
core=${CORE:-0}
python=${PYTHON:-python3}
seconds=${SECONDS_PER_ROUND:-6}

fail() {
	echo "$(basename "$0"): $1" >&2
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

# column UNIT FILE prints the number before UNIT on each line.
column() {
	awk -v unit="$1" '{ for (i = 2; i <= NF; i++) if ($i == unit) print $(i - 1) }' "$2"
}
# spread prints median, least and greatest of the numbers read.
spread() {
	sort -g | awk '{ v[NR] = $1 } END { if (NR == 0) exit 1; m = int((NR + 1) / 2)
		print (NR % 2 ? v[m] : (v[m] + v[m + 1]) / 2), v[1], v[NR] }'
}
