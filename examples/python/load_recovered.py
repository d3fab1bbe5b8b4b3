"""Load recovered RNNs into PyTorch and compare them with the files they came from.

    python load_recovered.py RNNREPD importer/testdata/*/manifest.json

For every file of the importer's corpus whose RNN is PyTorch's own cell and reads
the graph's input as it is, `rnnrepd recover` writes the weights and a clean ONNX
file. The weights go into nn.LSTM, nn.GRU or nn.RNN and nn.Linear by their names;
module and clean file must put out what ONNX Runtime makes of the original file,
within 1e-5. A file that is left out is counted with the reason.
"""

import collections
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime
import torch
from safetensors import safe_open
from safetensors.torch import load_file

TOLERANCE = 1e-5
ENOUGH = 100  # comparisons that the corpus must yield
MODULES = {"lstm": (torch.nn.LSTM, {}), "gru": (torch.nn.GRU, {}), "rnn_tanh": (torch.nn.RNN, {}), "rnn_relu": (torch.nn.RNN, {"nonlinearity": "relu"})}


class Skip(Exception):
    """Why a file is not compared."""


class Recovered(torch.nn.Module):
    """The RNN of a recovered safetensors file: a module for each layer, and the readout.

    Layers that are equal in cell and width could be one module with num_layers; the names are the same.
    """

    def __init__(self, path):
        super().__init__()
        with safe_open(path, "pt") as f:
            spec = json.loads(f.metadata()["spec"])
        state = load_file(path)
        self.layers, self.reverse = torch.nn.ModuleList(), []
        for i, layer in enumerate(spec["layers"]):
            if layer.get("variant"):
                raise Skip("a variant that PyTorch does not have")
            module, options = MODULES[layer["cell"]]
            module = module(layer["inputs"], layer["hidden"], bidirectional=layer.get("bidirectional", False), **options)
            module.load_state_dict({name: state.pop(name.replace("_l0", f"_l{i}")) for name in module.state_dict()})
            self.layers.append(module)
            self.reverse.append(layer.get("reverse", False))
        self.linear = None
        if spec["outputs"]:
            self.linear = torch.nn.Linear(state["linear.weight"].shape[1], spec["outputs"])
            self.linear.load_state_dict({kind: state.pop("linear." + kind) for kind in ("weight", "bias")})
        if state:
            raise AssertionError(f"tensors without a place: {sorted(state)}")

    def forward(self, x):
        """x [sequence, batch, inputs] -> the output at every step."""
        for module, reverse in zip(self.layers, self.reverse):
            x = module(x.flip(0) if reverse else x)[0]
            x = x.flip(0) if reverse else x
        return x if self.linear is None else self.linear(x)


def read_tensors(path):
    """A safetensors file as arrays."""
    with safe_open(path, "np") as f:
        return {name: f.get_tensor(name) for name in f.keys()}


def original(folder, entry):
    """The input of a file, [sequence, batch, inputs], and what ONNX Runtime makes of it."""
    if entry.get("output"):
        raise Skip("the graph's output is not the RNN's: " + entry["output"])
    io = read_tensors(folder / entry["io_file"])
    inputs = {name: io["in_" + name] for name in entry["io_inputs"]}
    x = next(iter(inputs.values()))
    if entry.get("in_front") or len(inputs) != 1 or x.ndim != 3 or x.dtype != np.float32 or x.shape[2] != entry["inputs"]:
        raise Skip("something is in front of the RNN")
    try:
        session = onnxruntime.InferenceSession(folder / entry["file"], providers=["CPUExecutionProvider"])
        inputs = {i.name: value for i, value in zip(session.get_inputs(), inputs.values())}  # the source may have other names
        outputs = [o.name for o in session.get_outputs()]
        want = session.run([o for o in entry["io_outputs"][:1] if o in outputs] or outputs[:1], inputs)[0]
    except Exception as e:
        raise Skip("ONNX Runtime does not run it") from e
    return (x.transpose(1, 0, 2) if entry.get("batch_first") else x), want


def pick(entry, y):
    """What the graph puts out of the output at every step; the readout is linear, so the mean may come after it."""
    head = entry.get("head") or ""
    if "mean" in head:
        return y.mean(0)
    if "last" in head or "h_n" in head:
        return y[-1]
    return y.transpose(1, 0, 2) if entry.get("batch_first") else y


def recover(rnnrepd, model, out):
    subprocess.run([rnnrepd, "recover", model, "-o", out], stdout=subprocess.DEVNULL, check=True)


def compare(rnnrepd, folder, entry, tmp):
    """The greatest difference of the module's and of the clean file's output from the original's."""
    if entry["expect"] != "recover":
        raise Skip("to be refused")
    x, want = original(folder, entry)
    x = np.ascontiguousarray(x)
    recover(rnnrepd, folder / entry["file"], tmp / "rnn.safetensors")
    recover(rnnrepd, folder / entry["file"], tmp / "rnn.onnx")
    with torch.no_grad():
        ours = Recovered(tmp / "rnn.safetensors")(torch.from_numpy(x)).numpy()
    clean = onnxruntime.InferenceSession(tmp / "rnn.onnx", providers=["CPUExecutionProvider"]).run(["output"], {"input": x})[0]
    errors = []
    for y in (ours, clean):
        got = pick(entry, y)
        if got.size != want.size:
            raise AssertionError(f"output of {got.shape}, not {want.shape}")
        errors.append(float(np.abs(got.reshape(want.shape) - want).max()))
    return errors


def main():
    onnxruntime.set_default_logger_severity(4)
    rnnrepd, manifests = sys.argv[1], [pathlib.Path(m) for m in sys.argv[2:]]
    compared, failed, left_out = collections.Counter(), [], collections.Counter()
    with tempfile.TemporaryDirectory() as tmp:
        for manifest in manifests:
            for entry in json.loads(manifest.read_text()):
                try:
                    errors = compare(rnnrepd, manifest.parent, entry, pathlib.Path(tmp))
                except Skip as reason:
                    left_out[str(reason).split(":")[0]] += 1
                    continue
                compared[manifest.parent.name] += 1
                if max(errors) > TOLERANCE:
                    failed.append(f"{entry['name']}: nn module {errors[0]:.1e}, clean ONNX {errors[1]:.1e}")
    for folder, count in sorted(compared.items()):
        print(f"{folder:14} {count} in PyTorch and as clean ONNX")
    for reason, count in left_out.most_common():
        print(f"left out: {count:3} {reason}")
    if failed or compared.total() < ENOUGH:
        raise SystemExit("\n".join([*failed, f"{len(failed)} of {compared.total()} comparisons beyond {TOLERANCE}"]))


if __name__ == "__main__":
    main()
