"""A small ONNX graph under construction, and how a finished one is kept in graphs/ with its truth."""

import os
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import record

ONLY = sys.argv[1:]
TYPES = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "int64": TensorProto.INT64, "int32": TensorProto.INT32, "bool": TensorProto.BOOL,
         "float16": TensorProto.FLOAT16}
onnxruntime.set_default_logger_severity(4)


class Graph:
    """Nodes and initializers in the order they are added; every value is known by its name."""

    def __init__(self, opset=17, ir=8):
        self.nodes, self.constants, self.inputs, self.outputs = [], [], {}, {}
        self.opset, self.ir, self.functions, self.domains, self.sparse = opset, ir, [], {}, []
        self.count = 0

    def name(self, kind):
        self.count += 1
        return "%s_%d" % (kind.lower(), self.count)

    def input(self, name, array, dims=None):
        """A graph input, fed with array; dims where they are not all the array's."""
        self.inputs[name] = (array, list(array.shape) if dims is None else dims)
        return name

    def const(self, array, name=None):
        """An initializer; array may be a TensorProto."""
        name = name or self.name("w")
        if isinstance(array, TensorProto):
            array.name = name
        self.constants.append(array if isinstance(array, TensorProto) else numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def op(self, kind, *inputs, outputs=1, domain="", **attributes):
        """A node; inputs are names, None for absent, or arrays. Returns the name of its output, or a list of names."""
        given = [("" if i is None else i if isinstance(i, str) else self.const(np.asarray(i))) for i in inputs]
        while given and given[-1] == "":
            given.pop()
        names = [self.name(kind) for _ in range(outputs)] if isinstance(outputs, int) else outputs
        self.nodes.append(helper.make_node(kind, given, names, domain=domain, **attributes))
        return names[0] if len(names) == 1 else names

    def output(self, name, array, dims=None):
        """A graph output and its true value."""
        self.outputs[name] = (array, list(np.shape(array)) if dims is None else dims)

    def rnn(self, layer, x, weights=None, lengths=None, h0=None, c0=None, outputs=("Y", "", ""), hidden_size=True, **attributes):
        """ONNX's op of a layer; weights are the names or arrays of W, R, B and P where they are not the layer's own."""
        w, r, b, p = weights or layer.arrays()
        a = dict(attributes)
        if hidden_size:
            a["hidden_size"] = layer.hidden
        if layer.direction != "forward":
            a["direction"] = layer.direction
        if layer.clip:
            a["clip"] = layer.clip
        if layer.input_forget:
            a["input_forget"] = 1
        if layer.op == "GRU" and not layer.reset_first:
            a["linear_before_reset"] = 1
        inputs = [x, w, r, b, lengths, h0] + ([c0, p] if layer.op == "LSTM" else [])
        names = [self.name(o) if o else "" for o in outputs[: 3 if layer.op == "LSTM" else 2]]
        while names[-1] == "":
            names.pop()
        self.op(layer.op, *inputs, outputs=names, **a)
        return names[0] if len(names) == 1 else names

    def body(self, inputs, outputs, name="body"):
        """This graph as the body of a Loop, Scan or If; inputs and outputs are (name, element type, dims)."""
        info = lambda v: helper.make_tensor_value_info(*v)
        return helper.make_graph(self.nodes, name, [info(i) for i in inputs], [info(o) for o in outputs], self.constants)

    def model(self):
        typed = lambda k, v: helper.make_tensor_value_info(k, TYPES[str(np.asarray(v[0]).dtype)], v[1])
        g = helper.make_graph(self.nodes, "graph", [typed(*i) for i in self.inputs.items()], [typed(*o) for o in self.outputs.items()],
                              self.constants, sparse_initializer=self.sparse)
        imports = [helper.make_opsetid("", self.opset)] + [helper.make_opsetid(d, v) for d, v in self.domains.items()]
        return helper.make_model(g, ir_version=self.ir, opset_imports=imports, functions=self.functions, producer_name="hand-built")


def keep(name, g, layers, description, head=None, readout=None, model=None, runs=True, data=None, **more):
    """Writes a graph with the truth of its layers (a stack, first to last; a list of stacks for parallel RNNs).

    runs: ONNX Runtime must compute the true outputs; else it says why that is not asked.
    """
    if ONLY and name not in ONLY:
        return
    m = model or g.model()
    if data:
        external(m, name, data)
        more["external_data"] = sorted(data)
    onnx.save(m, os.path.join(HERE, name + ".onnx"))
    stacks = layers if isinstance(layers[0], list) else [layers]
    prefixes = ["rnn"] if len(stacks) == 1 else ["rnn%d" % i for i in range(len(stacks))]
    weights = {}
    for prefix, stack in zip(prefixes, stacks):
        for i, layer in enumerate(stack):
            weights.update(layer.named(prefix, i))
    weights.update(readout or {})
    first = stacks[0]
    cell = first[0].cell if len({l.cell for l in first}) == 1 else "mixed"
    if len({l.dirs for l in first}) > 1:
        more["cells"] = [l.cell for l in first]
    if runs is True and more.get("expect") != "refuse":
        session = onnxruntime.InferenceSession(os.path.join(HERE, name + ".onnx"), providers=["CPUExecutionProvider"])
        got = session.run(list(g.outputs), {k: v[0] for k, v in g.inputs.items()})
        for (key, (want, _)), have in zip(g.outputs.items(), got):
            assert have.shape == want.shape and np.allclose(have, want, atol=more.get("tolerance", 0) + 2e-6, rtol=1e-5), (
                name, key, have.shape, want.shape, have.ravel()[:4], want.ravel()[:4])
    record(HERE, name, exporter="hand-built", description=description, cell=cell, inputs=first[0].inputs, hidden=[l.hidden for l in first],
           bidirectional=first[0].dirs == 2, head=head, weights=weights, io_in={k: v[0] for k, v in g.inputs.items()},
           io_out={k: v[0] for k, v in g.outputs.items()}, rnns=prefixes, **more)


def external(m, name, data):
    """Moves initializers to files: data is file name -> names of the initializers in it, in order."""
    by = {t.name: t for t in m.graph.initializer}
    for file, names in data.items():
        blob = b""
        for n in names:
            t = by[n]
            blob += b"\0" * (-len(blob) % 64)
            entries = {"location": file, "offset": str(len(blob)), "length": str(len(t.raw_data))}
            if len(names) == 1: # offset and length may be left out
                entries = {"location": file}
            blob += t.raw_data
            t.ClearField("raw_data")
            t.data_location = TensorProto.EXTERNAL
            for k, v in entries.items():
                t.external_data.add(key=k, value=v)
        open(os.path.join(HERE, file), "wb").write(blob)
