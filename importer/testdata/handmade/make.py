"""Makes fixtures by hand: make.py [NAME...], in the folder it lies in.

onnx 1.23.2, onnxruntime 1.32.0 (which gives the outputs), Python 3.11: what exporters rarely write, and what people do.
"""

import os
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper as H
from onnx import numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import record, regate

IN, HID, OUT, BATCH, TIME = 4, 6, 3, 2, 5
EVERY, LAST = "Linear on every step", "Linear on the last step"


class Graph:
    def __init__(self, seed):
        self.nodes, self.inits, self.rng, self.n = [], {}, np.random.default_rng(seed), 0

    def draw(self, *shape):
        return self.rng.normal(0, 0.4, shape).astype("f")

    def const(self, value, name=None):
        self.n += 1
        name = name or "c%d" % self.n
        self.inits[name] = np.asarray(value)
        return name

    def add(self, op, *inputs, outputs=1, **attrs):
        self.n += 1
        names = ["v%d_%d" % (self.n, i) for i in range(outputs)]
        self.nodes.append(H.make_node(op, list(inputs), names, name="%s_%d" % (op, self.n), **attrs))
        return names[0] if outputs == 1 else names

    def outputs(self, *names):
        self.nodes += [H.make_node("Identity", [n], ["y%d" % i if i else "y"]) for i, n in enumerate(names)]
        return ["y%d" % i if i else "y" for i in range(len(names))]


def lstm_weights(g, inputs=IN, hidden=HID, dirs=1):
    return g.draw(dirs, 4 * hidden, inputs), g.draw(dirs, 4 * hidden, hidden), g.draw(dirs, 8 * hidden)


def torch_names(op, w, r, b, layer=0, prefix="rnn."):
    have, want = {"LSTM": ("iofg", "ifgo"), "GRU": ("zrn", "rzn"), "RNN": ("h", "h")}[op]
    out = {}
    for d in range(w.shape[0]):
        s = "_l%d%s" % (layer, "_reverse" if d else "")
        bs = np.split(b[d], 2)
        out.update({prefix + "weight_ih" + s: regate(w[d], have, want), prefix + "weight_hh" + s: regate(r[d], have, want),
                    prefix + "bias_ih" + s: regate(bs[0], have, want), prefix + "bias_hh" + s: regate(bs[1], have, want)})
    return out


def node(g, op, x, w, r, b, **attrs):
    """An op and its output as [time, batch, width]."""
    y = g.add(op, x, g.const(w), g.const(r), g.const(b), hidden_size=r.shape[2], **attrs)
    if w.shape[0] == 1:
        return g.add("Squeeze", y, g.const(np.int64([1])))
    return g.add("Reshape", g.add("Transpose", y, perm=[0, 2, 1, 3]), g.const(np.int64([0, 0, -1])))


def linear(g, x, width=HID):
    w, b = g.draw(OUT, width), g.draw(OUT)
    return g.add("Add", g.add("MatMul", x, g.const(w.T.copy())), g.const(b)), {"head.weight": w, "head.bias": b}


def save(name, g, outs, weights, description, *, cell="lstm", inputs=IN, hidden=HID, head=None, x=None, opset=17, ir=8, shape=("time", "batch", IN),
         dtype=T.FLOAT, functions=(), external=(), change=None, y=None, more_inputs=(), **more):
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    names = g.outputs(*outs)
    inits = [numpy_helper.from_array(v, k) for k, v in g.inits.items()]
    graph = H.make_graph(g.nodes, "handmade", [H.make_tensor_value_info("x", dtype, shape), *more_inputs],
                         [H.make_tensor_value_info(n, T.FLOAT, None) for n in names], inits)
    opsets = [H.make_opsetid("", opset)] + [H.make_opsetid(d, 1) for d in {f.domain for f in functions}]
    m = H.make_model(graph, opset_imports=opsets, ir_version=ir, functions=list(functions), producer_name="by hand")
    path = os.path.join(HERE, name + ".onnx")
    for file, tensors in external:
        with open(os.path.join(HERE, file), "wb") as f:
            for t in m.graph.initializer:
                if t.name in tensors:
                    start = f.tell()
                    f.write(t.raw_data)
                    t.data_location = T.EXTERNAL
                    for k, v in (("location", file), ("offset", start), ("length", len(t.raw_data))):
                        t.external_data.add(key=k, value=str(v))
                    t.ClearField("raw_data")
    if change:
        change(m)
    onnx.save(m, path)
    if x is None:
        x = np.random.default_rng(len(name)).normal(size=(TIME, BATCH, inputs)).astype("f")
    feeds = {"x": x}
    feeds.update(more.pop("feeds", {}))
    try:
        y = ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feeds)[0] if y is None else y
    except Exception as e:
        print("onnxruntime cannot run", name, str(e)[:200])
        y = np.zeros(1, "f")
        more.setdefault("output", "ONNX Runtime cannot run the file")
    record(HERE, name, exporter="by hand (onnx %s)" % onnx.__version__, description=description, cell=cell, inputs=inputs, hidden=hidden, head=head,
           weights=weights, io_in=feeds, io_out={"y": y}, **({"external_data": [f for f, _ in external]} if external else {}), **more)


def fresh(name):
    return Graph(sum(map(ord, name)))


def plain(name, description, **k):
    g = fresh(name)
    w, r, b = lstm_weights(g)
    y, head = linear(g, node(g, "LSTM", "x", w, r, b))
    save(name, g, [y], {**torch_names("LSTM", w, r, b), **head}, description, head=EVERY, **k)


def to_opset7(m):
    for n in m.graph.node:
        if n.op_type == "Squeeze":
            del n.input[1:]
            n.attribute.append(H.make_attribute("axes", [1]))
    for t in m.graph.initializer:  # before IR 4 they are listed as inputs too
        m.graph.input.append(H.make_tensor_value_info(t.name, t.data_type, list(t.dims)))


plain("opset7", "an LSTM of opset 7, IR 3", opset=7, ir=3, change=to_opset7)


def names_of(m, *shapes):
    return [t.name for t in m.graph.initializer if tuple(t.dims) in shapes]


def to_sparse(m):
    for t in list(m.graph.initializer):
        if len(t.dims) == 3:
            a = numpy_helper.to_array(t).reshape(-1)
            at = np.flatnonzero(a).astype(np.int64)
            values = numpy_helper.from_array(a[at], t.name)
            m.graph.sparse_initializer.append(H.make_sparse_tensor(values, numpy_helper.from_array(at, t.name + "_at"), list(t.dims)))
            m.graph.initializer.remove(t)


plain("sparse_initializers", "W and R are sparse initializers", change=to_sparse)


def to_constants(m):
    for t in list(m.graph.initializer):
        if len(t.dims) == 3:
            a = numpy_helper.to_array(t)
            m.graph.initializer.remove(t)
            m.graph.node.insert(0, H.make_node("Constant", [], [t.name + "_flat"], value_floats=a.reshape(-1).tolist()))
            m.graph.node.insert(1, H.make_node("Constant", [], [t.name + "_shape"], value_ints=list(a.shape)))
            m.graph.node.insert(2, H.make_node("Reshape", [t.name + "_flat", t.name + "_shape"], [t.name]))


plain("constant_nodes", "W and R are Constants of value_floats, reshaped", change=to_constants)


def to_chain(m):
    """W through Cast, Split, Concat, Transpose, Gather and Mul by 1; B through Expand, Add of zeros and ConstantOfShape."""
    for t in list(m.graph.initializer):
        a = numpy_helper.to_array(t)
        new = []
        if len(t.dims) == 3:
            n = a.shape[2]
            m.graph.initializer.append(numpy_helper.from_array(a[0].T.astype("f8"), t.name + "_64"))
            m.graph.initializer.append(numpy_helper.from_array(np.arange(n - 1, -1, -1), t.name + "_back"))
            m.graph.initializer.append(numpy_helper.from_array(np.int64([0]), t.name + "_zero"))
            m.graph.initializer.append(numpy_helper.from_array(np.float32([1]), t.name + "_one"))
            new = [H.make_node("Cast", [t.name + "_64"], [t.name + "_32"], to=T.FLOAT),
                   H.make_node("Gather", [t.name + "_32", t.name + "_back"], [t.name + "_r"], axis=0),
                   H.make_node("Gather", [t.name + "_r", t.name + "_back"], [t.name + "_rr"], axis=0),
                   H.make_node("Split", [t.name + "_rr"], [t.name + "_a", t.name + "_b"], axis=1),
                   H.make_node("Concat", [t.name + "_a", t.name + "_b"], [t.name + "_ab"], axis=1),
                   H.make_node("Transpose", [t.name + "_ab"], [t.name + "_t"], perm=[1, 0]),
                   H.make_node("Mul", [t.name + "_t", t.name + "_one"], [t.name + "_m"]),
                   H.make_node("Unsqueeze", [t.name + "_m", t.name + "_zero"], [t.name])]
        elif len(t.dims) == 2 and t.dims[1] == 8 * HID:
            m.graph.initializer.append(numpy_helper.from_array(a[0], t.name + "_v"))
            m.graph.initializer.append(numpy_helper.from_array(np.int64(a.shape), t.name + "_s"))
            new = [H.make_node("Expand", [t.name + "_v", t.name + "_s"], [t.name + "_e"]), H.make_node("ConstantOfShape", [t.name + "_s"], [t.name + "_0"]),
                   H.make_node("Add", [t.name + "_e", t.name + "_0"], [t.name])]
        if new:
            m.graph.initializer.remove(t)
            for n in reversed(new):
                m.graph.node.insert(0, n)


plain("folded_chain", "weights behind Cast, Gather, Split, Concat, Transpose, Mul, Unsqueeze, Expand, ConstantOfShape", change=to_chain)


def external_two():
    name = "external_two_files"
    g = fresh(name)
    w, r, b = lstm_weights(g)
    y = g.add("LSTM", "x", g.const(w, "W"), g.const(r, "R"), g.const(b, "B"), hidden_size=HID)
    save(name, g, [g.add("Squeeze", y, g.const(np.int64([1])))], torch_names("LSTM", w, r, b), "weights in two files, with offsets",
         external=[("external_a.bin", ["W", "B"]), ("external_b.bin", ["R"])])


external_two()


def branch():
    for name, by_shape in (("if_constant", False), ("if_shape", True)):
        g = fresh(name)
        w, r, b = lstm_weights(g)
        inner = Graph(1)
        inner.n = 1000
        taken = H.make_graph([H.make_node("LSTM", ["x", "W", "R", "B"], ["in_y"], hidden_size=HID), H.make_node("Squeeze", ["in_y", "one"], ["taken"])], "taken", [],
                             [H.make_tensor_value_info("taken", T.FLOAT, None)])
        other = H.make_graph([H.make_node("Identity", ["zeros"], ["other"])], "other", [], [H.make_tensor_value_info("other", T.FLOAT, None)])
        for k, v in (("W", w), ("R", r), ("B", b), ("one", np.int64([1])), ("zeros", np.zeros((TIME, BATCH, HID), "f"))):
            g.const(v, k)
        cond = g.const(np.array(True))
        if by_shape:
            rank = g.add("Size", g.add("Shape", "x"))
            cond = g.add("Equal", rank, g.const(np.int64(3)))
        y, head = linear(g, g.add("If", cond, then_branch=taken, else_branch=other))
        save(name, g, [y], {**torch_names("LSTM", w, r, b), **head}, "the LSTM is in a branch whose condition is %s" % ("the rank of x" if by_shape else "constant"), head=EVERY)
    name = "if_input"
    g = fresh(name)
    ws = [lstm_weights(g), lstm_weights(g, hidden=4)]
    graphs = []
    for i, (w, r, b) in enumerate(ws):
        for k, v in (("W%d" % i, w), ("R%d" % i, r), ("B%d" % i, b)):
            g.const(v, k)
        graphs.append(H.make_graph([H.make_node("LSTM", ["x", "W%d" % i, "R%d" % i, "B%d" % i], ["y_%d" % i], name="lstm_%d" % i, hidden_size=r.shape[2])], "g%d" % i, [],
                                   [H.make_tensor_value_info("y_%d" % i, T.FLOAT, None)]))
    save(name, g, [g.add("If", "flag", then_branch=graphs[0], else_branch=graphs[1])], torch_names("LSTM", *ws[0]), "an LSTM in either branch; an input chooses",
         more_inputs=[H.make_tensor_value_info("flag", T.BOOL, [])], feeds={"flag": np.array(True)}, output="found by itself, inside the branch")


branch()


def function():
    name = "local_function"
    g = fresh(name)
    w, r, b = lstm_weights(g)
    f = H.make_function("local", "Recurrent", ["X", "W", "R", "B"], ["Y"],
                        [H.make_node("LSTM", ["X", "W", "R", "B"], ["L"], hidden_size=HID), H.make_node("Constant", [], ["one"], value_ints=[1]), H.make_node("Squeeze", ["L", "one"], ["Y"])],
                        [H.make_opsetid("", 17)])
    args = ["x", g.const(w), g.const(r), g.const(b)]
    y, head = linear(g, g.add("Recurrent", *args, domain="local"))
    save(name, g, [y], {**torch_names("LSTM", w, r, b), **head}, "the LSTM is in a model-local function", head=EVERY, functions=[f])


function()


def scan(name, description, *, order="ifgo", peep=False, coupled=False, hoisted=False, reverse=False, chung=False, cell="lstm", loop=False, one_matrix=False, reset_first=False, **more):
    """A cell written out in the body of a Scan or Loop."""
    g = fresh(name)
    gates = {"lstm": 3 if coupled else 4, "gru": 3, "rnn_tanh": 1}[cell]
    order = order if cell == "lstm" else "rzn" if cell == "gru" else "h"
    if coupled:
        order = "igo"
    w, r, b = g.draw(IN, gates * HID), g.draw(HID, gates * HID), g.draw(gates * HID)
    p = {k: g.draw(HID) for k in "ifo"} if peep else {}
    body = Graph(0)
    body.n = 5000
    B = body.add
    xt = "xt"
    if loop:
        xt = B("Gather", "x", "i", axis=0)
    g.const(w, "W"), g.const(r, "R"), g.const(b, "B")
    seq = "x"
    if hoisted:
        seq = g.add("Add", g.add("MatMul", "x", "W"), "B")
        pre = B("Add", xt, B("MatMul", "h", "R"))
    elif one_matrix:
        g.const(np.concatenate([w, r]), "WR")
        pre = B("Add", B("MatMul", B("Concat", xt, "h", axis=1), "WR"), "B")
    elif cell == "gru":
        px, ph = B("Add", B("MatMul", xt, "W"), "B"), None
    else:
        pre = B("Add", B("Add", B("MatMul", xt, "W"), B("MatMul", "h", "R")), "B")
    outs = []
    if cell == "lstm":
        z = dict(zip(order, B("Split", pre, outputs=gates, axis=1)))
        for k in "if":
            if peep:
                z[k] = B("Add", z[k], B("Mul", g.const(p[k], "P" + k), "c"))
        i = B("Sigmoid", z["i"])
        f = B("Sub", g.const(np.float32(1), "one"), i) if coupled else B("Sigmoid", z["f"])
        c = B("Add", B("Mul", f, "c"), B("Mul", i, B("Tanh", z["g"])))
        if peep:
            z["o"] = B("Add", z["o"], B("Mul", g.const(p["o"], "Po"), c))
        h = B("Mul", B("Sigmoid", z["o"]), B("Tanh", c))
        outs = [h, c]
    elif cell == "gru":
        zx = B("Split", px, outputs=3, axis=1)
        rs = dict(zip("rzn", np.split(r, 3, 1)))
        for k in "rzn":
            g.const(rs[k], "R" + k)
        rr = B("Sigmoid", B("Add", zx[0], B("MatMul", "h", "Rr")))
        zz = B("Sigmoid", B("Add", zx[1], B("MatMul", "h", "Rz")))
        nn = B("Tanh", B("Add", zx[2], B("MatMul", B("Mul", rr, "h"), "Rn") if reset_first else B("Mul", rr, B("MatMul", "h", "Rn"))))
        keep, new = ("h", nn) if not chung else (nn, "h")
        h = B("Add", B("Mul", zz, keep), B("Mul", B("Sub", g.const(np.float32(1), "one"), zz), new))
        outs = [h]
    else:
        h = B("Tanh", pre)
        outs = [h]
    states = ["h", "c"][: len(outs)]
    zero = g.add("Expand", g.const(np.zeros((1, HID), "f")), g.add("Concat", g.add("Slice", g.add("Shape", "x"), g.const(np.int64([1])), g.const(np.int64([2]))), g.const(np.int64([HID])), axis=0))
    body.nodes.append(H.make_node("Identity", [h], ["hs"]))
    vi = lambda n, t=T.FLOAT: H.make_tensor_value_info(n, t, None)
    if loop:
        body.nodes.append(H.make_node("Identity", ["cond"], ["cond_out"]))
        bg = H.make_graph(body.nodes, "body", [H.make_tensor_value_info("i", T.INT64, []), H.make_tensor_value_info("cond", T.BOOL, [])] + [vi(s) for s in states],
                          [vi("cond_out", T.BOOL)] + [vi(o) for o in outs] + [vi("hs")], [numpy_helper.from_array(v, k) for k, v in body.inits.items()])
        times = g.add("Gather", g.add("Shape", "x"), g.const(np.int64(0)))
        made = g.add("Loop", times, g.const(np.array(True)), *[zero] * len(outs), outputs=len(outs) + 1, body=bg)
    else:
        bg = H.make_graph(body.nodes, "body", [vi(s) for s in states] + [vi("xt")], [vi(o) for o in outs] + [vi("hs")])
        attrs = dict(num_scan_inputs=1, body=bg)
        if reverse:
            attrs.update(scan_input_directions=[1], scan_output_directions=[1])
        made = g.add("Scan", *[zero] * len(outs), seq, outputs=len(outs) + 1, **attrs)
    y, head = linear(g, made[-1])
    want = {"lstm": "ifgo", "gru": "rzn", "rnn_tanh": "h"}[cell]
    cols = lambda a: np.split(a, gates, -1)
    parts = lambda a: dict(zip(order, cols(a)))
    W, R, Bs = parts(w), parts(r), parts(b)
    if coupled:
        W["f"], R["f"], Bs["f"] = W["i"], R["i"], Bs["i"]
    if chung:
        for d in (W, R, Bs):
            d["z"] = -d["z"]
    cat = lambda d: np.concatenate([d[k] for k in want], -1)
    weights = {"rnn.weight_ih_l0": cat(W).T, "rnn.weight_hh_l0": cat(R).T, "rnn.bias_ih_l0": cat(Bs)}
    if peep:
        weights["rnn.peephole_l0"] = np.concatenate([p[k] for k in "ifo"])
    weights.update(head)
    save(name, g, [y], weights, description, cell=cell, head=EVERY, **more)


scan("scan_lstm_ofig", "an LSTM in a Scan, gates in the order o, f, i, g", order="ofig")
scan("scan_lstm_one_matrix", "an LSTM in a Scan, one matrix over [x, h]", one_matrix=True)
scan("scan_lstm_hoisted", "an LSTM in a Scan, the input product outside", hoisted=True)
scan("scan_lstm_peepholes", "an LSTM with peepholes in a Scan", peep=True, variant="peepholes")
scan("scan_lstm_coupled", "an LSTM whose forget gate is 1 - input gate, in a Scan", coupled=True, variant="input_forget", coupled_weights=True)
scan("scan_lstm_reverse", "an LSTM in a Scan that runs backwards", reverse=True)
scan("loop_lstm", "an LSTM in a Loop", loop=True)
scan("scan_gru", "a GRU in a Scan, a recurrent matrix for each gate", cell="gru")
scan("scan_gru_other_update", "a GRU in a Scan with h = (1-z) h + z n, as Chung et al. write it", cell="gru", chung=True)
scan("scan_gru_reset_first", "a GRU in a Scan whose reset gate comes before the product", cell="gru", reset_first=True, variant="reset_first")
scan("scan_elman_hoisted", "an Elman RNN in a Scan, the input product outside", cell="rnn_tanh", hoisted=True)
scan("loop_gru", "a GRU in a Loop", cell="gru", loop=True)


def stacks():
    name = "mixed_stack"
    g = fresh(name)
    y, weights = "x", {}
    sizes = [("LSTM", 4, IN, 6), ("GRU", 3, 6, 5), ("RNN", 1, 5, 7)]
    for i, (op, gates, inputs, hidden) in enumerate(sizes):
        w, r, b = g.draw(1, gates * hidden, inputs), g.draw(1, gates * hidden, hidden), g.draw(1, 2 * gates * hidden)
        y = node(g, op, y, w, r, b, **({"linear_before_reset": 1} if op == "GRU" else {}))
        weights.update(torch_names(op, w, r, b, i))
    y, head = linear(g, y, 7)
    save(name, g, [y], {**weights, **head}, "LSTM, GRU and RNN of different sizes on each other", cell="mixed", hidden=[6, 5, 7], head=EVERY)

    name = "parallel"
    g = fresh(name)
    w, r, b = lstm_weights(g, hidden=8)
    w2, r2, b2 = g.draw(1, 15, IN), g.draw(1, 15, 5), g.draw(1, 30)
    a, c = node(g, "LSTM", "x", w, r, b), node(g, "GRU", "x", w2, r2, b2, linear_before_reset=1)
    y, _ = linear(g, g.add("Concat", a, c, axis=2), 13)
    save(name, g, [y], torch_names("LSTM", w, r, b), "an LSTM and a GRU side by side: the larger is recovered", hidden=8, output="two RNNs", others=1)

    name = "two_directions_summed"
    g = fresh(name)
    w, r, b = lstm_weights(g, dirs=2)
    f, back = node(g, "LSTM", "x", w[:1], r[:1], b[:1]), node(g, "LSTM", "x", w[1:], r[1:], b[1:], direction="reverse")
    y, _ = linear(g, g.add("Add", f, back))
    save(name, g, [y], torch_names("LSTM", w, r, b), "two nodes, forward and reverse, whose outputs are added", bidirectional=True, output="the directions are added")

    name = "trained_start"
    g = fresh(name)
    w, r, b = lstm_weights(g)
    y = g.add("LSTM", "x", g.const(w), g.const(r), g.const(b), "", g.const(g.draw(1, BATCH, HID)), g.const(g.draw(1, BATCH, HID)), hidden_size=HID)
    y, head = linear(g, g.add("Squeeze", y, g.const(np.int64([1]))))
    save(name, g, [y], {**torch_names("LSTM", w, r, b), **head}, "an LSTM with constant initial states", head=EVERY, shape=("time", BATCH, IN), output="starts from other states")

    name = "encoder_decoder"
    g = fresh(name)
    w, r, b = lstm_weights(g)
    w2, r2, b2 = lstm_weights(g, inputs=3)
    _, h, c = g.add("LSTM", "x", g.const(w), g.const(r), g.const(b), hidden_size=HID, outputs=3)
    y = g.add("LSTM", "z", g.const(w2), g.const(r2), g.const(b2), "", h, c, hidden_size=HID)
    y, _ = linear(g, g.add("Squeeze", y, g.const(np.int64([1]))))
    save(name, g, [y], torch_names("LSTM", w, r, b), "a decoder starts from the states of an encoder: the larger is recovered",
         more_inputs=[H.make_tensor_value_info("z", T.FLOAT, ("steps", "batch", 3))], feeds={"z": np.random.default_rng(1).normal(size=(3, BATCH, 3)).astype("f")}, output="two RNNs", others=1)

    name = "one_unit"
    g = fresh(name)
    w, r, b = lstm_weights(g, inputs=1, hidden=1)
    y, head = linear(g, node(g, "LSTM", "x", w, r, b), 1)
    save(name, g, [y], {**torch_names("LSTM", w, r, b), **head}, "one input, one unit", inputs=1, hidden=1, head=EVERY, shape=("time", "batch", 1))

    name = "peepholes_clip"
    g = fresh(name)
    w, r, b = lstm_weights(g)
    p = g.draw(1, 3 * HID)
    y = g.add("LSTM", "x", g.const(w), g.const(r), g.const(b), "", "", "", g.const(p), hidden_size=HID, clip=0.9)
    y, head = linear(g, g.add("Squeeze", y, g.const(np.int64([1]))))
    save(name, g, [y], {**torch_names("LSTM", w, r, b), "rnn.peephole_l0": regate(p[0], "iof", "ifo"), **head}, "peepholes and clip", head=EVERY, variant="peepholes, clip")


stacks()


def fronts():
    name = "one_hot"
    g = fresh(name)
    w, r, b = lstm_weights(g, inputs=7)
    hot = g.add("OneHot", "x", g.const(np.int64(7)), g.const(np.float32([0, 1])))
    y, head = linear(g, node(g, "LSTM", hot, w, r, b))
    save(name, g, [y], {**torch_names("LSTM", w, r, b), **head}, "tokens through OneHot", inputs=7, head=EVERY, shape=("time", "batch"), dtype=T.INT64,
         x=np.random.default_rng(0).integers(0, 7, (TIME, BATCH)))

    name = "conv_front"
    g = fresh(name)
    w, r, b = lstm_weights(g, inputs=8)
    conv = g.add("Relu", g.add("Conv", "x", g.const(g.draw(8, IN, 3)), g.const(g.draw(8)), kernel_shape=[3], pads=[1, 1]))
    y, head = linear(g, node(g, "LSTM", g.add("Transpose", conv, perm=[2, 0, 1]), w, r, b))
    save(name, g, [y], {**torch_names("LSTM", w, r, b), **head}, "a Conv in front", inputs=8, head=EVERY, shape=("batch", IN, "time"),
         x=np.random.default_rng(0).normal(size=(BATCH, IN, TIME)).astype("f"))

    name = "flat_readout"
    g = fresh(name)
    w, r, b = lstm_weights(g)
    v, c = g.draw(OUT, HID), g.draw(OUT)
    flat = g.add("Reshape", node(g, "LSTM", "x", w, r, b), g.const(np.int64([-1, HID])))
    save(name, g, [g.add("LogSoftmax", g.add("Gemm", flat, g.const(v), g.const(c), transB=1), axis=-1)],
         {**torch_names("LSTM", w, r, b), "head.weight": v, "head.bias": c}, "every step in one matrix, Gemm, LogSoftmax", head=EVERY, output="LogSoftmax behind the readout")


fronts()
