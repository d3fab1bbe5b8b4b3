"""Makes the Keras 2 fixtures: make.py [NAME...], in the folder it lies in, by whichever converter is installed.

keras2onnx 1.7.0, tensorflow-cpu 2.3.1, Python 3.8: files k2o_...; tf2onnx 1.16.1 (from_keras), tensorflow-cpu 2.15.1,
Python 3.10: files k2_....
"""

import os
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
import numpy as np
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import record, regate

try:
    import keras2onnx

    TAG, EXPORTER = "k2o", "keras2onnx %s (TensorFlow %s)" % (keras2onnx.__version__, tf.__version__)
except ImportError:
    import tf2onnx
    from keras import __version__

    TAG, EXPORTER = "k2", "tf2onnx %s (Keras %s)" % (tf2onnx.__version__, __version__)

keras, L = tf.keras, tf.keras.layers
EVERY, LAST = "Linear on every step", "Linear on the last step"
GATES = {"LSTM": ("ifgo", "ifgo"), "GRU": ("zrn", "rzn"), "SimpleRNN": ("h", "h")}


def torch_layer(kind, w, suffix):
    """Keras' kernel, recurrent kernel and bias of one direction under PyTorch's names."""
    b = w[2] if len(w) > 2 else np.zeros(w[0].shape[1], "f")
    both = b if b.ndim == 2 else np.stack([b, np.zeros_like(b)])
    return {"rnn." + name + suffix: regate(v, *GATES[kind])
            for name, v in (("weight_ih", w[0].T), ("weight_hh", w[1].T), ("bias_ih", both[0]), ("bias_hh", both[1]))}


def weights_of(layers):
    weights, depth = {}, 0
    for layer in layers:
        kind, w = type(layer).__name__, layer.get_weights()
        if kind == "Dense":
            weights.update({"head.weight": w[0].T, "head.bias": w[1]})
        elif kind == "Bidirectional":
            for part, suffix in ((layer.forward_layer, ""), (layer.backward_layer, "_reverse")):
                weights.update(torch_layer(type(part).__name__, part.get_weights(), "_l%d%s" % (depth, suffix)))
            depth += 1
        elif kind == "RNN":
            cells = getattr(layer.cell, "cells", [layer.cell])
            for i, c in enumerate(cells):
                weights.update(torch_layer(type(c).__name__.replace("Cell", ""), w[3 * i : 3 * i + 3], "_l%d" % (depth + i)))
            depth += len(cells)
        elif kind in GATES:
            weights.update(torch_layer(kind, w, "_l%d" % depth))
            depth += 1
    return weights


def make(name, layers, shape, cell, hidden, head, description, dtype="float32", opset=12, **more):
    name = TAG + "_" + name
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    tf.keras.backend.clear_session()
    x = y = keras.Input(shape, dtype=dtype)
    for layer in layers:
        y = layer(y)
    net = keras.Model(x, y)
    rng = np.random.default_rng(len(name))
    net.set_weights([rng.normal(0, 0.4, w.shape).astype("f") for w in net.get_weights()])
    size = (2,) + tuple(5 if d is None else d for d in shape)
    x = rng.integers(1, 11, size).astype(dtype) if "int" in dtype else rng.normal(size=size).astype(dtype)
    path = os.path.join(HERE, name + ".onnx")
    if TAG == "k2o":
        with open(path, "wb") as f:
            f.write(keras2onnx.convert_keras(net, net.name, target_opset=opset).SerializeToString())
    else:
        tf2onnx.convert.from_keras(net, input_signature=(tf.TensorSpec((None,) + tuple(shape), dtype, name="x"),), opset=opset, output_path=path)
    record(HERE, name, exporter=EXPORTER, description=description, cell=cell, inputs=more.pop("inputs", shape[-1]), hidden=hidden, head=head,
           batch_first=True, weights=weights_of(layers), io_in={"x": x}, io_out={"y": net.predict(x)}, **more)


def seq(layer, units, **k):
    return layer(units, return_sequences=True, **k)


if TAG == "k2o":
    make("lstm", [seq(L.LSTM, 6), L.Dense(3)], (5, 4), "lstm", 6, EVERY, "LSTM, Dense on every step")
    make("lstm_hard_sigmoid", [L.LSTM(6, recurrent_activation="hard_sigmoid"), L.Dense(3)], (5, 4), "lstm", 6, LAST, "LSTM with hard_sigmoid")
    make("lstm_opset9", [L.LSTM(6), L.Dense(3)], (5, 4), "lstm", 6, LAST, "LSTM, opset 9", opset=9)
    make("gru_before", [seq(L.GRU, 6, reset_after=False), L.Dense(3)], (None, 4), "gru", 6, EVERY, "GRU with reset_after=False", variant="reset_first")
    make("gru", [L.GRU(6), L.Dense(3)], (5, 4), "gru", 6, LAST, "GRU")
    make("rnn", [seq(L.SimpleRNN, 6), L.Dense(3)], (5, 4), "rnn_tanh", 6, EVERY, "SimpleRNN")
    make("bidirectional_rnn", [L.Bidirectional(seq(L.SimpleRNN, 6)), L.Dense(3)], (5, 4), "rnn_tanh", 6, EVERY, "Bidirectional SimpleRNN", bidirectional=True)
    make("embedding_gru", [L.Embedding(12, 4), L.GRU(6), L.Dense(1, activation="sigmoid")], (5,), "gru", 6, LAST, "Embedding, GRU, Dense with sigmoid",
         dtype="int32", inputs=4, output="a sigmoid behind the readout")
else:
    make("lstm_softsign", [L.LSTM(6, activation="softsign"), L.Dense(3)], (5, 4), "lstm", 6, LAST, "LSTM with softsign", opset=15)
    make("gru_cell", [L.RNN(L.GRUCell(6), return_sequences=True), L.Dense(3)], (5, 4), "gru", 6, EVERY, "RNN of a GRUCell", opset=15)
    make("stacked_cells", [L.RNN([L.LSTMCell(6), L.LSTMCell(5)]), L.Dense(3)], (5, 4), "lstm", [6, 5], LAST, "RNN of two LSTMCells: one loop", opset=15)
    make("rnn_masked", [L.Masking(), seq(L.SimpleRNN, 6), L.Dense(3)], (5, 4), "rnn_tanh", 6, EVERY, "Masking and SimpleRNN", opset=15)
    make("bidirectional_gru_stack", [L.Bidirectional(seq(L.GRU, 6)), L.Bidirectional(seq(L.GRU, 5)), L.Dense(3)], (5, 4), "gru", [6, 5], EVERY,
         "two Bidirectional GRU layers", bidirectional=True, opset=18)
    make("convlstm", [L.ConvLSTM2D(3, 3, padding="same")], (4, 5, 5, 2), None, 0, None, "ConvLSTM2D", expect="refuse", code="unsupported_cell", opset=15)
