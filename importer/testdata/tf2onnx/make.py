"""Makes the Keras fixtures: make.py [NAME...], in the folder it lies in.

TensorFlow 2.21.0, Keras 3.15.1, tf2onnx 1.17.0 (opset 15), and Keras' own model.export(format="onnx"), Python 3.11.
LSTM becomes an LSTM node where tf2onnx knows the pattern; GRU, SimpleRNN, masked layers and hard sigmoids a Loop.
"""

import os
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
import keras
import numpy as np
import tensorflow as tf
import tf2onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import record, regate

L = keras.layers
EXPORTER = "tf2onnx %s (Keras %s)" % (tf2onnx.__version__, keras.__version__)
EVERY, LAST = "Linear on every step", "Linear on the last step"


def torch_layer(layer, suffix):
    """Keras' kernel, recurrent kernel and bias of one direction under PyTorch's names."""
    w = [np.array(v) for v in layer.get_weights()]
    have, want = {"LSTM": ("ifgo", "ifgo"), "GRU": ("zrn", "rzn"), "SimpleRNN": ("h", "h")}[type(layer).__name__]
    b = w[2] if len(w) > 2 else np.zeros(w[0].shape[1], "f")
    both = b if b.ndim == 2 else np.stack([b, np.zeros_like(b)])
    return {"rnn.weight_ih" + suffix: regate(w[0].T, have, want), "rnn.weight_hh" + suffix: regate(w[1].T, have, want),
            "rnn.bias_ih" + suffix: regate(both[0], have, want), "rnn.bias_hh" + suffix: regate(both[1], have, want)}


def make(name, layers, shape, cell, hidden, head=None, dtype="float32", batch=2, time=None, keras_export=False, **more):
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    keras.utils.set_random_seed(sum(map(ord, name)))
    inp = keras.Input(shape, dtype=dtype)
    y = inp
    for layer in layers:
        y = layer(y)
    net = keras.Model(inp, y)
    rng = np.random.default_rng(len(name))
    net.set_weights([rng.normal(0, 0.4, w.shape).astype("f") for w in net.get_weights()])
    size = (batch,) + tuple(time or 5 if d is None else d for d in shape)
    x = rng.integers(0, 11, size).astype(dtype) if "int" in dtype else rng.normal(size=size).astype(dtype)
    y = np.asarray(net(x))
    path = os.path.join(HERE, name + ".onnx")
    exporter = EXPORTER
    if keras_export:
        net.export(path, format="onnx", verbose=False)
        exporter = "Keras %s export (tf2onnx %s)" % (keras.__version__, tf2onnx.__version__)
    else:
        spec = (tf.TensorSpec((None,) + tuple(shape), dtype, name="x"),)
        tf2onnx.convert.from_function(tf.function(lambda x: net(x), input_signature=spec), input_signature=spec, opset=15, output_path=path)
    weights, depth = {}, 0
    for layer in layers:
        if isinstance(layer, L.Bidirectional):
            weights.update(torch_layer(layer.forward_layer, "_l%d" % depth))
            weights.update(torch_layer(layer.backward_layer, "_l%d_reverse" % depth))
            depth += 1
        elif isinstance(layer, (L.LSTM, L.GRU, L.SimpleRNN)):
            weights.update(torch_layer(layer, "_l%d" % depth))
            depth += 1
        elif isinstance(layer, L.Dense):
            w = layer.get_weights()
            weights.update({"head.weight": w[0].T, "head.bias": w[1]})
    record(HERE, name, exporter=exporter, cell=cell, inputs=more.pop("inputs", shape[-1]), hidden=hidden, head=head, batch_first=True,
           weights=weights, io_in={"x": x}, io_out={"y": y}, **more)


def seq(layer, units, **k):
    return layer(units, return_sequences=True, **k)


make("tf_lstm", [seq(L.LSTM, 6), L.Dense(3)], (5, 4), "lstm", 6, EVERY, description="LSTM, Dense on every step")
make("tf_lstm_dynamic", [L.LSTM(7), L.Dense(3)], (None, 4), "lstm", 7, LAST, description="LSTM over any number of steps, Dense on the last")
make("tf_lstm_stack", [seq(L.LSTM, 6), L.LSTM(5), L.Dense(3)], (5, 4), "lstm", [6, 5], LAST, description="two LSTM layers of different size")
make("tf_lstm_relu", [L.LSTM(6, activation="relu"), L.Dense(3)], (5, 4), "lstm", 6, LAST, description="LSTM with activation=relu")
make("tf_lstm_hard_sigmoid", [L.LSTM(6, recurrent_activation="hard_sigmoid"), L.Dense(3)], (5, 4), "lstm", 6, LAST,
     description="LSTM with recurrent_activation=hard_sigmoid: a Loop, the activation as Clip")
make("tf_lstm_masked", [L.Masking(), L.LSTM(6), L.Dense(3)], (5, 4), "lstm", 6, LAST, description="Masking and LSTM: a Loop that selects between old and new states")
make("tf_lstm_unrolled", [L.LSTM(6, unroll=True), L.Dense(3)], (4, 4), "lstm", 6, LAST, description="LSTM with unroll=True")
make("tf_lstm_embedding", [L.Embedding(11, 4), L.LSTM(6), L.Dense(3, activation="softmax")], (5,), "lstm", 6, LAST, dtype="int32", inputs=4,
     output="Softmax behind the readout", description="Embedding, LSTM, Dense with softmax")
make("tf_lstm_bidirectional", [L.Bidirectional(seq(L.LSTM, 6)), L.Dense(3)], (5, 4), "lstm", 6, EVERY, bidirectional=True, description="Bidirectional LSTM")
make("tf_lstm_bidirectional_stack", [L.Bidirectional(seq(L.LSTM, 6)), L.Bidirectional(seq(L.LSTM, 4)), L.Dense(3)], (5, 4), "lstm", [6, 4], EVERY,
     bidirectional=True, description="two Bidirectional LSTM layers")
make("tf_gru", [L.GRU(6), L.Dense(3)], (None, 4), "gru", 6, LAST, description="GRU (reset_after): a Loop")
make("tf_gru_bidirectional", [L.Bidirectional(seq(L.GRU, 5)), L.Dense(3)], (5, 4), "gru", 5, EVERY, bidirectional=True, description="Bidirectional GRU: two Loops")
make("tf_gru_reset_before", [L.GRU(6, reset_after=False), L.Dense(3)], (5, 4), "gru", 6, LAST, variant="reset_first",
     description="GRU with reset_after=False: the reset gate comes before the product")
make("tf_gru_backwards", [L.GRU(6, go_backwards=True), L.Dense(3)], (5, 4), "gru", 6, LAST, in_front="time reversed", description="GRU with go_backwards=True: ReverseSequence in front of the Loop")
make("tf_gru_unrolled", [L.GRU(6, unroll=True), L.Dense(3)], (4, 4), "gru", 6, LAST, description="GRU with unroll=True")
make("tf_simple_rnn", [seq(L.SimpleRNN, 6), L.Dense(3)], (5, 4), "rnn_tanh", 6, EVERY, description="SimpleRNN: a Loop")
make("tf_simple_rnn_relu", [L.SimpleRNN(6, activation="relu"), L.Dense(3)], (5, 4), "rnn_relu", 6, LAST, description="SimpleRNN with activation=relu: a Loop")
make("tf_simple_rnn_stack", [seq(L.SimpleRNN, 6), L.SimpleRNN(5), L.Dense(3)], (5, 4), "rnn_tanh", [6, 5], LAST, description="two SimpleRNN layers: two Loops")
make("keras_lstm", [seq(L.LSTM, 6), L.Dense(3)], (5, 4), "lstm", 6, EVERY, keras_export=True, description="LSTM by Keras' own ONNX export")
make("keras_gru", [L.GRU(6), L.Dense(3)], (5, 4), "gru", 6, LAST, keras_export=True, description="GRU by Keras' own ONNX export")
