"""Makes the ONNX Runtime fixtures: make.py, in the folder it lies in.

onnxruntime 1.32.0, onnx 1.23.2, Python 3.11: dynamic quantisation (DynamicQuantizeLSTM), static quantisation (QDQ around
MatMul), and models as the offline optimiser saves them. The sources are PyTorch exports of this corpus.
"""

import os
import sys

import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

HERE = os.path.dirname(os.path.abspath(__file__))
UP = os.path.dirname(HERE)
sys.path.insert(0, UP)
from common import record, source


def keep(name, e, weights, x, y, exporter, description, **more):
    record(HERE, name, exporter=exporter, description=description, cell=e["cell"], inputs=e["inputs"], hidden=e["hidden"], head=e["head"],
           bidirectional=e["bidirectional"], weights=weights, io_in=x, io_out=y, batch_first=e.get("batch_first", False), **more)


class Samples(CalibrationDataReader):
    def __init__(self, x):
        self.left = [{k: v for k, v in x.items()} for _ in range(4)]

    def get_next(self):
        return self.left.pop() if self.left else None


VERSION = "onnxruntime " + ort.__version__

for folder, name, of in (("torch", "t215_lstm_static", "ort_lstm_dynamic"), ("torch", "t113_lstm_bidirectional", "ort_lstm_dynamic_bidirectional")):
    e, path, w, x, y = source(folder, name)
    for channel in (False, True):
        to = of + ("_per_channel" if channel else "")
        quantize_dynamic(path, os.path.join(HERE, to + ".onnx"), weight_type=QuantType.QInt8, per_channel=channel)
        keep(to, e, w, x, y, VERSION + " quantize_dynamic", "dynamic quantisation%s of %s" % (" per channel" if channel else "", name),
             quantised=True, step=127, output="quantised")

e, path, w, x, y = source("torch", "t113_gru_every_step")
quantize_static(path, os.path.join(HERE, "ort_gru_qdq.onnx"), Samples(x), quant_format=QuantFormat.QDQ, op_types_to_quantize=["MatMul", "Gemm"])
keep("ort_gru_qdq", e, w, x, y, VERSION + " quantize_static", "QDQ around the readout of a GRU", quantised=True, step=127, output="quantised")

e, path, w, x, y = source("torch", "t215_rnn_tanh_unrolled")
quantize_static(path, os.path.join(HERE, "ort_rnn_unrolled_qdq.onnx"), Samples(x), quant_format=QuantFormat.QDQ, op_types_to_quantize=["MatMul", "Gemm"])
keep("ort_rnn_unrolled_qdq", e, w, x, y, VERSION + " quantize_static", "QDQ around every product of an unrolled Elman RNN", quantised=True, step=127, output="quantised")

for folder, name in (("torch", "t215_gru_two_layers"), ("torch", "t113_lstm_not_folded"), ("torch", "t21_lstm_by_hand"), ("tf2onnx", "tf_gru"), ("tf2onnx", "tf_lstm"), ("jax", "jax_lstm")):
    for level in ("basic", "extended", "all"):
        e, path, w, x, y = source(folder, name)
        if level != "extended" and name not in ("t113_lstm_not_folded", "tf_gru"):
            continue
        to = "ort_%s_%s" % (level, name)
        o = ort.SessionOptions()
        o.graph_optimization_level = {"basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC, "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
                                      "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL}[level]
        o.optimized_model_filepath = os.path.join(HERE, to + ".onnx")
        ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])
        keep(to, e, w, x, y, VERSION + " optimiser", "%s as the offline optimiser saves it (%s)" % (name, level), bias_split=e.get("bias_split"))
