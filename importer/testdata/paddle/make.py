"""Makes the Paddle fixtures: make.py [NAME...], in the folder it lies in.

paddlepaddle 3.3.1, paddle2onnx 2.1.0, Python 3.11. Paddle keeps PyTorch's gate order and both biases.
"""

import os
import sys
from importlib.metadata import version

import numpy as np
import paddle

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import record

EXPORTER = "paddle2onnx %s (paddle %s)" % (version("paddle2onnx"), version("paddlepaddle"))
nn = paddle.nn
EVERY, LAST = "Linear on every step", "Linear on the last step"


class Net(nn.Layer):
    def __init__(self, rnn, width, head):
        super().__init__()
        self.rnn, self.kind = rnn, head
        if head:
            self.head = nn.Linear(width, 3)

    def forward(self, x):
        y, _ = self.rnn(x)
        if self.kind == LAST:
            y = y[:, -1]
        return self.head(y) if self.kind else y


def make(name, rnn, cell, inputs, hidden, width, head=None, bidirectional=False, opset=14, time=5, **more):
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    paddle.seed(sum(map(ord, name)))
    net = Net(rnn, width, head)
    for p in net.parameters():
        p.set_value(paddle.to_tensor(np.random.default_rng(len(p.name)).normal(0, 0.4, p.shape).astype("f")))
    net.eval()
    x = np.random.default_rng(len(name)).normal(size=(2, time, inputs)).astype("f")
    try:
        paddle.onnx.export(net, os.path.join(HERE, name), input_spec=[paddle.static.InputSpec([None, time, inputs], "float32", "x")], opset_version=opset)
    except Exception as e:
        print("FAILED", name, repr(e)[:400])
        return
    weights = {}
    for k, v in net.state_dict().items():
        v = v.numpy()
        if k.startswith("rnn.") and "cell" in k:
            continue
        weights[k] = v.T if k == "head.weight" else v
    record(HERE, name, exporter=EXPORTER, cell=cell, inputs=inputs, hidden=[hidden] * rnn.num_layers, head=head, weights=weights,
           bidirectional=bidirectional, io_in={"x": x}, io_out={"y": net(paddle.to_tensor(x)).numpy()}, batch_first=True, **more)


make("paddle_lstm", nn.LSTM(4, 6), "lstm", 4, 6, 6, EVERY, description="LSTM, Linear on every step")
make("paddle_lstm_two_layers", nn.LSTM(4, 6, num_layers=2), "lstm", 4, 6, 6, LAST, description="two-layer LSTM, Linear on the last step")
make("paddle_lstm_bidirectional", nn.LSTM(4, 5, direction="bidirect"), "lstm", 4, 5, 10, EVERY, bidirectional=True, description="bidirectional LSTM")
make("paddle_gru", nn.GRU(4, 6), "gru", 4, 6, 6, LAST, description="GRU, Linear on the last step")
make("paddle_gru_two_layers", nn.GRU(4, 6, num_layers=2, direction="bidirect"), "gru", 4, 6, 12, EVERY, bidirectional=True, description="two-layer bidirectional GRU")
make("paddle_simple_rnn", nn.SimpleRNN(4, 6), "rnn_tanh", 4, 6, 6, EVERY, description="SimpleRNN: the exporter leaves the RNN node out",
     expect="refuse", code="invalid_graph")
