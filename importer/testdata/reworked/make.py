"""Makes fixtures of tools that rewrite ONNX files: make.py, in the folder it lies in.

onnx 1.23.2 (version_converter downwards, compose, extract_model, external data of all tensors as MLflow saves it),
onnxruntime 1.32.0 (transformers.float16, quantize_dynamic to uint8), Python 3.11. The sources are other files of this corpus.
"""

import os
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, compose, helper, numpy_helper, utils, version_converter

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import record, source


def keep(name, of, m, tool, description, io=None, **more):
    e, _, w, x, y = of
    if m is not None:
        onnx.save(m, os.path.join(HERE, name + ".onnx"))
    keys = {k: e[k] for k in ("bias_split", "output", "variant", "readout", "batch_first", "tolerance") if e.get(k) and k not in more}
    x, y = io or (x, y)
    record(HERE, name, exporter=tool, description=description, cell=e["cell"], inputs=e["inputs"], hidden=e["hidden"], head=e["head"],
           bidirectional=e["bidirectional"], weights=w, io_in=x, io_out=y, **keys, **more)


def attempt(name, build):
    try:
        build()
    except Exception as problem:
        print("FAILED", name, repr(problem)[:200])


def down(folder, name, opset):
    of = source(folder, name)
    to = "opset%d_%s" % (opset, name)
    attempt(to, lambda: keep(to, of, version_converter.convert_version(onnx.load(of[1]), opset), "onnx %s version_converter" % onnx.__version__, "%s converted down to opset %d" % (name, opset)))


def half(folder, name, **options):
    from onnxruntime.transformers.float16 import convert_float_to_float16

    of = source(folder, name)
    to = "ort_fp16_" + name
    attempt(to, lambda: keep(to, of, convert_float_to_float16(onnx.load(of[1]), **options), "onnxruntime %s transformers.float16" % onnxruntime.__version__,
                             "%s in float16" % name, tolerance=1e-3, output="16-bit weights"))


def external_all(folder, name):
    """Every tensor of 16 bytes or more in a file of its own, named after it, as MLflow's save_as_external_data does with larger ones."""
    of = source(folder, name)
    to = "external_" + name
    m = onnx.load(of[1])
    onnx.external_data_helper.convert_model_to_external_data(m, all_tensors_to_one_file=False, size_threshold=16)
    parts = []
    for i, t in enumerate(onnx.external_data_helper._get_all_tensors(m)):
        for entry in t.external_data:
            if entry.key == "location":
                entry.value = "%s.%d.bin" % (to, i)
                parts.append(entry.value)
    for old in parts:
        if os.path.exists(os.path.join(HERE, old)):
            os.remove(os.path.join(HERE, old))
    keep(to, of, m, "onnx %s external data" % onnx.__version__, "%s with a file for each tensor" % name, external_data=sorted(parts))


def merged(folder, name):
    """A model of preprocessing in front, by onnx.compose."""
    of = source(folder, name)
    to = "merged_" + name
    m = onnx.load(of[1])
    x = m.graph.input[0]
    scale = helper.make_graph([helper.make_node("Mul", ["raw", "two"], ["scaled"])], "scale", [helper.make_tensor_value_info("raw", TensorProto.FLOAT, None)],
                              [helper.make_tensor_value_info("scaled", TensorProto.FLOAT, None)], [numpy_helper.from_array(np.array(2, "f"), "two")])
    scale.input[0].CopyFrom(x)
    scale.input[0].name = "raw"
    front = helper.make_model(scale, opset_imports=[helper.make_opsetid("", m.opset_import[0].version)], ir_version=m.ir_version)

    def build():
        both = compose.merge_models(
            compose.add_prefix(front, "front/"), compose.add_prefix(m, "net/"), io_map=[("front/scaled", "net/" + x.name)])
        value = next(iter(of[3].values()))
        keep(to, of, both, "onnx %s compose" % onnx.__version__, "%s behind a model that doubles its input" % name, io=({"front/raw": value / 2}, of[4]), in_front="Mul")

    attempt(to, build)


def extracted(folder, name):
    """The part of a model up to the RNN's output, by onnx.utils.extract_model: the readout is left out."""
    of = source(folder, name)
    to = "extracted_" + name
    m = onnx.load(of[1])
    rnn = next(n for n in m.graph.node if n.op_type in ("LSTM", "GRU", "RNN"))
    path = os.path.join(HERE, to + ".onnx")

    def build():
        utils.extract_model(of[1], path, [m.graph.input[0].name], [rnn.output[0]])
        e = dict(of[0], head=None)
        x = of[3]
        y = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, dict(zip([m.graph.input[0].name], x.values())))[0]
        w = {k: v for k, v in of[2].items() if not k.startswith("head")}
        keep(to, (e, path, w, x, y), None, "onnx %s extract_model" % onnx.__version__, "the RNN node of %s alone" % name, io=(x, {rnn.output[0]: y}),
             output="Y has directions and batch apart")

    attempt(to, build)


def quantised(folder, name):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    of = source(folder, name)
    to = "ort_uint8_" + name

    def build():
        quantize_dynamic(of[1], os.path.join(HERE, to + ".onnx"), weight_type=QuantType.QUInt8)
        keep(to, of, None, "onnxruntime %s quantize_dynamic" % onnxruntime.__version__, "dynamic quantisation to uint8 of %s" % name, quantised=True, step=127, output="quantised")

    attempt(to, build)


# The package has few adapters downwards; these files need no others.
down("torch", "t113_lstm_bidirectional", 12)
down("graphs", "hand_lstm_everything", 7)
down("graphs", "hand_readout_mean", 13)
down("graphs", "hand_weights_gathered", 13)
half("torch", "t113_lstm_bidirectional")
half("tf2onnx", "tf_simple_rnn")
half("graphs", "hand_gru_reverse", keep_io_types=True)
external_all("torch", "t113_lstm_bidirectional")
external_all("tf2onnx", "tf_gru")
merged("torch", "t113_gru_every_step")
merged("tf2onnx", "tf_lstm_stack")
extracted("torch", "t113_gru_every_step")
extracted("torch", "t113_lstm_no_bias")
quantised("torch", "t113_lstm_bidirectional")
quantised("torch", "t113_gru_every_step")
