"""Every attribute and input of the LSTM, GRU and RNN ops, opset 1 to newest, IR 3 to newest."""

import numpy as np

from build import Graph, keep
from cells import Layer

T, B, I, H = 5, 2, 3, 4
FREE = ["time", "batch", I]


def draw(name, *shape):
    return np.random.default_rng(sum(map(ord, name))).normal(size=shape).astype("f")


def flat(y, dirs):
    """ONNX's Y [T, dirs, B, H] of y [T, B, dirs*H]."""
    t, b, width = y.shape
    return y.reshape(t, b, dirs, width // dirs).transpose(0, 2, 1, 3)


def merge(g, y, width):
    """Nodes that make [T, B, dirs*H] of Y."""
    return g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1, 3]), np.array([0, 0, width]))


def one(name, op, description, graph=None, layer=None, attributes=None, runs=True, **more):
    """A single op of one layer whose Y is the output, merged where there are two directions."""
    rng = np.random.default_rng(sum(map(ord, name)))
    l = Layer(rng, op, I, H, **(layer or {}))
    g = Graph(**(graph or {}))
    x = draw(name, T, B, I)
    y = g.rnn(l, g.input("X", x, FREE), **(attributes or {}))
    want = l.run(x)
    if l.dirs == 2:
        g.output(merge(g, y, l.width), want, ["time", "batch", l.width])
    else:
        g.output(y, flat(want, 1), ["time", 1, "batch", H])
    keep(name, g, [l], description, runs=runs, **more)


def activations(*list_):
    """Attributes activations, activation_alpha and activation_beta; parameters are consumed by those that take them."""
    a = {"activations": [n for n, _, _ in list_]}
    takes_alpha = {"Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu"}
    takes_beta = {"Affine", "ScaledTanh", "HardSigmoid"}
    alpha = [float(x) for n, x, _ in list_ if n in takes_alpha]
    beta = [float(x) for n, _, x in list_ if n in takes_beta]
    if alpha:
        a["activation_alpha"] = alpha
    if beta:
        a["activation_beta"] = beta
    return a


def with_activations(name, op, list_, description, repeat=1, runs=True, **layer):
    one(name, op, description, layer=dict(activations=list_, **layer), attributes=activations(*(list_ * repeat)), runs=runs)


def batch_first(name, op, **layer):
    """layout 1: X [B, T, I], Y [B, T, dirs, H], states [B, dirs, H]. ONNX Runtime does not run it."""
    l = Layer(np.random.default_rng(len(name)), op, I, H, **layer)
    g = Graph()
    x = draw(name, B, T, I)
    y, h = g.rnn(l, g.input("X", x, ["batch", "time", I]), outputs=("Y", "Y_h", ""), layout=1)
    want = l.run(x.transpose(1, 0, 2)).transpose(1, 0, 2)
    g.output(y, want.reshape(B, T, l.dirs, H), ["batch", "time", l.dirs, H])
    keep(name, g, [l], "%s with layout 1" % op, runs="ONNX Runtime has no layout 1", batch_first=True)


def states(name, op, how, lengths=None, **layer):
    """Initial states and sequence lengths, constant, given or made by nodes."""
    l = Layer(np.random.default_rng(len(name)), op, I, H, **layer)
    g = Graph()
    x = draw(name, T, B, I)
    xin = g.input("X", x, FREE)
    lstm = op == "LSTM"
    more, h0, c0, hn, cn = {}, None, None, None, None
    if how == "constant":
        h0, c0 = draw(name + "h", l.dirs, B, H), draw(name + "c", l.dirs, B, H)
        hn, cn = g.const(h0, "h0"), g.const(c0, "c0") if lstm else None
        more["output"] = "the graph starts from constant states"
    elif how == "input":
        h0, c0 = draw(name + "h", l.dirs, B, H), draw(name + "c", l.dirs, B, H)
        hn, cn = g.input("h0", h0, [l.dirs, "batch", H]), g.input("c0", c0, [l.dirs, "batch", H]) if lstm else None
        more["output"] = "the graph starts from given states"
    elif how == "expand":
        batch = g.op("Gather", g.op("Shape", xin), np.array(1), axis=0)
        dims = g.op("Concat", np.array([l.dirs]), g.op("Unsqueeze", batch, np.array([0])), np.array([H]), axis=0)
        hn = g.op("Expand", np.zeros((1, 1, 1), "f"), dims)
        cn = g.op("ConstantOfShape", dims) if lstm else None
    elif how == "same":
        hn = cn = g.const(np.zeros((l.dirs, B, H), "f"), "zeros")
    elif how == "trained": # one vector for every batch entry
        h0 = np.repeat(draw(name + "h", l.dirs, 1, H), B, 1)
        batch = g.op("Slice", g.op("Shape", xin), np.array([1]), np.array([2]))
        dims = g.op("Concat", np.array([l.dirs]), batch, np.array([H]), axis=0)
        hn = g.op("Expand", np.ascontiguousarray(h0[:, :1]), dims)
        cn, c0 = (hn, h0) if lstm else (None, None)
        more["output"] = "the graph starts from constant states"
    lens = None
    if lengths == "given":
        lens = g.input("lengths", np.array([T, T - 2], "i"), ["batch"])
        more["output"] = "sequences of other lengths"
    elif lengths:
        lens = g.const(np.array(lengths, "i"), "lengths")
        if min(lengths) < T:
            more["output"] = "sequences of other lengths"
    y = g.rnn(l, xin, lengths=lens, h0=hn, c0=cn)
    at = [T, T - 2] if lengths == "given" else lengths
    want = l.run(x, h0, c0, at)
    if l.dirs == 2:
        g.output(merge(g, y, l.width), want, ["time", "batch", l.width])
    else:
        g.output(y, flat(want, 1), ["time", 1, "batch", H])
    said = {None: "", "constant": ", constant initial states", "input": ", initial states as inputs", "expand": ", zeros as initial states, made to the batch's size",
            "same": ", one tensor for both initial states", "trained": ", a constant initial state for every sequence"}[how]
    keep(name, g, [l], op + said + (", sequence lengths " + ("as input" if lengths == "given" else str(lengths)) if lengths else ""), **more)


def make():
    for op in ("LSTM", "GRU", "RNN"):
        low = op.lower()
        batch_first("hand_%s_layout1" % low, op)
        batch_first("hand_%s_layout1_bidirectional" % low, op, direction="bidirectional")
        batch_first("hand_%s_layout1_reverse" % low, op, direction="reverse")
        one("hand_%s_clip" % low, op, "%s, clip 0.25" % op, layer=dict(clip=0.25, scale=1.0))
        one("hand_%s_reverse" % low, op, "%s, direction reverse" % op, layer=dict(direction="reverse"))
        one("hand_%s_no_bias" % low, op, "%s without B" % op, layer=dict(bias=False))
        states("hand_%s_states_constant" % low, op, "constant")
        states("hand_%s_states_input" % low, op, "input")
        states("hand_%s_states_expand" % low, op, "expand", direction="bidirectional")
        states("hand_%s_lengths" % low, op, None, lengths=[T, T - 2], direction="bidirectional")
        states("hand_%s_lengths_input" % low, op, "expand", lengths="given")
    states("hand_lstm_states_same", "LSTM", "same")
    states("hand_lstm_states_trained", "LSTM", "trained", direction="bidirectional")
    states("hand_lstm_lengths_full", "LSTM", None, lengths=[T, T])

    one("hand_lstm_input_forget", "LSTM", "LSTM, input_forget", layer=dict(input_forget=True))
    one("hand_lstm_peepholes", "LSTM", "LSTM with peepholes", layer=dict(peepholes=True))
    one("hand_lstm_peepholes_bidirectional", "LSTM", "bidirectional LSTM with peepholes", layer=dict(peepholes=True, direction="bidirectional"))
    one("hand_lstm_everything", "LSTM", "LSTM, reverse, peepholes, clip and other activations at once",
        layer=dict(peepholes=True, clip=0.5, scale=0.8, direction="reverse", activations=[("HardSigmoid", 0.3, 0.45), ("Softsign", 0, 0), ("ScaledTanh", 0.9, 0.7)]),
        attributes=activations(("HardSigmoid", 0.3, 0.45), ("Softsign", 0, 0), ("ScaledTanh", 0.9, 0.7)))
    one("hand_gru_reset_first_bidirectional", "GRU", "bidirectional GRU, linear_before_reset 0", layer=dict(reset_first=True, direction="bidirectional"))
    one("hand_gru_reset_first_clip", "GRU", "GRU, linear_before_reset 0, clip", layer=dict(reset_first=True, clip=0.3, scale=0.9))

    two = [("HardSigmoid", 0.3, 0.4), ("ScaledTanh", 1.2, 0.8), ("LeakyRelu", 0.05, 0)]
    with_activations("hand_lstm_activations", "LSTM", two, "LSTM: HardSigmoid, ScaledTanh, LeakyRelu with their parameters")
    with_activations("hand_lstm_activations_bidirectional", "LSTM", two, "the same in both directions", repeat=2, direction="bidirectional")
    with_activations("hand_gru_activations", "GRU", [("Sigmoid", 0, 0), ("Softsign", 0, 0)], "GRU: Sigmoid, Softsign")
    with_activations("hand_gru_activations_reset_first", "GRU", [("HardSigmoid", 0.2, 0.5), ("Elu", 0.7, 0)], "GRU, linear_before_reset 0: HardSigmoid, Elu", reset_first=True)
    for name, a, b in (("Relu", 0, 0), ("Affine", 0.6, 0.1), ("LeakyRelu", 0.2, 0), ("ThresholdedRelu", 0.1, 0), ("ScaledTanh", 0.8, 1.1), ("HardSigmoid", 0.25, 0.4),
                       ("Elu", 0.5, 0), ("Softsign", 0, 0), ("Softplus", 0, 0), ("Sigmoid", 0, 0)):
        with_activations("hand_rnn_%s" % name.lower(), "RNN", [(name, a, b)], "RNN: %s" % name)
    one("hand_lstm_activations_lower_case", "LSTM", "activations in lower case", attributes=dict(activations=["sigmoid", "tanh", "tanh"]))
    one("hand_rnn_activations_differ", "RNN", "another activation backwards than forwards", layer=dict(direction="bidirectional"), attributes=dict(activations=["Tanh", "Relu"]),
        runs="its truth is not computed", expect="refuse", code="unsupported_cell")
    one("hand_rnn_activation_unknown", "RNN", "an activation that ONNX does not have", attributes=dict(activations=["Swish"]), runs="no such activation", expect="refuse", code="unsupported_cell")

    one("hand_lstm_no_hidden_size", "LSTM", "LSTM without hidden_size", attributes=dict(hidden_size=False), runs="ONNX Runtime wants hidden_size")
    one("hand_lstm_opset1", "LSTM", "LSTM-1 with output_sequence, IR 3", graph=dict(opset=6, ir=3), attributes=dict(output_sequence=1), runs="older than ONNX Runtime", expect="refuse", code="unsupported_op")
    one("hand_gru_opset3", "GRU", "GRU-3 with output_sequence, IR 3", graph=dict(opset=5, ir=3), attributes=dict(output_sequence=1), runs="older than ONNX Runtime", expect="refuse", code="unsupported_op")
    one("hand_rnn_opset7", "RNN", "RNN-7, IR 3", graph=dict(opset=7, ir=3))
    for opset, ir in ((7, 4), (14, 7), (21, 10), (22, 11), (24, 12), (25, 13)):
        one("hand_lstm_opset%d_ir%d" % (opset, ir), "LSTM", "LSTM of opset %d, IR %d" % (opset, ir), graph=dict(opset=opset, ir=ir), layer=dict(direction="bidirectional"))
    one("hand_gru_opset26_ir14", "GRU", "GRU of opset 26, IR 14", graph=dict(opset=26, ir=14), runs="newer than ONNX Runtime may be")
