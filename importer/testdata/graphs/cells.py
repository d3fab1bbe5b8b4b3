"""LSTM, GRU and Elman layers with every attribute of ONNX's recurrent ops, in float64 numpy: the truth of graphs/."""

import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import regate

# Gates in ONNX's order and in PyTorch's; the op's own activations.
OPS = {
    "LSTM": ("iofg", "ifgo", ("Sigmoid", "Tanh", "Tanh"), "lstm"),
    "GRU": ("zrn", "rzn", ("Sigmoid", "Tanh"), "gru"),
    "RNN": ("h", "h", ("Tanh",), "rnn_tanh"),
}

FUNCTIONS = {
    "Sigmoid": lambda x, a, b: 1 / (1 + np.exp(-x)),
    "Tanh": lambda x, a, b: np.tanh(x),
    "Relu": lambda x, a, b: np.maximum(x, 0),
    "Affine": lambda x, a, b: a * x + b,
    "LeakyRelu": lambda x, a, b: np.where(x < 0, a * x, x),
    "ThresholdedRelu": lambda x, a, b: np.where(x > a, x, 0),
    "ScaledTanh": lambda x, a, b: a * np.tanh(b * x),
    "HardSigmoid": lambda x, a, b: np.clip(a * x + b, 0, 1),
    "Elu": lambda x, a, b: np.where(x < 0, a * (np.exp(x) - 1), x),
    "Softsign": lambda x, a, b: x / (1 + np.abs(x)),
    "Softplus": lambda x, a, b: np.log1p(np.exp(x)),
}


class Layer:
    """One layer; its weights are drawn from the generator rng, in PyTorch's layout."""

    def __init__(self, rng, op, inputs, hidden, direction="forward", bias=True, scale=0.4, peepholes=False, clip=0.0, input_forget=False,
                 reset_first=False, activations=None):
        self.op, self.inputs, self.hidden, self.direction, self.clip = op, inputs, hidden, direction, clip
        self.input_forget, self.reset_first, self.peepholes, self.bias = input_forget, reset_first, peepholes, bias
        self.onnx_order, self.order, own, self.cell = OPS[op]
        self.activations = activations or [(name, 0, 0) for name in own]
        if op == "RNN" and self.activations[0][0] == "Relu":
            self.cell = "rnn_relu"
        self.dirs = 2 if direction == "bidirectional" else 1
        gates = len(self.order)
        draw = lambda *shape: rng.normal(0, scale, shape).astype("f")
        self.weights = {}
        for d in range(self.dirs):
            s = "_l0" + "_reverse" * d
            self.weights["weight_ih" + s], self.weights["weight_hh" + s] = draw(gates * hidden, inputs), draw(gates * hidden, hidden)
            if bias:
                self.weights["bias_ih" + s], self.weights["bias_hh" + s] = draw(gates * hidden), draw(gates * hidden)
            if peepholes:
                self.weights["peephole" + s] = draw(3 * hidden)

    @property
    def width(self):
        return self.hidden * self.dirs

    def named(self, prefix="rnn", layer=0):
        """The weights under PyTorch's names."""
        return {"%s.%s" % (prefix, k.replace("_l0", "_l%d" % layer)): v for k, v in self.weights.items()}

    def arrays(self):
        """W, R, B and P as ONNX's ops read them; B and P are None where absent."""
        suffixes = ["_l0", "_l0_reverse"][: self.dirs]
        order = lambda kind, s: regate(self.weights[kind + s], self.order, self.onnx_order)
        w, r = (np.stack([order(kind, s) for s in suffixes]) for kind in ("weight_ih", "weight_hh"))
        b = np.stack([np.concatenate([order("bias_ih", s), order("bias_hh", s)]) for s in suffixes]) if self.bias else None
        p = np.stack([regate(self.weights["peephole" + s], "ifo", "iof") for s in suffixes]) if self.peepholes else None
        return w, r, b, p

    def run(self, x, h0=None, c0=None, lengths=None):
        """x [T, B, inputs] -> y [T, B, width]; beyond a sequence's length y is 0, as ONNX says."""
        outputs = []
        for d in range(self.dirs):
            backwards = self.direction == "reverse" or d == 1
            s = "_l0" + "_reverse" * d
            h = np.zeros((x.shape[1], self.hidden)) if h0 is None else h0[d].astype("d")
            c = np.zeros_like(h) if c0 is None else c0[d].astype("d")
            y = np.zeros((x.shape[0], x.shape[1], self.hidden))
            for t in reversed(range(len(x))) if backwards else range(len(x)):
                new_h, new_c = self.step(s, x[t].astype("d"), h, c)
                live = np.ones((len(h), 1)) if lengths is None else (t < np.asarray(lengths))[:, None]
                h, c = np.where(live, new_h, h), np.where(live, new_c, c)
                y[t] = np.where(live, new_h, 0)
            outputs.append(y)
        return np.concatenate(outputs, 2).astype("f")

    def step(self, s, x, h, c):
        w = {k: v.astype("d") for k, v in self.weights.items()}
        zeros = np.zeros(len(self.order) * self.hidden)
        split = lambda a: dict(zip(self.order, np.split(a, len(self.order), -1)))
        bi, bh = w.get("bias_ih" + s, zeros), w.get("bias_hh" + s, zeros)
        gx, gh = split(x @ w["weight_ih" + s].T + bi), split(h @ w["weight_hh" + s].T + bh)
        act = lambda i, v: FUNCTIONS[self.activations[i][0]](np.clip(v, -self.clip, self.clip) if self.clip else v, *self.activations[i][1:])
        if self.op == "RNN":
            return act(0, gx["h"] + gh["h"]), c
        if self.op == "GRU":
            r, z = act(0, gx["r"] + gh["r"]), act(0, gx["z"] + gh["z"])
            if self.reset_first:
                n = act(1, gx["n"] + (r * h) @ np.split(w["weight_hh" + s], 3)[2].T + np.split(bh, 3)[2])
            else:
                n = act(1, gx["n"] + r * gh["n"])
            return (1 - z) * n + z * h, c
        pi, pf, po = np.split(w["peephole" + s], 3) if self.peepholes else (0, 0, 0)
        i = act(0, gx["i"] + gh["i"] + pi * c)
        f = 1 - i if self.input_forget else act(0, gx["f"] + gh["f"] + pf * c)
        c = f * c + i * act(1, gx["g"] + gh["g"])
        o = act(0, gx["o"] + gh["o"] + po * c)
        return o * FUNCTIONS[self.activations[2][0]](c, *self.activations[2][1:]), c
