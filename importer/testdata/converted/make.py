"""Makes the version-converted fixtures: make.py, in the folder it lies in.

onnx 1.23.2 (onnx.version_converter), Python 3.11. The sources are other files of this corpus.
"""

import os
import sys

import onnx
from onnx import version_converter

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import record, source

for folder, name, opset in (("torch", "t113_gru_every_step", 22), ("torch", "t113_lstm_bidirectional", 21), ("torch", "t17_lstm_opset9", 23),
                            ("torch", "t113_rnn_tanh_opset9", 14), ("torch", "t113_lstmcell_unrolled", 18), ("tf2onnx", "tf_lstm", 20), ("tf2onnx", "tf_simple_rnn", 21)):
    e, path, w, x, y = source(folder, name)
    to = "opset%d_%s" % (opset, name)
    try:
        m = version_converter.convert_version(onnx.load(path), opset)
    except Exception as x_:
        print("FAILED", to, repr(x_)[:200])
        continue
    onnx.save(m, os.path.join(HERE, to + ".onnx"))
    record(HERE, to, exporter="onnx %s version_converter" % onnx.__version__, description="%s converted to opset %d" % (name, opset), cell=e["cell"],
           inputs=e["inputs"], hidden=e["hidden"], head=e["head"], bidirectional=e["bidirectional"], weights=w, io_in=x, io_out=y,
           batch_first=e.get("batch_first", False))
