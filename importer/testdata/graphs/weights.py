"""The ways in which weights come to an op: constants, chains of nodes, types, sparse and external storage."""

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from attributes import B, FREE, H, I, T, draw, flat, merge
from build import Graph, keep
from cells import Layer


def chain(name, description, weave, op="LSTM", graph=None, layer=None, **more):
    """A layer whose W, R and B are what weave(g, w, r, b) returns: names or arrays."""
    l = Layer(np.random.default_rng(sum(map(ord, name))), op, I, H, **(layer or {}))
    g = Graph(**(graph or {}))
    x = draw(name, T, B, I)
    w, r, b, p = l.arrays()
    woven = weave(g, w, r, b)
    y = g.rnn(l, g.input("X", x, FREE), weights=(*woven, p)[:4])
    want = l.run(x)
    if l.dirs == 2:
        g.output(merge(g, y, l.width), want, ["time", "batch", l.width])
    else:
        g.output(y, flat(want, 1), ["time", 1, "batch", H])
    keep(name, g, [l], description, **more)
    return g


def node_constants(g, w, r, b):
    return (g.op("Constant", value=numpy_helper.from_array(w)), g.op("Identity", g.op("Constant", value=numpy_helper.from_array(r))),
            g.op("Reshape", g.op("Constant", value_floats=[float(v) for v in b.ravel()]), g.op("Constant", value_ints=[1, -1])))


def transposed(g, w, r, b):
    return g.op("Transpose", w.transpose(0, 2, 1), perm=[0, 2, 1]), g.op("Unsqueeze", g.op("Transpose", r[0].T), np.array([0])), g.op("Flatten", b.reshape(1, 2, -1))


def gates_apart(g, w, r, b):
    """A matrix and a vector for each gate, as in frameworks that keep them apart."""
    apart = lambda a: g.op("Unsqueeze", g.op("Concat", *np.split(a, 4), axis=0), np.array([0]))
    return apart(w[0]), apart(r[0]), g.op("Concat", *np.split(b, 8, 1), axis=1)


def one_matrix(g, w, r, b):
    """[W|R|Wb+Rb...] in one matrix, cut by Slice."""
    all_ = np.concatenate([w[0], r[0], b[0].reshape(2, -1).T], 1)
    name = g.const(all_, "kernel")
    cut = lambda a, z: g.op("Slice", name, np.array([a]), np.array([z]), np.array([1]))
    bias = g.op("Reshape", g.op("Transpose", cut(-2, np.iinfo("i8").max), perm=[1, 0]), np.array([1, -1]))
    return g.op("Unsqueeze", cut(0, I), np.array([0])), g.op("Unsqueeze", cut(I, I + H), np.array([0])), bias


def flat_vector(g, w, r, b):
    """One flat vector of parameters: Slice, Split, Concat, Reshape, as MXNet exports."""
    vector = g.const(np.concatenate([w.ravel(), r.ravel(), b.ravel()]), "parameters")
    n, m = w.size, r.size
    cut = lambda a, z: g.op("Slice", vector, np.array([a]), np.array([z]))
    quarters = g.op("Split", cut(0, n), np.array([n // 4] * 4), outputs=4, axis=0)
    w_ = g.op("Reshape", g.op("Concat", *quarters, axis=0), np.array([1, -1, I]))
    return w_, g.op("Reshape", cut(n, n + m), np.array([1, 4 * H, H])), g.op("Reshape", cut(n + m, 2**31), np.array([1, 8 * H]))


def old_split(g, w, r, b):
    """Attributes where later opsets have inputs: Split-2, Slice-1, Squeeze-1, Unsqueeze-1."""
    both = g.const(np.concatenate([w, r], 2)[None], "both")
    a, c = g.op("Split", g.op("Squeeze", both, axes=[0]), outputs=2, axis=2, split=[I, H])
    bias = g.op("Slice", g.op("Unsqueeze", b[0], axes=[0]), axes=[1], starts=[0], ends=[8 * H])
    return a, c, bias


def split18(g, w, r, b):
    parts = g.op("Split", w, outputs=4, axis=1, num_outputs=4)
    return g.op("Concat", *parts, axis=1), r, b


def doubles(g, w, r, b):
    return tuple(g.op("Cast", a.astype("d"), to=TensorProto.FLOAT) for a in (w, r, b))


def gathered(g, w, r, b):
    """Gate blocks stored in another order and put right by Gather."""
    order = np.arange(4 * H).reshape(4, H)[[2, 0, 3, 1]].ravel()
    stored = np.empty_like(w)
    stored[:, order] = w
    return g.op("Gather", stored, order, axis=1), g.op("GatherElements", r, np.tile(np.arange(4 * H)[None, :, None], (1, 1, H)), axis=1), g.op("GatherND", b, np.arange(1).reshape(1, 1))


def scaled(g, w, r, b):
    """Weights as products and sums; powers of two, so that nothing is rounded."""
    w_ = g.op("Mul", g.op("Div", w * 4, np.array(2, "f")), np.array([0.5], "f"))
    r_ = g.op("Neg", g.op("Sub", np.zeros((1, 1, 1), "f"), r))
    return w_, r_, g.op("Sum", g.op("Where", b > 0, b, np.zeros_like(b)), g.op("Min", b, np.zeros((), "f")))


def shaped(g, w, r, b):
    """Zeros and shapes that nodes make: ConstantOfShape, Expand, Shape, Range, Tile, Pad, ScatterND."""
    zeros = g.op("ConstantOfShape", g.op("Concat", np.array([1]), g.op("Shape", np.zeros(4 * H, "f")), axis=0), value=numpy_helper.from_array(np.zeros(1, "f")))
    bias = g.op("Concat", g.op("Expand", np.full((1, 1), 0.25, "f"), np.array([1, 4 * H])), zeros, axis=1)
    rows = g.op("Unsqueeze", g.op("Range", np.array(0), np.array(4 * H), np.array(1)), np.array([1]))
    w_ = g.op("Unsqueeze", g.op("ScatterND", np.zeros_like(w[0]), rows, w[0]), np.array([0]))
    padded = g.op("Pad", r[:, :, :-1], np.array([0, 0, 0, 0, 0, 1]))
    last = np.zeros_like(r)
    last[:, :, -1] = r[:, :, -1]
    return w_, g.op("Add", padded, last), bias


def shaped_truth(l):
    l.weights["bias_ih_l0"][:], l.weights["bias_hh_l0"][:] = 0.25, 0



def typed(field):
    def weave(g, w, r, b):
        def put(a):
            t = TensorProto(dims=a.shape, data_type=TensorProto.FLOAT)
            if field == "float_data":
                t.float_data.extend(a.ravel().tolist())
                return g.const(t)
            if field == "double_data":
                t.data_type = TensorProto.DOUBLE
                t.double_data.extend(a.astype("d").ravel().tolist())
                return g.op("Cast", g.const(t), to=TensorProto.FLOAT)
            t.data_type = TensorProto.FLOAT16 if field == "int32_data of float16" else TensorProto.BFLOAT16
            bits = a.astype("f2" if t.data_type == TensorProto.FLOAT16 else ml_dtypes.bfloat16).view("u2")
            t.int32_data.extend(int(v) for v in bits.ravel())
            return g.op("Cast", g.const(t), to=TensorProto.FLOAT)
        return put(w), put(r), put(b)
    return weave


def dequantized(axis, kind=np.int8, zero=False):
    """W and R of 8 bits behind DequantizeLinear, one scale or one for each row; B of 32 bits."""
    def weave(g, w, r, b):
        def put(a, bits=127):
            top = np.abs(a).max() if axis is None else np.abs(a).max((0, 2))
            s = (top / bits).astype("f")
            wide = s if axis is None else s[None, :, None]
            point = 128 if kind == np.uint8 else 0
            q = np.clip(np.round(a / wide) + point, 0 if point else -127, 255 if point else 127).astype(kind)
            args = [q, s] + ([np.full(np.shape(s), point, kind)] if zero or point else [])
            return g.op("DequantizeLinear", *args, **({} if axis is None else {"axis": axis}))
        bias = g.op("DequantizeLinear", np.round(b * 2**16).astype("i"), np.array(2.0**-16, "f"))
        return put(w), put(r), bias
    return weave


def sparse(g, w, r, b):
    """W is kept as a sparse initializer with linear indices, R with coordinates, B in a Constant's sparse_value."""
    def coo(a, linear):
        flat_, at = a.ravel(), np.flatnonzero(a)
        values = numpy_helper.from_array(flat_[at])
        indices = numpy_helper.from_array(at.astype("q") if linear else np.stack(np.unravel_index(at, a.shape), 1).astype("q"))
        return helper.make_sparse_tensor(values, indices, list(a.shape))
    for name, a, linear in (("W", w, True), ("R", r, False)):
        t = coo(a, linear)
        t.values.name = name
        g.sparse.append(t)
    return "W", "R", g.op("Constant", sparse_value=coo(b, True))


def thin(l):
    """Most weights become zeros."""
    for v in l.weights.values():
        v[np.abs(v) < 0.4] = 0


def altered(name, description, weave, change, **more):
    """As chain, of a layer whose weights change(layer) alters first."""
    l = Layer(np.random.default_rng(len(name)), "LSTM", I, H)
    change(l)
    g = Graph()
    x = draw(name, T, B, I)
    w, r, b, _ = l.arrays()
    y = g.rnn(l, g.input("X", x, FREE), weights=(*weave(g, w, r, b), None))
    g.output(y, flat(l.run(x), 1), ["time", 1, "batch", H])
    keep(name, g, [l], description, **more)


def as_inputs(name):
    """IR 3: every initializer is a graph input, too."""
    l = Layer(np.random.default_rng(len(name)), "GRU", I, H)
    g = Graph(opset=8, ir=3)
    x = draw(name, T, B, I)
    w, r, b, _ = l.arrays()
    y = g.rnn(l, g.input("X", x, FREE), weights=(g.const(w, "W"), g.const(r, "R"), g.const(b, "B"), None))
    g.output(y, flat(l.run(x), 1), ["time", 1, "batch", H])
    m = g.model()
    for t in m.graph.initializer:
        m.graph.input.insert(0, helper.make_tensor_value_info(t.name, TensorProto.FLOAT, list(t.dims)))
    keep(name, g, [l], "initializers that are inputs, too, and come before X", model=m)


def shared(name):
    """Two layers that read the same tensors."""
    l = Layer(np.random.default_rng(len(name)), "LSTM", H, H)
    g = Graph()
    x = draw(name, T, B, H)
    w, r, b, _ = l.arrays()
    names = (g.const(w, "W"), g.const(r, "R"), g.const(b, "B"), None)
    y1 = g.op("Squeeze", g.rnn(l, g.input("X", x, ["time", "batch", H]), weights=names), np.array([1]))
    y2 = g.rnn(l, y1, weights=names)
    g.output(y2, flat(l.run(l.run(x)), 1), ["time", 1, "batch", H])
    keep(name, g, [l, l], "two layers of the same weights")


def make():
    names = lambda g, w, r, b: (g.const(w, "W"), g.const(r, "R"), g.const(b, "B"))
    chain("hand_weights_constants", "weights of Constant nodes: value, value_floats, value_ints; Identity, Reshape", node_constants)
    chain("hand_weights_transposed", "weights transposed, unsqueezed, flattened", transposed)
    chain("hand_weights_gates_apart", "a matrix for each gate, Concat", gates_apart)
    chain("hand_weights_one_matrix", "one matrix cut by Slice, negative and huge ends", one_matrix)
    chain("hand_weights_flat_vector", "one flat vector: Slice, Split, Concat, Reshape", flat_vector)
    chain("hand_weights_old_split", "opset 9: Split, Slice, Squeeze, Unsqueeze by attributes", old_split, graph=dict(opset=9, ir=4))
    chain("hand_weights_split18", "Split-18 by num_outputs", split18, graph=dict(opset=18))
    chain("hand_weights_doubles", "float64 weights, Cast", doubles)
    chain("hand_weights_gathered", "Gather, GatherElements, GatherND of weights", gathered)
    chain("hand_weights_scaled", "Mul, Div, Sub, Neg, Sum, Where, Min of weights", scaled)
    altered("hand_weights_shaped", "ConstantOfShape, Expand, Range, ScatterND, Pad of weights", shaped, shaped_truth)
    chain("hand_weights_float_data", "weights element by element in float_data", typed("float_data"))
    chain("hand_weights_double_data", "weights in double_data, Cast", typed("double_data"))
    chain("hand_weights_float16_int32_data", "float16 weights in int32_data, Cast", typed("int32_data of float16"), tolerance=1e-3, output="16-bit weights", runs="rounded weights")
    chain("hand_weights_bfloat16_int32_data", "bfloat16 weights in int32_data, Cast", typed("int32_data of bfloat16"), tolerance=4e-3, output="16-bit weights", runs="rounded weights")
    quantised = dict(quantised=True, step=120, output="quantised", runs="rounded weights")
    chain("hand_weights_dequantized", "W and R of int8, one scale", dequantized(None), **quantised)
    chain("hand_weights_dequantized_rows", "W and R of int8, a scale for each row", dequantized(1, zero=True), layer=dict(direction="forward"), **quantised)
    chain("hand_weights_dequantized_uint8", "W and R of uint8 around 128", dequantized(None, np.uint8), op="GRU", **quantised)
    altered("hand_weights_sparse", "sparse initializers, linear and by coordinates; a Constant's sparse_value", sparse, thin, runs="ONNX Runtime on CPU may not read them")
    chain("hand_weights_external", "external data in three files, offsets and lengths", names, data={"hand_external_w.bin": ["W"], "hand_external_rb.bin": ["R", "B"]})
    as_inputs("hand_weights_as_inputs")
    shared("hand_weights_shared")
