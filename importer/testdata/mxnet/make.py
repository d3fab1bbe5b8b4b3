"""Makes the MXNet fixtures: make.py, in the folder it lies in.

mxnet 1.9.1, numpy<1.24, onnx 1.12.0, Python 3.8. A Gluon RNN keeps its weights in one vector, which nodes of the graph
slice, split and reshape; sequence lengths are made by nodes, too. With two layers the exporter takes the first one to
read as many values as it has units: where it does not, the file is broken.
"""

import os
import sys
import tempfile

import mxnet as mx
import numpy as np
from mxnet import gluon, nd

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import record

KINDS = {"i2h_weight": "weight_ih", "h2h_weight": "weight_hh", "i2h_bias": "bias_ih", "h2h_bias": "bias_hh"}


def make(name, rnn, cell, inputs, description, head=True, bidirectional=False, **more):
    net = gluon.nn.HybridSequential()
    net.add(rnn)
    dense = gluon.nn.Dense(3, flatten=False)
    if head:
        net.add(dense)
    net.initialize(mx.init.Normal(0.4))
    net.hybridize()
    x = nd.array(np.random.default_rng(3).normal(size=(5, 2, inputs)).astype("f"))
    net(x)
    for p in net.collect_params().values():
        if "bias" in p.name:
            p.set_data(nd.array(np.random.default_rng(len(p.name)).normal(0, 0.3, p.shape).astype("f")))
    y = net(x).asnumpy()
    with tempfile.TemporaryDirectory() as tmp:
        net.export(os.path.join(tmp, "net"))
        mx.onnx.export_model(os.path.join(tmp, "net-symbol.json"), os.path.join(tmp, "net-0000.params"), [x.shape], [np.float32],
                             os.path.join(HERE, name + ".onnx"))
    weights = {}
    for key, p in rnn.collect_params().items():  # l0_i2h_weight; r0_...: backwards
        side, (layer, kind) = key[len(rnn.prefix)], key[len(rnn.prefix) + 1 :].split("_", 1)
        weights["rnn.%s_l%s%s" % (KINDS[kind], layer, "_reverse" if side == "r" else "")] = p.data().asnumpy()
    if head:
        weights.update({"head.weight": dense.weight.data().asnumpy(), "head.bias": dense.bias.data().asnumpy()})
    record(HERE, name, exporter="MXNet %s mx2onnx" % mx.__version__, description=description, cell=cell, inputs=inputs,
           hidden=[6] * rnn._num_layers, bidirectional=bidirectional, head="Linear on every step" if head else None, weights=weights,
           io_in={"x": x.asnumpy()}, io_out={"y": y}, **more)


mx.random.seed(1)
R = gluon.rnn
BROKEN = dict(expect="refuse", code="shape_mismatch")
make("mx_lstm", R.LSTM(6, input_size=4), "lstm", 4, "LSTM without a head", head=False)
make("mx_lstm_head", R.LSTM(6, input_size=4), "lstm", 4, "LSTM, Dense on every step")
make("mx_lstm_bidirectional", R.LSTM(6, bidirectional=True, input_size=4), "lstm", 4, "bidirectional LSTM", bidirectional=True)
make("mx_gru", R.GRU(6, input_size=4), "gru", 4, "GRU")
make("mx_gru_two_layers", R.GRU(6, num_layers=2, input_size=6), "gru", 6, "GRU of two layers, as many inputs as units")
make("mx_gru_broken", R.GRU(6, num_layers=2, input_size=4), "gru", 4, "GRU of two layers and other inputs: the exporter cuts the weights in wrong places", **BROKEN)
make("mx_lstm_broken", R.LSTM(6, num_layers=2, input_size=4), "lstm", 4, "LSTM of two layers and other inputs: the exporter cuts the weights in wrong places", **BROKEN)
make("mx_rnn_tanh", R.RNN(6, activation="tanh", input_size=4), "rnn_tanh", 4, "Elman RNN (tanh)")
make("mx_rnn_relu", R.RNN(6, activation="relu", input_size=4), "rnn_relu", 4, "Elman RNN (relu)")
