"""Cut a zoo in the published .npy layout down to a few snapshots and sequences.

    python trim.py ZOO OUT --steps 100 500 20000 --sequences 30

The zoos here were trained by the paper's public generator
(vincentherrmann/rnn-weights-representation-learning at c73c651) under PyTorch
2.15: formal_languages with --seed 11 --num_training_runs 2 --num_tokens 4
--sequence_length 42, sequential_mnist with --seed 21 --num_training_runs 1.
"""

import argparse
import pathlib
import shutil

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("zoo", type=pathlib.Path)
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--steps", type=int, nargs="+", required=True)
parser.add_argument("--sequences", type=int, required=True)
args = parser.parse_args()

args.out.mkdir(parents=True, exist_ok=True)
shutil.copy(args.zoo / "args.json", args.out)
labels = next(f for f in ("num_step_correct", "num_step") if (args.zoo / f"{f}.npy").exists())
keep = np.isin(np.load(args.zoo / f"{labels}.npy")[:, 1], args.steps)
for file in args.zoo.glob("*.npy"):
    array = np.load(file)[keep]
    if file.stem in ("sequences", "logits"):
        array = array[:, : args.sequences]
    np.save(args.out / file.name, np.ascontiguousarray(array))
