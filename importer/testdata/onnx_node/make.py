"""Makes fixtures of the onnx package's node tests: make.py, in the folder it lies in.

onnx 1.23.2, Python 3.11. The tests give weights as graph inputs; here they are initializers. Their weights are all equal
in most tests, so each is kept once as it is and once with weights drawn at random, run by the package's evaluator.
"""

import os
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import record, regate

ORDER = {"LSTM": ("iofg", "ifgo"), "GRU": ("zrn", "rzn"), "RNN": ("h", "h")}
CELL = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn_tanh"}


def keep(name, model, feeds, y, suffix, skip):
    n = model.graph.node[0]
    op, have, want = n.op_type, *ORDER[n.op_type]
    const = {k: v for k, v in zip(n.input, feeds) if k in ("W", "R", "B", "P") or k == n.input[1] or k == n.input[2]}
    m = onnx.ModelProto()
    m.CopyFrom(model)
    for k in list(const):
        m.graph.initializer.append(numpy_helper.from_array(const[k], k))
    keep_in = [i for i in m.graph.input if i.name not in const]
    del m.graph.input[:]
    m.graph.input.extend(keep_in)
    onnx.save(m, os.path.join(HERE, name + suffix + ".onnx"))
    arg = dict(zip(["X", "W", "R", "B", "lens", "h", "c", "P"], n.input))
    w, r = const[arg["W"]], const[arg["R"]]
    weights = {}
    for d in range(w.shape[0]):
        s = "_l0" + ("_reverse" if d else "")
        weights["rnn.weight_ih" + s], weights["rnn.weight_hh" + s] = regate(w[d], have, want), regate(r[d], have, want)
        if arg.get("B"):
            b = np.split(const[arg["B"]][d], 2)
            weights["rnn.bias_ih" + s], weights["rnn.bias_hh" + s] = regate(b[0], have, want), regate(b[1], have, want)
        if arg.get("P"):
            weights["rnn.peephole" + s] = regate(const[arg["P"]][d], "iof", "ifo")
    x = {k: v for k, v in zip(n.input, feeds) if k == arg["X"]}
    extra = {k: v for k, v in zip(n.input, feeds) if k and k not in const and k not in x}
    x.update(extra)
    record(HERE, name + suffix, exporter="onnx %s node tests" % onnx.__version__, description="%s: %s" % (op, name.replace("_", " ")), cell=CELL[op],
           inputs=w.shape[2], hidden=r.shape[2], bidirectional=w.shape[0] == 2, weights=weights, io_in=x, io_out={"y": y},
           output=skip or ("initial states or lengths given" if extra else ""))


for case in collect_testcases(None):
    n = case.model.graph.node[0] if case.model and len(case.model.graph.node) == 1 else None
    if n is None or n.op_type not in ORDER or n.domain:
        continue
    feeds, outs = case.data_sets[0]
    name = case.name.replace("test_", "onnx_")
    by = dict(zip([i.name for i in case.model.graph.input], feeds))
    feeds = [by.get(i) for i in n.input]
    skip = "the node puts out Y_h only" if n.output[0] == "" else "Y has directions and batch apart"
    keep(name, case.model, feeds, np.asarray(outs[0]), "", skip)
    rng = np.random.default_rng(len(name))
    drawn = [rng.normal(0, 0.4, f.shape).astype("f") if f is not None and k in (1, 2, 3, 7) else f for k, f in enumerate(feeds)]
    try:
        y = ReferenceEvaluator(case.model).run(None, {k: v for k, v in zip(n.input, drawn) if k})[0]
    except Exception as e:
        print("the evaluator cannot run", name, repr(e)[:100])
        continue
    keep(name, case.model, drawn, np.asarray(y), "_drawn", skip)
