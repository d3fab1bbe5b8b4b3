"""Embed a PyTorch RNN and predict its properties, with ONNX Runtime alone.

    rnnrepd export formal_languages/layerwise_statistics -o encoder.onnx
    python embed_state_dict.py encoder.onnx model.pt

The second argument is a state_dict: .pt or .pth (torch.save), .safetensors or
.npz. Without it a fresh, untrained nn.LSTM of the encoder's own size is taken.
Only numpy and onnxruntime are needed, and torch where its files or modules are.
"""

import argparse
import json
import pathlib
import struct

import numpy as np
import onnxruntime


def load_state_dict(path):
    """Read a state_dict as {name: array}."""
    path = pathlib.Path(path)
    if path.suffix in (".pt", ".pth"):
        import torch

        state = torch.load(path, map_location="cpu", weights_only=True)
        return {name: tensor.float().numpy() for name, tensor in state.items()}
    if path.suffix == ".npz":
        return dict(np.load(path))
    if path.suffix == ".safetensors":  # header length, JSON header, float32 data
        data = path.read_bytes()
        start = 8 + struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:start])
        header.pop("__metadata__", None)
        return {
            name: np.frombuffer(data[start + t["data_offsets"][0] : start + t["data_offsets"][1]], "<f4").reshape(t["shape"])
            for name, t in header.items()
        }
    raise SystemExit(f"{path}: .pt, .pth, .safetensors and .npz are read")


def fresh_state_dict(spec):
    """The state_dict of an untrained torch module of the given spec."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            first = spec["layers"][0]
            module = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}.get(first["cell"], torch.nn.RNN)
            options = {"nonlinearity": first["cell"].removeprefix("rnn_")} if module is torch.nn.RNN else {}
            self.rnn = module(first["inputs"], first["hidden"], num_layers=len(spec["layers"]), **options)
            self.linear = torch.nn.Linear(first["hidden"], spec["outputs"])

    return {name: tensor.numpy() for name, tensor in Net().state_dict().items()}


def encoder_inputs(session, state_dicts):
    """Stack the tensors of N state_dicts into the encoder's inputs, [N, ...].

    A name may have a prefix, as in "rnn.weight_ih_l0"; a readout may be called
    other than "linear" if it is the only tensor besides the recurrent ones.
    """
    recurrent = ("weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l")

    def find(state, name):
        last = {key: key.rsplit(".", 1)[-1] for key in state}
        if name.startswith(recurrent):
            found = [key for key in state if last[key] == name]
        else:  # linear.weight, linear.bias
            kind = name.rsplit(".", 1)[-1]
            found = [key for key in state if last[key] == kind and not last[key].startswith(recurrent)]
        if len(found) != 1:
            raise SystemExit(f"the state_dict has {len(found)} tensors for the encoder's input {name!r}: {sorted(state)}")
        return np.asarray(state[found[0]], np.float32)

    inputs = {}
    for i in session.get_inputs():
        tensors = [find(state, i.name) for state in state_dicts]
        for t in tensors:
            if not fits(t, i.shape[1:]):
                raise SystemExit(f"{i.name} has shape {list(t.shape)}, the encoder reads {i.shape[1:]}")
        inputs[i.name] = np.stack(tensors)
    return inputs


def fits(tensor, shape):
    """Whether a tensor has a shape whose sizes are numbers, or names of sizes that are free."""
    return tensor.ndim == len(shape) and all(not isinstance(want, int) or want == size for want, size in zip(shape, tensor.shape))


def embed(session, state_dicts):
    """Run the encoder on N state_dicts; returns {output name: array of N rows}."""
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, encoder_inputs(session, state_dicts))))


def metadata(session):
    """What the file says of itself, values decoded from JSON."""
    raw = session.get_modelmeta().custom_metadata_map
    return {key: value if key in ("family", "encoder") else json.loads(value) for key, value in raw.items()}


def interval(value, residuals):
    """The interval around a prediction: its half-width depends on the prediction."""
    width = residuals["widths"][int(np.searchsorted(residuals["edges"] or [], value, side="right"))]
    return value - width, value + width


def intervals(out, about):
    """The intervals of accuracy and generalization gap of one RNN."""
    accuracy = np.clip(interval(out["accuracy"], about["calibration"]["accuracy"]), 0, 1)
    return accuracy, interval(out["generalization_gap"], about["calibration"]["generalization_gap"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", help="file written by rnnrepd export")
    parser.add_argument("state_dict", nargs="?", help=".pt, .pth, .safetensors or .npz; default: a fresh nn.LSTM")
    args = parser.parse_args()

    session = onnxruntime.InferenceSession(args.encoder, providers=["CPUExecutionProvider"])
    about = metadata(session)
    state = load_state_dict(args.state_dict) if args.state_dict else fresh_state_dict(about["spec"])
    out = {name: rows[0] for name, rows in embed(session, [state]).items()}

    level = about["interval_level"]
    accuracy, gap = intervals(out, about)
    print(f"{about['family']}/{about['encoder']}")
    print("embedding          ", np.array2string(out["embedding"], precision=3, max_line_width=100))
    print(f"accuracy            {out['accuracy']:.3f} ({level:.0%} interval {accuracy[0]:.3f} to {accuracy[1]:.3f})")
    print(f"generalization gap  {out['generalization_gap']:.3f} ({level:.0%} interval {gap[0]:.3f} to {gap[1]:.3f})")
    stages = ", ".join(f"{step}: {p:.2f}" for step, p in zip(about["stage_steps"], out["training_stage"]))
    print(f"training stage      step {about['stage_steps'][int(out['training_stage'].argmax())]} ({stages})")
    if "task" in out and about.get("task_ranges"):
        print("task               ", ", ".join(f"{r['name']} {x:.4g} {r.get('unit', '')}".rstrip() for r, x in zip(about["task_ranges"], out["task"])))
    elif "task" in out:
        key = " ".join(f"{x:g}" for x in out["task"])
        print(f"task                {about['task_names'].get(key, key)} (probability {out['task_probability']:.2f})")


if __name__ == "__main__":
    main()
