"""What is around the op: functions, branches, loops, front ends, readouts, stacks and RNNs beside each other."""

import numpy as np
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from attributes import B, FREE, H, I, T, draw, flat, merge
from build import Graph, keep
from cells import Layer

O = 3  # outputs of readouts
EVERY, LAST, MEAN, HN = "Linear on every step", "Linear on the last step", "Linear on the mean over time", "Linear on h_n"


def linear(name, outputs, inputs):
    return draw(name + "w", outputs, inputs) * np.float32(0.4), draw(name + "b", outputs) * np.float32(0.4)


def squeezed(g, l, x, **more):
    """An op's output as [T, B, width]."""
    y = g.rnn(l, x, **more)
    return g.op("Squeeze", y, np.array([1])) if l.dirs == 1 else merge(g, y, l.width)


def function(name, nested=False, overload=""):
    """An op in a model-local function; hidden_size is the call's attribute and direction the function's default."""
    l = Layer(np.random.default_rng(len(name)), "LSTM", I, H, direction="reverse")
    g = Graph(ir=10 if overload else 8)
    x = draw(name, T, B, I)
    w, r, b, _ = l.arrays()
    node = helper.make_node("LSTM", ["x", "w", "r", "b"], ["y"])
    for attribute, kind in (("hidden_size", AttributeProto.INT), ("direction", AttributeProto.STRING)):
        node.attribute.append(AttributeProto(name=attribute, type=kind, ref_attr_name=attribute))
    squeeze = [helper.make_node("Constant", [], ["axes"], value_ints=[1]), helper.make_node("Squeeze", ["y", "axes"], ["out"])]
    inner = helper.make_function("local", "Layer", ["x", "w", "r", "b"], ["out"], [node] + squeeze, [helper.make_opsetid("", 17)], ["hidden_size"],
                                 [helper.make_attribute("direction", "reverse")])
    g.functions = [inner]
    if overload:
        inner.overload = overload
        other = helper.make_function("local", "Layer", ["x"], ["out"], [helper.make_node("Relu", ["x"], ["out"])], [helper.make_opsetid("", 17)])
        g.functions = [other, inner]
    call = dict(domain="local", hidden_size=H)
    if nested:
        body = helper.make_node("Layer", ["a", "w", "r", "b"], ["z"], domain="local")
        body.attribute.append(AttributeProto(name="hidden_size", type=AttributeProto.INT, ref_attr_name="units"))
        g.functions.append(helper.make_function("local", "Net", ["x", "w", "r", "b"], ["z"], [helper.make_node("Identity", ["x"], ["a"]), body],
                                                [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)], ["units"]))
        call = dict(domain="local", units=H)
    g.domains = {"local": 1}
    y = g.op("Net" if nested else "Layer", g.input("X", x, FREE), w, r, b, **call)
    if overload:
        g.nodes[-1].overload = overload
    g.output(y, l.run(x), ["time", "batch", H])
    what = ", called by another" if nested else ", one of two overloads" if overload else ""
    keep(name, g, [l], "LSTM in a model-local function" + what, runs="ONNX Runtime takes overloads as one" if overload else True)


def branch(name, condition, inside):
    """If whose condition is constant or of shapes alone; the op is inside it, or its weights come from it."""
    l = Layer(np.random.default_rng(len(name)), "GRU", I, H)
    g = Graph()
    x = draw(name, T, B, I)
    xin = g.input("X", x, FREE)
    w, r, b, _ = l.arrays()
    cond = np.array(True)
    if condition == "shape":
        cond = g.op("Greater", g.op("Gather", g.op("Shape", xin), np.array(2), axis=0), np.array(1))
    then, other = Graph(), Graph()
    then.count, other.count = 100, 200
    if inside:
        then_out = squeezed(then, l, "X")
        other_out = other.op("Slice", "X", np.array([0]), np.array([H]), np.array([2]))
        y = g.op("If", cond, then_branch=then.body([], [(then_out, TensorProto.FLOAT, None)], "then"), else_branch=other.body([], [(other_out, TensorProto.FLOAT, None)], "else"))
    else:
        then_out, other_out = then.op("Identity", w), other.op("Mul", w, np.array(2, "f"))
        chosen = g.op("If", cond, then_branch=then.body([], [(then_out, TensorProto.FLOAT, None)], "then"), else_branch=other.body([], [(other_out, TensorProto.FLOAT, None)], "else"))
        y = squeezed(g, l, xin, weights=(chosen, r, b, None))
    g.output(y, l.run(x), ["time", "batch", H])
    keep(name, g, [l], "If with %s, %s" % ("a condition of shapes" if condition == "shape" else "a constant condition", "the op inside it" if inside else "its weights from it"))


def torch_squeeze_if(name):
    """PyTorch's Squeeze of a dimension of unknown size: If(dim == 1, Squeeze, Identity)."""
    l = Layer(np.random.default_rng(len(name)), "LSTM", I, H)
    g = Graph()
    x = draw(name, T, B, I)
    y = g.rnn(l, g.input("X", x, FREE))
    cond = g.op("Equal", g.op("Gather", g.op("Shape", y), np.array(1), axis=0), np.array(1))
    then, other = Graph(), Graph()
    then.count, other.count = 100, 200
    a, b = then.op("Squeeze", y, np.array([1])), other.op("Identity", y)
    out = g.op("If", cond, then_branch=then.body([], [(a, TensorProto.FLOAT, None)], "then"), else_branch=other.body([], [(b, TensorProto.FLOAT, None)], "else"))
    weight, bias = linear(name, O, H)
    g.output(g.op("Add", g.op("MatMul", out, weight.T), bias), l.run(x) @ weight.T + bias, ["time", "batch", O])
    keep(name, g, [l], "Squeeze inside an If, then a readout", head=EVERY, readout={"head.weight": weight, "head.bias": bias})


def op_in_scan(name, kind):
    """The op runs one step at a time in the body of a Scan or Loop, as an exported LSTMCell does; its states are carried."""
    l = Layer(np.random.default_rng(len(name)), "LSTM", I, H)
    g, body = Graph(), Graph()
    body.count = 100
    x = draw(name, T, B, I)
    xin = g.input("X", x, [T, B, I])
    step = "x" if kind == "Scan" else body.op("Gather", xin, "i", axis=0)
    h, c = body.rnn(l, body.op("Unsqueeze", step, np.array([0])), h0=body.op("Unsqueeze", "h", np.array([0])), c0=body.op("Unsqueeze", "c", np.array([0])), outputs=("", "Y_h", "Y_c"))[1:]
    h, c = body.op("Squeeze", h, np.array([0])), body.op("Squeeze", c, np.array([0]))
    out = body.op("Identity", h)
    zeros = np.zeros((B, H), "f")
    f = TensorProto.FLOAT
    state_in, state_out = [("h", f, [B, H]), ("c", f, [B, H])], [(h, f, [B, H]), (c, f, [B, H]), (out, f, [B, H])]
    if kind == "Scan":
        _, _, y = g.op("Scan", zeros, zeros, xin, outputs=3, num_scan_inputs=1, body=body.body(state_in + [("x", f, [B, I])], state_out))
    else:
        go = body.op("Identity", "go")
        _, _, y = g.op("Loop", np.array(T), np.array(True), zeros, zeros, outputs=3,
                       body=body.body([("i", TensorProto.INT64, []), ("go", TensorProto.BOOL, [])] + state_in, [(go, TensorProto.BOOL, [])] + state_out))
    g.output(y, l.run(x), [T, B, H])
    keep(name, g, [l], "LSTM ops of one step in the body of a %s" % kind)


def stack(name, ops, hidden, directions=None, head=None, between=None):
    """Layers of differing cells and sizes."""
    rng = np.random.default_rng(sum(map(ord, name)))
    layers, width = [], I
    for i, op in enumerate(ops):
        layers.append(Layer(rng, op, width, hidden[i], direction=(directions or ["forward"] * 9)[i]))
        width = layers[-1].width
    g = Graph()
    x = draw(name, T, B, I)
    y, want = g.input("X", x, FREE), x
    for i, l in enumerate(layers):
        if i and between:
            y = between(g, y)
        y, want = squeezed(g, l, y), l.run(want)
    readout = None
    if head:
        weight, bias = linear(name, O, width)
        readout = {"head.weight": weight, "head.bias": bias}
        y, want = g.op("Add", g.op("MatMul", y, weight.T), bias), want @ weight.T + bias
    g.output(y, want, ["time", "batch", want.shape[2]])
    said = " -> ".join("%s %d%s" % (l.op, l.hidden, "" if l.dirs == 1 else "x2") for l in layers)
    keep(name, g, layers, said + (", " + between.__doc__ if between else ""), head=head, readout=readout)


def dropout(g, y):
    """Dropout between"""
    return g.op("Dropout", y, np.array(0.5, "f"), np.array(False))


def two_nodes(name, first_reversed):
    """A bidirectional layer as a forward and a reverse node beside each other; or two forward nodes, one over reversed time."""
    rng = np.random.default_rng(len(name))
    l = Layer(rng, "LSTM", I, H, direction="bidirectional")
    halves = []
    for d, direction in enumerate(("forward", "reverse")):
        half = Layer(rng, "LSTM", I, H, direction="forward" if first_reversed else direction)
        half.weights = {k.replace("_reverse", ""): v for k, v in l.weights.items() if k.endswith("_reverse") == (d == 1)}
        halves.append(half)
    g = Graph()
    x = draw(name, T, B, I)
    xin = g.input("X", x, FREE)
    flip = lambda v: g.op("Slice", v, np.array([-1]), np.array([np.iinfo("i8").min]), np.array([0]), np.array([-1]))
    ys = [squeezed(g, halves[0], xin), flip(squeezed(g, halves[1], flip(xin))) if first_reversed else squeezed(g, halves[1], xin)]
    g.output(g.op("Concat", *ys, axis=2), l.run(x), ["time", "batch", 2 * H])
    keep(name, g, [l], "a bidirectional layer as two nodes, " + ("one over time reversed by Slice" if first_reversed else "forward and reverse"))


def parallel(name):
    """Two RNNs that read the same input; their outputs are concatenated."""
    rng = np.random.default_rng(len(name))
    large, small = Layer(rng, "LSTM", I, 6), Layer(rng, "GRU", I, 4)
    g = Graph()
    x = draw(name, T, B, I)
    xin = g.input("X", x, FREE)
    a, b = squeezed(g, small, xin), squeezed(g, large, xin)
    g.output(g.op("Concat", a, b, axis=2), np.concatenate([small.run(x), large.run(x)], 2), ["time", "batch", 10])
    keep(name, g, [[large], [small]], "two RNNs beside each other, of differing cells", output="the largest of two RNNs is recovered")


def two_inputs(name):
    """Two RNNs of two graph inputs."""
    rng = np.random.default_rng(len(name))
    large, small = Layer(rng, "GRU", 5, 6), Layer(rng, "GRU", I, 4)
    g = Graph()
    x, z = draw(name, T, B, I), draw(name + "z", T + 1, B, 5)
    a, b = squeezed(g, small, g.input("X", x, FREE)), squeezed(g, large, g.input("Z", z, ["steps", "batch", 5]))
    last = lambda v: g.op("Gather", v, np.array(-1), axis=0)
    g.output(g.op("Concat", last(a), last(b), axis=1), np.concatenate([small.run(x)[-1], large.run(z)[-1]], 1), ["batch", 10])
    keep(name, g, [[large], [small]], "an RNN for each of two inputs", output="the largest of two RNNs is recovered")


def residual(name):
    """x + y goes to the second layer: not a stack, as nothing but a sum is between."""
    rng = np.random.default_rng(len(name))
    first, second = Layer(rng, "LSTM", H, H), Layer(rng, "LSTM", H, H)
    g = Graph()
    x = draw(name, T, B, H)
    xin = g.input("X", x, ["time", "batch", H])
    y = g.op("Add", squeezed(g, first, xin), xin)
    g.output(squeezed(g, second, y), second.run(first.run(x) + x), ["time", "batch", H])
    keep(name, g, [[first], [second]], "a residual connection around the first of two layers", output="the first of two RNNs is recovered")


def front(name, kind, description, output=None, **more):
    """Something in front of the RNN; the truth is what the RNN makes of what arrives."""
    rng = np.random.default_rng(len(name))
    g = Graph()
    tokens = rng.integers(0, 7, (B, T))
    width, layer_in = I, None
    if kind in ("embedding", "onehot", "onehot_mul"):
        xin = g.input("tokens", tokens, ["batch", "time"])
        if kind == "embedding":
            table = draw(name, 7, I)
            v, seen = g.op("Gather", table, xin, axis=0), table[tokens]
        else:
            v = g.op("OneHot", xin, np.array(7), np.array([0, 1], "f"), axis=-1)
            seen, width = np.eye(7, dtype="f")[tokens], 7
            if kind == "onehot_mul":
                table = draw(name, 7, I)
                v, seen, width = g.op("MatMul", v, table), seen @ table, I
        v, seen = g.op("Transpose", v, perm=[1, 0, 2]), seen.transpose(1, 0, 2)
    elif kind == "equal":  # one-hot by comparison
        xin = g.input("tokens", tokens.T.copy(), ["time", "batch"])
        v = g.op("Cast", g.op("Equal", g.op("Unsqueeze", xin, np.array([-1])), np.arange(7)), to=TensorProto.FLOAT)
        seen, width = np.eye(7, dtype="f")[tokens.T], 7
    elif kind == "conv":
        signal = draw(name, B, 2, 2 * T)
        weight = draw(name + "w", I, 2, 2)
        v = g.op("Relu", g.op("Conv", g.input("signal", signal, ["batch", 2, 2 * T]), weight, strides=[2]))
        seen = np.maximum(np.einsum("bctk,ick->bit", signal.reshape(B, 2, T, 2), weight), 0)
        v, seen = g.op("Transpose", v, perm=[2, 0, 1]), seen.transpose(2, 0, 1)
    elif kind == "conv2d":  # CRNN: columns of feature maps are the steps
        image = draw(name, B, 1, 4, T)
        weight = draw(name + "w", 3, 1, 3, 3)
        v = g.op("MaxPool", g.op("Relu", g.op("Conv", g.input("image", image, ["batch", 1, 4, "width"]), weight, pads=[1] * 4)), kernel_shape=[2, 1], strides=[2, 1])
        v = g.op("Reshape", v, np.array([0, 6, -1]))
        v, width = g.op("Transpose", v, perm=[2, 0, 1]), 6
        padded = np.pad(image[:, 0], ((0, 0), (1, 1), (1, 1)))
        out = np.stack([sum(weight[o, 0, i, j] * padded[:, i:i + 4, j:j + T] for i in range(3) for j in range(3)) for o in range(3)], 1)
        seen = np.maximum(out, 0).reshape(B, 3, 2, 2, T).max(3).reshape(B, 6, T).transpose(2, 0, 1)
    elif kind == "dense":
        raw = draw(name, T, B, 5)
        weight, bias = draw(name + "w", 5, I), draw(name + "b", I)
        v = g.op("Tanh", g.op("Add", g.op("MatMul", g.input("X", raw, ["time", "batch", 5]), weight), bias))
        seen = np.tanh(raw @ weight + bias)
    elif kind == "scaler":  # standardisation, as a pipeline's first step
        raw = draw(name, T, B, I)
        mean, deviation = draw(name + "m", I), np.abs(draw(name + "d", I)) + 0.5
        v = g.op("Div", g.op("Sub", g.input("X", raw, FREE), mean), deviation)
        seen = (raw - mean) / deviation
    elif kind == "flip":  # what arrives is reversed in time, and nothing is put back
        raw = draw(name, T, B, I)
        v = g.op("Slice", g.input("X", raw, FREE), np.array([-1]), np.array([np.iinfo("i8").min]), np.array([0]), np.array([-1]))
        seen = raw[::-1]
    elif kind == "repeat":  # a decoder that reads one vector at every step
        raw = draw(name, B, I)
        v = g.op("Tile", g.op("Unsqueeze", g.input("X", raw, ["batch", I]), np.array([0])), np.array([T, 1, 1]))
        seen = np.repeat(raw[None], T, 0)
    elif kind == "batch1":  # one sequence without a batch
        raw = draw(name, T, I)
        v = g.op("Unsqueeze", g.input("X", raw, ["time", I]), np.array([1]))
        seen = raw[:, None]
    elif kind == "two":  # features of two inputs beside each other
        raw, mark = draw(name, T, B, 2), draw(name + "2", T, B, 1)
        v = g.op("Concat", g.input("X", raw, ["time", "batch", 2]), g.input("M", mark, ["time", "batch", 1]), axis=2)
        seen = np.concatenate([raw, mark], 2)
    l = Layer(rng, "LSTM", width, H)
    weight, bias = linear(name, O, H)
    y, want = squeezed(g, l, v), l.run(seen)
    y = g.op("Gemm", g.op("Gather", y, np.array(-1), axis=0), weight, bias, transB=1)
    g.output(y, want[-1] @ weight.T + bias, ["batch", O])
    if output:
        more["output"] = output
    keep(name, g, [l], description, in_front=kind, head=LAST, readout={"head.weight": weight, "head.bias": bias}, **more)


def readout(name, kind, description, head, layer=None, **more):
    """Something behind the RNN."""
    l = Layer(np.random.default_rng(len(name)), "GRU", I, H, **(layer or {}))
    g = Graph()
    x = draw(name, T, B, I)
    weight, bias = linear(name, O, l.width)
    xin, want = g.input("X", x, FREE), l.run(x)
    last = lambda y: g.op("Gather", y, np.array(-1), axis=0)
    known = {"head.weight": weight, "head.bias": bias}
    if kind == "hn":
        h = g.rnn(l, xin, outputs=("", "Y_h", ""))[1]
        if l.dirs == 2:
            h = g.op("Reshape", g.op("Transpose", h, perm=[1, 0, 2]), np.array([0, 2 * H]))
            out = np.concatenate([want[-1, :, :H], want[0, :, H:]], 1)
        else:
            h, out = g.op("Squeeze", h, np.array([0])), want[-1]
        y, out = g.op("Gemm", h, weight, bias, transB=1), out @ weight.T + bias
    else:
        y = squeezed(g, l, xin)
        if kind == "gemm_flat": # [T*B, H]
            y, out = g.op("Gemm", g.op("Reshape", y, np.array([-1, l.width])), weight, bias, transB=1), (want @ weight.T + bias).reshape(-1, O)
        elif kind == "gemm_scaled":
            y, out = g.op("Gemm", last(y), weight.T, bias, alpha=0.5, beta=2.0), want[-1] @ (weight.T * np.float32(0.5)) + 2 * bias
            known = {"head.weight": weight * np.float32(0.5), "head.bias": 2 * bias}
        elif kind == "slice":
            y = g.op("Squeeze", g.op("Slice", y, np.array([-1]), np.array([np.iinfo("i8").max]), np.array([0])), np.array([0]))
            y, out = g.op("Add", bias, g.op("MatMul", y, weight.T)), want[-1] @ weight.T + bias
        elif kind == "mean":
            y, out = g.op("Gemm", g.op("ReduceMean", y, axes=[0], keepdims=0), weight, bias, transB=1), want.mean(0) @ weight.T + bias
        elif kind == "max":
            y, out = g.op("Gemm", g.op("ReduceMax", y, axes=[0], keepdims=0), weight, bias, transB=1), want.max(0) @ weight.T + bias
        elif kind == "no_bias":
            y, out = g.op("MatMul", last(y), weight.T), want[-1] @ weight.T
            known = {"head.weight": weight}
        elif kind == "softmax":
            y, z = g.op("Softmax", g.op("Gemm", last(y), weight, bias, transB=1), axis=1), want[-1] @ weight.T + bias
            out = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        elif kind == "dropout":
            y, out = g.op("Gemm", g.op("Dropout", last(y)), weight, bias, transB=1), want[-1] @ weight.T + bias
        elif kind == "norm":
            scale, shift = draw(name + "s", H), draw(name + "t", H)
            y = g.op("Gemm", g.op("LayerNormalization", last(y), scale, shift), weight, bias, transB=1)
            z = want[-1]
            z = (z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, keepdims=True) + 1e-5) * scale + shift
            out = z @ weight.T + bias
        elif kind == "two":
            other = draw(name + "o", 1, H)
            g.output(g.op("Gemm", last(y), weight, bias, transB=1), want[-1] @ weight.T + bias, ["batch", O])
            y, out = g.op("MatMul", last(y), other.T), want[-1] @ other.T
        elif kind == "mlp":
            second = draw(name + "m", 2, O)
            y = g.op("MatMul", g.op("Relu", g.op("Gemm", last(y), weight, bias, transB=1)), second.T)
            out = np.maximum(want[-1] @ weight.T + bias, 0) @ second.T
        elif kind == "conv1":
            y = g.op("Conv", g.op("Transpose", y, perm=[1, 2, 0]), weight[:, :, None], bias)
            out = (want @ weight.T + bias).transpose(1, 2, 0)
    g.output(y, out.astype("f"), ["?%d" % i if n not in (O,) else n for i, n in enumerate(out.shape)])
    if head and head.startswith("none"):
        head, known = None, None
    keep(name, g, [l], description, head=head, readout=known, **more)


def make():
    function("hand_function")
    function("hand_function_nested", nested=True)
    function("hand_function_overload", overload="second")
    for condition in ("constant", "shape"):
        for inside in (True, False):
            branch("hand_if_%s_%s" % (condition, "op" if inside else "weights"), condition, inside)
    torch_squeeze_if("hand_if_squeeze")
    op_in_scan("hand_lstm_op_in_scan", "Scan")
    op_in_scan("hand_lstm_op_in_loop", "Loop")
    stack("hand_stack_sizes", ["LSTM", "LSTM", "LSTM"], [6, 3, 4], head=EVERY)
    stack("hand_stack_bidirectional_first", ["GRU", "GRU"], [4, 3], ["bidirectional", "forward"], head=EVERY, between=dropout)
    stack("hand_stack_mixed", ["GRU", "LSTM", "RNN"], [4, 5, 3], head=EVERY)
    stack("hand_stack_directions", ["LSTM", "LSTM", "LSTM"], [4, 4, 4], ["reverse", "forward", "reverse"])
    two_nodes("hand_two_nodes", False)
    two_nodes("hand_two_nodes_flipped", True)
    parallel("hand_parallel")
    two_inputs("hand_two_inputs")
    residual("hand_residual")
    front("hand_front_embedding", "embedding", "embedding in front")
    front("hand_front_onehot", "onehot", "OneHot in front")
    front("hand_front_onehot_matmul", "onehot_mul", "OneHot and a product as embedding")
    front("hand_front_onehot_equal", "equal", "one-hot coding by comparison")
    front("hand_front_conv", "conv", "Conv of one dimension in front", output="Conv is not evaluated")
    front("hand_front_crnn", "conv2d", "Conv of two dimensions in front, columns are steps, as in text recognisers", output="Conv is not evaluated")
    front("hand_front_dense", "dense", "a dense layer in front")
    front("hand_front_scaler", "scaler", "standardisation in front")
    front("hand_front_flip", "flip", "time reversed in front")
    front("hand_front_repeat", "repeat", "one vector repeated at every step")
    front("hand_front_no_batch", "batch1", "a sequence without a batch")
    front("hand_front_two_inputs", "two", "features of two inputs beside each other")
    readout("hand_readout_h_n", "hn", "readout of Y_h; Y is not put out", HN)
    readout("hand_readout_h_n_bidirectional", "hn", "readout of both directions' Y_h", HN, layer=dict(direction="bidirectional"), output="the last forward and the first backward state")
    readout("hand_readout_flat", "gemm_flat", "Gemm over all steps and sequences", EVERY)
    readout("hand_readout_alpha_beta", "gemm_scaled", "Gemm with alpha and beta, weights not transposed", LAST)
    readout("hand_readout_slice", "slice", "MatMul and Add after Slice", LAST)
    readout("hand_readout_mean", "mean", "Gemm after ReduceMean", MEAN)
    readout("hand_readout_max", "max", "Gemm after ReduceMax", "Linear on the maximum over time", output="the maximum comes before the readout")
    readout("hand_readout_no_bias", "no_bias", "MatMul alone", LAST)
    readout("hand_readout_softmax", "softmax", "Softmax behind the readout", LAST, output="Softmax behind the readout")
    readout("hand_readout_dropout", "dropout", "Dropout before the readout", LAST)
    readout("hand_readout_norm", "norm", "LayerNormalization before the product: no readout of the RNN", "none", output="LayerNormalization behind the RNN")
    readout("hand_readout_two", "two", "two readouts", LAST, output="one of two readouts")
    readout("hand_readout_mlp", "mlp", "two dense layers behind", "none", output="another layer behind the readout")
    readout("hand_readout_conv", "conv1", "Conv of kernel 1 as readout", "none", output="Conv behind the RNN")
