"""Run kept encoders in the ONNX Runtime that is installed, of any version.

    python check_export.py --keep DIR RNNREPD MODEL.onnx...
    python check_runtime.py DIR

Needs numpy and onnxruntime alone, so that versions too old for the other checks
can be tried: 1.14 is the oldest that reads the files. Every number must be
within 1e-5 of what the newer one put out.
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime

TOLERANCE = 1e-5


def array(tensor):
    return np.asarray(tensor["data"], np.float32).reshape(tensor["shape"])


def main():
    files = sorted(pathlib.Path(sys.argv[1]).glob("*.onnx"))
    if not files:
        raise SystemExit(f"{sys.argv[1]}: no encoders")
    failed = 0
    for file in files:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        kept = json.loads(file.with_suffix(".json").read_text())
        inputs = {name: array(t) for name, t in kept["inputs"].items()}
        out = session.run(list(kept["outputs"]), inputs)
        error = max(float(np.max(np.abs(got - array(want)))) for got, want in zip(out, kept["outputs"].values()))
        failed += error > TOLERANCE
        print(f"ONNX Runtime {onnxruntime.__version__}  {file.stem}  {error:.1e}  {'ok' if error <= TOLERANCE else 'FAILED'}")
    if failed:
        raise SystemExit(f"{failed} of {len(files)} encoders differ by more than {TOLERANCE}")


if __name__ == "__main__":
    main()
