"""Cells written out in plain nodes: other gate orders, states beside inputs, Scans with every attribute; and what is no RNN."""

import numpy as np
from onnx import TensorProto, helper

from attributes import B, FREE, H, I, T, draw, flat
from build import Graph, keep
from cells import Layer, regate

F = TensorProto.FLOAT
ZEROS = np.zeros((B, H), "f")


def scan(g, body, x, states, outputs, width=I, **attributes):
    """A Scan over x whose body reads h (c) and x and returns new states and what is put out."""
    names = ["h", "c"][: len(states)]
    graph = body.body([(n, F, [B, H]) for n in names] + [("x", F, [B, width])], [(o, F, [B, H]) for o in outputs])
    return g.op("Scan", *states, x, outputs=len(states) + 1, num_scan_inputs=1, body=graph, **attributes)[-1]


def new(name, op, **layer):
    g, body = Graph(), Graph()
    body.count = 100
    return g, body, Layer(np.random.default_rng(len(name)), op, I, H, **layer), draw(name, T, B, I)


def matrices(l, order):
    """Weights of all gates in some order, as [I, G*H], [H, G*H] and the biases."""
    w = l.weights
    get = lambda k: regate(w[k + "_l0"], l.order, order)
    return get("weight_ih").T, get("weight_hh").T, get("bias_ih"), get("bias_hh")


def lstm_tf1(name):
    """TensorFlow 1's BasicLSTMCell: [x, h] @ kernel + bias, gates i, c, f, o, 1 added to f."""
    g, body, l, x = new(name, "LSTM")
    w, r, bi, bh = matrices(l, "igfo")
    l.weights["bias_hh_l0"][:] = 0
    bh = np.zeros_like(bh)
    l.weights["bias_ih_l0"][H:2 * H] += np.float32(1)  # PyTorch's order: i, f, g, o
    a = body.op("Add", body.op("MatMul", body.op("Concat", "x", "h", axis=1), np.concatenate([w, r])), bi)
    i, c_, f, o = body.op("Split", a, np.array([H] * 4), outputs=4, axis=1)
    f = body.op("Sigmoid", body.op("Add", f, np.array(1, "f")))
    c = body.op("Add", body.op("Mul", "c", f), body.op("Mul", body.op("Sigmoid", i), body.op("Tanh", c_)))
    h = body.op("Mul", body.op("Tanh", c), body.op("Sigmoid", o))
    g.output(scan(g, body, g.input("X", x, [T, B, I]), [ZEROS, ZEROS], [h, c, body.op("Identity", h)]), l.run(x), [T, B, H])
    keep(name, g, [l], "TensorFlow 1's BasicLSTMCell in a Scan: x and h in one product, gates i, c, f, o, 1 added to f", bias_split="sum_only")


def gru_tf1(name):
    """TensorFlow 1's GRUCell: gates r, u of [x, h]; candidate of [x, r*h]."""
    g, body, l, x = new(name, "GRU", reset_first=True)
    w, r, bi, _ = matrices(l, "rzn")
    l.weights["bias_hh_l0"][:] = 0
    a = body.op("Sigmoid", body.op("Add", body.op("MatMul", body.op("Concat", "x", "h", axis=1), np.concatenate([w, r])[:, : 2 * H]), bi[: 2 * H]))
    rt, u = body.op("Split", a, np.array([H] * 2), outputs=2, axis=1)
    n = body.op("Tanh", body.op("Add", body.op("MatMul", body.op("Concat", "x", body.op("Mul", rt, "h"), axis=1), np.concatenate([w, r])[:, 2 * H:]), bi[2 * H:]))
    h = body.op("Add", body.op("Mul", u, "h"), body.op("Mul", body.op("Sub", np.array(1, "f"), u), n))
    g.output(scan(g, body, g.input("X", x, [T, B, I]), [ZEROS], [h, body.op("Identity", h)]), l.run(x), [T, B, H])
    keep(name, g, [l], "TensorFlow 1's GRUCell in a Scan", bias_split="sum_only", variant="reset_first")


def lstm_eight(name):
    """A product for each gate of x and of h, as in textbook code; Gemm."""
    g, body, l, x = new(name, "LSTM")
    w, r, bi, bh = matrices(l, "ofgi")
    gate = {}
    for k, n in enumerate("ofgi"):
        at = slice(k * H, (k + 1) * H)
        a, b = body.op("Gemm", "x", w[:, at].T, bi[at], transB=1), body.op("Gemm", "h", r[:, at], bh[at])
        gate[n] = body.op("Tanh" if n == "g" else "Sigmoid", body.op("Add", b, a))
    c = body.op("Add", body.op("Mul", gate["f"], "c"), body.op("Mul", gate["g"], gate["i"]))
    h = body.op("Mul", gate["o"], body.op("Tanh", c))
    g.output(scan(g, body, g.input("X", x, [T, B, I]), [ZEROS, ZEROS], [h, c, body.op("Identity", h)]), l.run(x), [T, B, H])
    keep(name, g, [l], "LSTM of eight Gemms in a Scan")


def elman_scan(name, description, attributes=None, axis=0, backwards=False, relu=False, weights_outside=False):
    """An Elman RNN in a Scan with its directions and axes."""
    act = [("Relu", 0, 0)] if relu else None
    g, body, l, x = new(name, "RNN", direction="reverse" if backwards else "forward", activations=act)
    w, r, bi, bh = matrices(l, "h")
    given = x.transpose(1, 0, 2).copy() if axis else x
    xin = g.input("X", given, [B, T, I] if axis else [T, B, I])
    rec = g.const(r, "recurrent") if weights_outside else r
    a = body.op("Add", body.op("MatMul", "x", w), body.op("Add", body.op("MatMul", "h", rec), bi + bh))
    h = body.op("Relu" if relu else "Tanh", a)
    want = l.run(x)
    g.output(scan(g, body, xin, [ZEROS], [h, body.op("Identity", h)], **(attributes or {})), want.transpose(1, 0, 2).copy() if axis else want, [B, T, H] if axis else [T, B, H])
    keep(name, g, [l], description, bias_split="sum_only", batch_first=bool(axis))


def gru_hoisted(name, double=False):
    """The products of x for all steps come before the Scan, the recurrent one is inside: cuDNN's order of work."""
    g, body, l, x = new(name, "GRU")
    w, r, bi, bh = matrices(l, "nzr")
    all_ = g.op("Add", g.op("MatMul", g.input("X", x, [T, B, I]), w), bi)
    xs = body.op("Split", "x", np.array([H] * 3), outputs=3, axis=1)
    hs = body.op("Split", body.op("Add", body.op("MatMul", "h", r), bh), np.array([H] * 3), outputs=3, axis=1)
    z, rt = (body.op("Sigmoid", body.op("Add", xs[k], hs[k])) for k in (1, 2))
    n = body.op("Tanh", body.op("Add", xs[0], body.op("Mul", rt, hs[0])))
    h = body.op("Add", n, body.op("Mul", z, body.op("Sub", "h", n)))  # n + z * (h - n)
    g.output(scan(g, body, all_, [ZEROS], [h, body.op("Identity", h)], width=3 * H), l.run(x), [T, B, H])
    keep(name, g, [l], "GRU whose products of the inputs come before the Scan; n + z * (h - n)")


def unrolled(name, op):
    """Three steps written out, without a loop."""
    g, _, l, _ = new(name, op)
    x = draw(name, 3, B, I)
    xin = g.input("X", x, [3, B, I])
    w, r, bi, bh = matrices(l, l.order)
    w, r = g.const(w), g.const(r)
    h = c = g.const(ZEROS)
    hs = []
    for t in range(3):
        a = g.op("Add", g.op("MatMul", g.op("Gather", xin, np.array(t), axis=0), w), bi)
        b = g.op("Add", g.op("MatMul", h, r), bh)
        if op == "RNN":
            h = g.op("Tanh", g.op("Add", a, b))
        elif op == "LSTM":
            i, f, z, o = g.op("Split", g.op("Add", a, b), np.array([H] * 4), outputs=4, axis=1)
            c = g.op("Add", g.op("Mul", g.op("Sigmoid", f), c), g.op("Mul", g.op("Sigmoid", i), g.op("Tanh", z)))
            h = g.op("Mul", g.op("Sigmoid", o), g.op("Tanh", c))
        else:
            xs, hh = g.op("Split", a, np.array([H] * 3), outputs=3, axis=1), g.op("Split", b, np.array([H] * 3), outputs=3, axis=1)
            rt, z = g.op("Sigmoid", g.op("Add", xs[0], hh[0])), g.op("Sigmoid", g.op("Add", xs[1], hh[1]))
            n = g.op("Tanh", g.op("Add", xs[2], g.op("Mul", rt, hh[2])))
            h = g.op("Add", g.op("Mul", g.op("Sub", np.array(1, "f"), z), n), g.op("Mul", z, h))
        hs.append(g.op("Unsqueeze", h, np.array([0])))
    g.output(g.op("Concat", *hs, axis=0), l.run(x), [3, B, H])
    keep(name, g, [l], "three steps of %s written out" % op, bias_split="sum_only" if op != "GRU" else None)


def refused(name, description, build, code, also=None):
    """A recurrence that is none of the known cells."""
    g, body, l, x = new(name, "RNN")
    w, r, bi, bh = matrices(l, "h")
    xin = g.input("X", x, [T, B, I])
    a = body.op("Add", body.op("MatMul", "x", w), bi)
    y = build(g, body, xin, a, r)
    g.output(y, l.run(x), [T, B, H])
    keep(name, g, [l], description, runs="its truth is not computed", expect="refuse", code=code)


def make():
    lstm_tf1("hand_scan_lstm_tf1")
    gru_tf1("hand_scan_gru_tf1")
    lstm_eight("hand_scan_lstm_gates_apart")
    gru_hoisted("hand_scan_gru_hoisted")
    elman_scan("hand_scan_rnn", "Elman RNN in a Scan")
    elman_scan("hand_scan_rnn_reverse", "Elman RNN in a Scan over reversed time", dict(scan_input_directions=[1], scan_output_directions=[1]), backwards=True)
    elman_scan("hand_scan_rnn_batch_first", "Elman RNN in a Scan along axis 1", dict(scan_input_axes=[1], scan_output_axes=[1]), axis=1)
    elman_scan("hand_scan_rnn_relu", "Elman RNN with Relu in a Scan; the recurrent weights are outside", relu=True, weights_outside=True)
    for op in ("RNN", "LSTM", "GRU"):
        unrolled("hand_unrolled_%s" % op.lower(), op)

    def out(g, body, xin, h):
        return scan(g, body, xin, [ZEROS], [h, body.op("Identity", h)])

    refused("hand_refused_leaky", "a leaky RNN: h/2 + tanh(Wx + Rh)/2",
            lambda g, body, xin, a, r: out(g, body, xin, body.op("Mul", body.op("Add", "h", body.op("Tanh", body.op("Add", a, body.op("MatMul", "h", r)))), np.array(0.5, "f"))), "unsupported_cell")
    refused("hand_refused_normalised", "layer normalisation inside the recurrence",
            lambda g, body, xin, a, r: out(g, body, xin, body.op("Tanh", body.op("LayerNormalization", body.op("Add", a, body.op("MatMul", "h", r)), np.ones(H, "f"), np.zeros(H, "f")))), "unsupported_cell")
    refused("hand_refused_second_order", "h multiplied by itself inside the recurrence",
            lambda g, body, xin, a, r: out(g, body, xin, body.op("Tanh", body.op("Add", a, body.op("Mul", "h", body.op("MatMul", "h", r))))), "unsupported_cell")
    refused("hand_refused_sum", "a running sum: no recurrent product",
            lambda g, body, xin, a, r: out(g, body, xin, body.op("Add", a, "h")), "unsupported_cell")
    refused("hand_refused_cumsum", "CumSum of a dense layer", lambda g, body, xin, a, r: g.op("CumSum", g.op("MatMul", xin, np.ones((I, H), "f")), np.array(0)), "no_recurrence")
    refused("hand_refused_sine", "sin(Wx + Rh): an activation of no RNN op",
            lambda g, body, xin, a, r: out(g, body, xin, body.op("Sin", body.op("Add", a, body.op("MatMul", "h", r)))), "unsupported_cell")
