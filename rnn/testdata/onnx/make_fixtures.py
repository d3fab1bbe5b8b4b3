"""Write the numbers that Model.Run's ONNX variants are tested against.

    python make_fixtures.py [directory]

Every case is one LSTM, GRU or RNN node of opset 14. The expected output comes
from onnx.reference where it knows the attributes used, otherwise from ONNX
Runtime (onnx.reference ignores clip, input_forget and most activations); where
both know them they must agree. Weights are stored in PyTorch's gate order, as
rnn.Model keeps them. variants.json names the versions used.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

INPUTS, HIDDEN, STEPS, BATCH = 3, 4, 5, 2
OPS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN"}
# Position of each ONNX gate in PyTorch's order (i f g o; r z n).
GATES = {"lstm": [0, 3, 1, 2], "gru": [1, 0, 2], "rnn_tanh": [0], "rnn_relu": [0]}
AGREE = 2e-6


def act(name, alpha=None, beta=None):
    a = {"name": name}
    if alpha is not None:
        a["Alpha"] = alpha
    if beta is not None:
        a["Beta"] = beta
    return a


def draw(rng, *shape):
    return np.round(rng.standard_normal(shape), 3).astype(np.float32)


def gates_to_onnx(cell, w):
    parts = np.split(w, len(GATES[cell]))
    return np.concatenate([parts[i] for i in GATES[cell]])


def peephole_to_onnx(p):
    i, f, o = np.split(p, 3)
    return np.concatenate([i, o, f])


def attributes(layer):
    v = layer.get("variant", {})
    at = {"hidden_size": HIDDEN}
    if layer.get("bidirectional"):
        at["direction"] = "bidirectional"
    if layer.get("reverse"):
        at["direction"] = "reverse"
    if "clip" in v:
        at["clip"] = v["clip"]
    if v.get("input_forget"):
        at["input_forget"] = 1
    if layer["cell"] == "gru":
        at["linear_before_reset"] = 0 if v.get("reset_first") else 1
    acts = v.get("activations") or ([act("Relu")] if layer["cell"] == "rnn_relu" else [])
    acts = acts * (2 if layer.get("bidirectional") else 1)
    if acts:
        at["activations"] = [a["name"] for a in acts]
    for attribute, key in (("activation_alpha", "Alpha"), ("activation_beta", "Beta")):
        if values := [a[key] for a in acts if key in a]:
            at[attribute] = values
    return at


def build(layer, directions):
    """An ONNX model of the layer whose directions have the given weights."""
    cell = layer["cell"]
    stack = lambda f: np.stack([f(d) for d in directions])
    tensors = {
        "W": stack(lambda d: gates_to_onnx(cell, d["ih"])),
        "R": stack(lambda d: gates_to_onnx(cell, d["hh"])),
        "B": stack(lambda d: np.concatenate([gates_to_onnx(cell, d["bih"]), gates_to_onnx(cell, d["bhh"])])),
    }
    inputs = ["X", "W", "R", "B"]
    if "peephole" in directions[0]:
        tensors["P"] = stack(lambda d: peephole_to_onnx(d["peephole"]))
        inputs += ["", "", "", "P"]
    node = helper.make_node(OPS[cell], inputs, ["Y"], **attributes(layer))
    graph = helper.make_graph(
        [node], "variant",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [STEPS, BATCH, INPUTS])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(v, k) for k, v in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def reference_knows(layer):
    v = layer.get("variant", {})
    names = [a["name"] for a in v.get("activations", [])]
    if layer["cell"] == "rnn_relu":
        names = names or ["Relu"]
    known = set(names) <= {"Tanh", "Affine"} if OPS[layer["cell"]] == "RNN" else not names
    return known and "clip" not in v and not v.get("input_forget")


def evaluate(layer, model, x):
    y = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"X": x})[0]
    by = "onnxruntime"
    if reference_knows(layer):
        expected, by = ReferenceEvaluator(model).run(None, {"X": x})[0], "onnx.reference"
        assert np.abs(expected - y).max() < AGREE, "the two evaluators differ"
        y = expected
    # [steps, directions, batch, hidden] to [steps, batch, directions * hidden]
    return np.swapaxes(y, 1, 2).reshape(STEPS, BATCH, -1), by


def make(rng, name, cell, variant=None, **layer):
    layer = {"cell": cell, "inputs": INPUTS, "hidden": HIDDEN} | layer
    if variant:
        layer["variant"] = variant
    g = len(GATES[cell]) * HIDDEN
    directions = []
    for _ in range(2 if layer.get("bidirectional") else 1):
        d = {"ih": draw(rng, g, INPUTS), "hh": 0.5 * draw(rng, g, HIDDEN), "bih": draw(rng, g), "bhh": draw(rng, g)}
        if (variant or {}).get("peepholes"):
            d["peephole"] = draw(rng, 3 * HIDDEN)
        directions.append(d)
    x = draw(rng, STEPS, BATCH, INPUTS)
    y, by = evaluate(layer, build(layer, directions), x)
    weights = np.concatenate([t.ravel() for d in directions for t in d.values()])
    return {
        "name": name, "by": by, "spec": {"layers": [layer], "outputs": 0}, "steps": STEPS, "batch": BATCH,
        "weights": numbers(weights), "inputs": numbers(x), "outputs": numbers(y),
    }


def numbers(a):
    return [float(f"{v:.9g}") for v in np.asarray(a).ravel()]


ACTIVATIONS = [
    act("Sigmoid"), act("Tanh"), act("Relu"), act("Affine", 0.5, 0.25), act("LeakyRelu", 0.125), act("ThresholdedRelu", 0.5),
    act("ScaledTanh", 1.25, 0.75), act("HardSigmoid", 0.25, 0.5), act("Elu", 0.75), act("Softsign"), act("Softplus"),
]


def cases():
    rng = np.random.Generator(np.random.PCG64(1))
    one = lambda *a, **k: make(rng, *a, **k)
    for cell in OPS:
        yield one(f"{cell} plain", cell)
        yield one(f"{cell} clip", cell, {"clip": 0.5})
        yield one(f"{cell} reverse", cell, reverse=True)
        yield one(f"{cell} bidirectional", cell, bidirectional=True)
        yield one(f"{cell} bidirectional clip", cell, {"clip": 0.75}, bidirectional=True)
    yield one("lstm peepholes", "lstm", {"peepholes": True})
    yield one("lstm peepholes bidirectional", "lstm", {"peepholes": True}, bidirectional=True)
    yield one("lstm peepholes reverse clip", "lstm", {"peepholes": True, "clip": 0.5}, reverse=True)
    yield one("lstm input_forget", "lstm", {"input_forget": True})
    yield one("lstm input_forget peepholes clip", "lstm", {"input_forget": True, "peepholes": True, "clip": 1.5})
    mixed = [act("HardSigmoid", 0.25, 0.5), act("Softsign"), act("ScaledTanh", 1.25, 0.75)]
    yield one("lstm activations", "lstm", {"activations": mixed})
    yield one("lstm all at once", "lstm", {"activations": mixed, "peepholes": True, "input_forget": True, "clip": 2.0})
    yield one("gru reset_first", "gru", {"reset_first": True})
    yield one("gru reset_first reverse", "gru", {"reset_first": True}, reverse=True)
    yield one("gru reset_first bidirectional clip", "gru", {"reset_first": True, "clip": 0.5}, bidirectional=True)
    yield one("gru activations", "gru", {"activations": [act("HardSigmoid", 0.25, 0.5), act("ScaledTanh", 1.25, 0.75)]})
    for a in ACTIVATIONS:
        yield one(f"rnn {a['name']}", "rnn_tanh", {"activations": [a]})


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases())
    head = f'{{"onnx":"{onnx.__version__}","onnxruntime":"{onnxruntime.__version__}","cases":[\n'
    (out / "variants.json").write_text(head + lines + "\n]}\n")


if __name__ == "__main__":
    main()
