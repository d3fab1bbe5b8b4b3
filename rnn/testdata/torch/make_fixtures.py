"""Write the PyTorch numbers that package rnn is tested against.

    python make_fixtures.py [directory]

Initial weights are PyTorch's own, drawn in float32; everything after that is
computed in float64, so that the numbers are the truth to float32 precision.
Arrays are little-endian float32 in base64.

Each <name>.json holds a spec, its initial weights in named_parameters order,
ten batches, the outputs and (for trained specs) every gradient of the mean
cross-entropy of the first batch, and the losses and gradient norms of ten steps
of clip_grad_norm_ and torch.optim.AdamW, one batch each. names.json lists the
names and shapes of state_dict for many specs.
"""

import base64
import json
import pathlib
import sys

import numpy as np
import torch
from torch import nn

MODULES = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "rnn_tanh": lambda *a, **k: nn.RNN(*a, nonlinearity="tanh", **k),
    "rnn_relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
}
STEPS = 10  # optimiser steps, one batch each
TRAINING = {"rate": 0.01, "weight_decay": 0.05, "clip": 0.1}


def layer(cell, inputs, hidden, bidirectional=False):
    spec = {"cell": cell, "inputs": inputs, "hidden": hidden}
    return spec | ({"bidirectional": True} if bidirectional else {})


def uniform(cell, inputs, hidden, layers, outputs, bidirectional=False):
    width = hidden * (2 if bidirectional else 1)
    stack = [layer(cell, width if i else inputs, hidden, bidirectional) for i in range(layers)]
    return {"layers": stack, "outputs": outputs}


def is_uniform(spec):
    kinds = {(l["cell"], l["hidden"], l.get("bidirectional", False)) for l in spec["layers"]}
    return len(kinds) == 1


class Stack(nn.Module):
    """The module of a spec. Equal layers are one torch module; layers that
    differ are one module each, whose _l0 becomes the layer's number."""

    def __init__(self, spec):
        super().__init__()
        layers = spec["layers"]
        groups = [layers] if is_uniform(spec) else [[l] for l in layers]
        self.parts = nn.ModuleList(
            MODULES[g[0]["cell"]](g[0]["inputs"], g[0]["hidden"], num_layers=len(g), bidirectional=g[0].get("bidirectional", False))
            for g in groups
        )
        width = layers[-1]["hidden"] * (2 if layers[-1].get("bidirectional") else 1)
        self.linear = nn.Linear(width, spec["outputs"]) if spec["outputs"] else None

    def forward(self, x):
        for part in self.parts:
            x, _ = part(x)
        return self.linear(x) if self.linear else x

    def named(self):
        """Names and parameters in state_dict order."""
        for i, part in enumerate(self.parts):
            own = dict(part.named_parameters())
            for name in part.state_dict():
                yield (name if len(self.parts) == 1 else name.replace("_l0", f"_l{i}")), own[name]
        if self.linear:
            for name in self.linear.state_dict():
                yield "linear." + name, dict(self.linear.named_parameters())[name]


def pack(values):
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def flat(tensors):
    return pack(np.concatenate([t.detach().numpy().ravel() for t in tensors]))


def draw_batch(spec, tokens, steps, batch):
    """A batch and its input as a float64 tensor."""
    size = spec["layers"][0]["inputs"]
    targets = torch.randint(spec["outputs"] or 1, (steps, batch))
    stored = {"targets": targets.ravel().tolist()} if spec["outputs"] else {}
    if tokens:
        ids = torch.randint(size, (steps, batch))
        return stored | {"tokens": ids.ravel().tolist()}, nn.functional.one_hot(ids, size).double(), targets
    x = torch.randn(steps, batch, size)
    return stored | {"inputs": pack(x.numpy())}, x.double(), targets


def train(net, batches, loss_of):
    """Losses before, and gradient norms at, each optimiser step."""
    parameters = [p for _, p in net.named()]
    optimiser = torch.optim.AdamW(parameters, lr=TRAINING["rate"], weight_decay=TRAINING["weight_decay"])
    losses, norms = [], []
    for x, targets in batches:
        optimiser.zero_grad()
        loss = loss_of(net(x), targets)
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(parameters, TRAINING["clip"]).item())
        optimiser.step()
        losses.append(loss.item())
    assert any(n > TRAINING["clip"] for n in norms), "clipping never bites"
    return TRAINING | {"losses": losses, "norms": norms}


def make(seed, spec, tokens, steps, batch, trained=True):
    torch.manual_seed(seed)
    net = Stack(spec)
    weights = flat(p for _, p in net.named())
    net.double()
    drawn = [draw_batch(spec, tokens, steps, batch) for _ in range(STEPS if trained else 1)]
    fixture = {
        "torch": torch.__version__.split("+")[0],
        "spec": spec,
        "steps": steps,
        "batch": batch,
        "weights": weights,
        "batches": [stored for stored, _, _ in drawn],
    }
    _, x, targets = drawn[0]
    logits = net(x)
    fixture["logits"] = pack(logits.detach().numpy())
    if not trained:
        return fixture

    def loss_of(y, want):
        return nn.functional.cross_entropy(y.flatten(0, 1), want.flatten())

    loss = loss_of(logits, targets)
    loss.backward()
    fixture["loss"] = loss.item()
    fixture["gradients"] = flat(p.grad for _, p in net.named())
    fixture["training"] = train(net, [(x, t) for _, x, t in drawn], loss_of)
    return fixture


def mixed(outputs, *layers):
    return {"layers": list(layers), "outputs": outputs}


def names():
    specs = [uniform(c, 3, 4, n, o, b) for c in MODULES for b in (False, True) for n, o in ((1, 0), (2, 0), (2, 5))]
    specs += [mixed(4, layer(c, 3, 5), layer(c, 5, 7)) for c in MODULES]
    specs += [mixed(2, layer("lstm", 3, 4, True), layer("gru", 8, 5), layer("rnn_tanh", 5, 2))]
    return [
        {"spec": s, "slots": [{"name": n, "shape": list(p.shape)} for n, p in Stack(s).named()]}
        for s in specs
    ]


def cases():
    for seed, cell in enumerate(MODULES):
        yield f"{cell}_2x32_tokens", make(seed, uniform(cell, 6, 32, 2, 6), True, 10, 4)
        yield f"{cell}_3-5-7-4", make(100 + seed, mixed(4, layer(cell, 3, 5), layer(cell, 5, 7)), False, 6, 3)
        yield f"{cell}_bidirectional", make(200 + seed, uniform(cell, 3, 5, 2, 4, True), False, 7, 2, trained=False)
    stack = mixed(4, layer("gru", 3, 6), layer("lstm", 6, 5), layer("rnn_tanh", 5, 3))
    yield "mixed_cells", make(300, stack, False, 5, 2)
    yield "lstm_no_readout", make(400, uniform("lstm", 2, 9, 1, 0), False, 5, 2, trained=False)


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    torch.set_num_threads(1)
    for name, fixture in cases():
        (out / f"{name}.json").write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
    (out / "names.json").write_text(json.dumps(names(), indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
