"""Makes the simplified fixtures: make.py, in the folder it lies in.

onnxsim 0.8.1, onnxslim 0.1.98, onnx 1.23.2, Python 3.11. The sources are other files of this corpus.
"""

import os
import sys

import onnx
import onnxsim
import onnxslim
from importlib.metadata import version

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import record, source


def keep(name, e, weights, x, y, exporter, description):
    more = {k: e[k] for k in ("bias_split", "output", "variant", "readout") if e.get(k)}
    record(HERE, name, exporter=exporter, description=description, cell=e["cell"], inputs=e["inputs"], hidden=e["hidden"], head=e["head"],
           bidirectional=e["bidirectional"], weights=weights, io_in=x, io_out=y, batch_first=e.get("batch_first", False), **more)


for folder, name in (("torch", "t113_lstm_not_folded"), ("torch", "t215_lstm_not_optimized"), ("torch", "t113_lstm_bidirectional"), ("torch", "t26_gru_decomposed"),
                     ("tf2onnx", "tf_lstm_masked"), ("tf2onnx", "tf_gru_bidirectional"), ("jax", "flax_grucell")):
    e, path, w, x, y = source(folder, name)
    for tool in ("onnxsim", "onnxslim"):
        to = tool[4:] + "_" + name
        try:
            m = onnxsim.simplify(onnx.load(path))[0] if tool == "onnxsim" else onnxslim.slim(onnx.load(path))
        except Exception as x_:
            print("FAILED", to, repr(x_)[:200])
            continue
        onnx.save(m, os.path.join(HERE, to + ".onnx"))
        keep(to, e, w, x, y, "%s %s" % (tool, version(tool)), "%s simplified by %s" % (name, tool))
