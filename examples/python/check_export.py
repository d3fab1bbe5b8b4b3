"""Check exported encoders against the program that wrote them.

    python check_export.py [--models DIR] [--keep DIR] RNNREPD MODEL.onnx...

Writes every model's RNN as a clean ONNX file and exports every bundle of the
program RNNREPD, or of the folder --models; all files pass through ONNX's full checker. Each exported
encoder runs on the recovered weights in ONNX Runtime, and every number must be
within 1e-5 of what `rnnrepd predict` answers, every probability within 1e-4. A
bundle that reads none of the models fails the check. With --keep, the encoders
and what was compared stay in DIR, for check_runtime.py and check_runtime.js.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import tempfile

import numpy as np
import onnx
import onnxruntime

from embed_state_dict import embed, encoder_inputs, fits, intervals, load_state_dict, metadata

STEEPNESS = 10  # by how much a class between two others magnifies the rounding of an embedding
TOLERANCE = 1e-5


def run(*command):
    """Run a command that must succeed; returns what it wrote to stdout."""
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, check=True).stdout


def check_file(path):
    """ONNX's own checks: the format, and shapes inferred through every node."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    assert model.ir_version == 8 and [(o.domain, o.version) for o in model.opset_import] == [("", 17)], "IR 8 and opset 17"


def recover(rnnrepd, model, tmp):
    """The weights of a model, by way of a clean ONNX file that must hold the same."""
    run(rnnrepd, "recover", model, "-o", tmp / "direct.safetensors")
    run(rnnrepd, "recover", model, "-o", tmp / "clean.onnx")
    check_file(tmp / "clean.onnx")
    run(rnnrepd, "recover", tmp / "clean.onnx", "-o", tmp / "again.safetensors")
    state, again = load_state_dict(tmp / "direct.safetensors"), load_state_dict(tmp / "again.safetensors")
    assert state.keys() == again.keys() and all(state[k].tobytes() == again[k].tobytes() for k in state), f"{model}: other weights"
    return state


def turns(of, x, y):
    """How far two values of a task parameter are apart, as a share of its range."""
    share = abs(float(x) - float(y)) / (of["high"] - of["low"])
    return min(share, 1 - share) if of.get("circular") else share


def difference(answer, out, about):
    """The greatest difference between the program's answer and the file's outputs."""
    p = answer["predictions"]
    accuracy, gap = intervals(out, about)
    pairs = [
        (answer["embedding"], out["embedding"]),
        (p["accuracy"]["value"], out["accuracy"]),
        (p["accuracy"]["interval"], accuracy),
        (p["generalization_gap"]["value"], out["generalization_gap"]),
        (p["generalization_gap"]["interval"], gap),
    ]
    probabilities = [([p["training_stage"]["distribution"][str(s)] for s in about["stage_steps"]], out["training_stage"])]
    if "probability" in p["task"]:
        probabilities += [(p["task"]["probability"], out.get("task_probability", p["task"]["probability"]))]
    if about["task_ranges"]:
        pairs += [(0, turns(r, x, y)) for r, x, y in zip(about["task_ranges"], p["task"]["parameters"], out["task"])]
    else:
        pairs += [(p["task"]["parameters"], out.get("task", p["task"]["parameters"]))]
    apart = lambda pairs: max(float(np.max(np.abs(np.subtract(want, got)))) for want, got in pairs)
    return max(apart(pairs), apart(probabilities) / STEEPNESS)


def accepts(session, state):
    """Whether the encoder reads RNNs of this shape."""
    shapes = {i.name: i.shape[1:] for i in session.get_inputs()}
    return shapes.keys() == state.keys() and all(fits(state[name], shape) for name, shape in shapes.items())


def keep(folder, name, file, inputs, out):
    """Save an encoder with inputs that it read and what came out."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{len(list(folder.glob('*.onnx')))}-{name.replace('/', '-')}"
    shutil.copy(file, folder / f"{name}.onnx")
    tensor = lambda x: {"shape": x.shape, "data": x.ravel().tolist()}
    kept = {side: {k: tensor(v) for k, v in of.items()} for side, of in (("inputs", inputs), ("outputs", out))}
    (folder / f"{name}.json").write_text(json.dumps(kept))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", metavar="DIR", help="folder of bundles (default: those inside the program)")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR", help="folder for the encoders and what was compared")
    parser.add_argument("rnnrepd", help="the program")
    parser.add_argument("rnns", nargs="+", metavar="MODEL.onnx", help="ONNX files of RNNs")
    args = parser.parse_args()
    rnnrepd, models = args.rnnrepd, args.rnns
    bundles_of = ["--models", args.models] if args.models else []
    failed = compared = 0
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        states = [recover(rnnrepd, model, tmp) for model in models]
        for bundle in json.loads(run(rnnrepd, "bundles", "-o", "json", *bundles_of))["bundles"]:
            # One file for all RNNs of a shape, or, of a bundle of many shapes, one for each model's.
            likes = [["--like", m] for m in models] if "shapes" in bundle["accepts"] else [[]]
            for like in likes:
                file = tmp / "encoder.onnx"
                run(rnnrepd, "export", bundle["name"], "-o", file, "--verify", *like, *bundles_of)
                check_file(file)
                session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
                about = metadata(session)
                accepted = [i for i, state in enumerate(states) if accepts(session, state)]
                if not accepted:
                    raise SystemExit(f"{bundle['name']}: none of the models fits, so nothing is compared")
                read = [states[i] for i in accepted]
                out = embed(session, read)
                if args.keep:
                    keep(args.keep, bundle["name"], file, encoder_inputs(session, read), out)
                for row, i in enumerate(accepted):
                    answer = json.loads(run(rnnrepd, "predict", models[i], "--bundle", bundle["name"], "-o", "json", *bundles_of))
                    error = difference(answer, {name: rows[row] for name, rows in out.items()}, about)
                    compared += 1
                    failed += error > TOLERANCE
                    print(f"{bundle['name']}  {pathlib.Path(models[i]).name}  {error:.1e}  {'ok' if error <= TOLERANCE else 'FAILED'}")
    if failed or not compared:
        raise SystemExit(f"{failed} of {compared} comparisons beyond {TOLERANCE}")


if __name__ == "__main__":
    main()
