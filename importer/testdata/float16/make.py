"""Makes the 16-bit fixtures: make.py, in the folder it lies in.

onnxconverter-common 1.16.0 (convert_float_to_float16), onnx 1.23.2, Python 3.11; bfloat16 by hand, as no converter writes
it. The sources are PyTorch exports of this corpus; the truth is the source's weights, which passed through 16 bits.
"""

import os
import sys

import ml_dtypes
import numpy as np
import onnx
from importlib.metadata import version
from onnx import numpy_helper
from onnxconverter_common import float16

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "onnxruntime"))
sys.path.insert(0, os.path.dirname(HERE))
from common import record, source


def keep(name, e, weights, x, y, exporter, description, tolerance):
    record(HERE, name, exporter=exporter, description=description, cell=e["cell"], inputs=e["inputs"], hidden=e["hidden"], head=e["head"],
           bidirectional=e["bidirectional"], weights=weights, io_in=x, io_out=y, batch_first=e.get("batch_first", False), tolerance=tolerance,
           output="16-bit weights")


VERSION = "onnxconverter-common " + version("onnxconverter-common")
for folder, name in (("torch", "t113_lstm_bidirectional"), ("torch", "t215_gru_two_layers"), ("torch", "t29_lstm_two_layers_decomposed"), ("tf2onnx", "tf_gru")):
    for io_types in (False, True):
        if io_types and name.startswith("t29"):
            continue  # large
        e, path, w, x, y = source(folder, name)
        to = ("fp16_io_" if io_types else "fp16_") + name
        m = float16.convert_float_to_float16(onnx.load(path), keep_io_types=not io_types)
        onnx.save(m, os.path.join(HERE, to + ".onnx"))
        keep(to, e, w, x, y, VERSION, "%s in float16%s" % (name, ", its input too" if io_types else ""), 1e-3)

e, path, w, x, y = source("torch", "t113_lstm_no_bias")
m = onnx.load(path)
for t in m.graph.initializer:
    if t.data_type == onnx.TensorProto.FLOAT:
        a = numpy_helper.to_array(t)
        t.CopyFrom(onnx.TensorProto(name=t.name, dims=a.shape, data_type=onnx.TensorProto.BFLOAT16, raw_data=a.astype(ml_dtypes.bfloat16).tobytes()))
for n in m.graph.node:
    for a in n.attribute:
        if a.type == onnx.AttributeProto.TENSOR and a.t.data_type == onnx.TensorProto.FLOAT:
            v = numpy_helper.to_array(a.t)
            a.t.CopyFrom(onnx.TensorProto(dims=v.shape, data_type=onnx.TensorProto.BFLOAT16, raw_data=v.astype(ml_dtypes.bfloat16).tobytes()))
for v in list(m.graph.input) + list(m.graph.output) + list(m.graph.value_info):
    if v.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
        v.type.tensor_type.elem_type = onnx.TensorProto.BFLOAT16
onnx.save(m, os.path.join(HERE, "bf16_t113_lstm_no_bias.onnx"))
keep("bf16_t113_lstm_no_bias", e, w, x, y, "onnx " + onnx.__version__, "t113_lstm_no_bias in bfloat16", 4e-3)
