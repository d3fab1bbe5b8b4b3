"""Makes the fixtures of torch modules around RNNs, and of cells called by hand: make.py TAG [NAME...].

Tags are those of ../torch/make.py, whose helpers make the files: t113 traces (opset 17), t26 is dynamo and decomposes
every RNN into its steps. `make.py finish` writes manifest.json.
"""

import os
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "torch"))
import make as m
import torch
import torch.nn as nn
import torch.nn.functional as F
from make import Net, none_of, renamed, rnn_facts

TAG = sys.argv[1]
CASES = []
EVERY, LAST = "Linear on every step", "Linear on the last step"


def case(*tags):
    def register(make):
        if TAG in tags:
            CASES.append(make)
        return make

    return register


def save(net, args, description, dynamic=None, **options):
    if TAG == "t26":
        options["dynamo"] = True
    else:
        options.update(opset=17, dynamic=dynamic)
    m.save(net, args, description=description, **options)


class Around(nn.Module):
    """Modules by name and what is done with them."""

    def __init__(self, run, **modules):
        super().__init__()
        self.run = run
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, *args):
        return self.run(self, *args)


def cell(net, args, facts, description, **more):
    save(net, args, description, info=facts, weights=renamed(net.state_dict(), cell="rnn"), **more)


@case("t26")
def time_two():
    save(Net("lstm", 3, 6, head="last", batch_first=True), (torch.randn(2, 2, 3),), "two steps written out, the first from constant zeros")


@case("t113", "t26")
def const_states():
    save(Net("lstm", 4, 6, head="last", states="const"), (torch.randn(5, 1, 4),), "constant initial states other than zeros",
         extra={"output": "the framework starts elsewhere"})


def stream(s, x, h, c):
    y, (h, c) = s.rnn(x, (h, c))
    return s.head(y), h, c


@case("t113", "t26")
def streaming():
    net = Around(stream, rnn=nn.LSTM(4, 6, num_layers=2), head=nn.Linear(6, 2))
    save(net, (torch.randn(1, 1, 4), torch.zeros(2, 1, 6), torch.zeros(2, 1, 6)), "one step of two layers, states in and out",
         info=rnn_facts("lstm", 4, 6, layers=2, head=EVERY), names=["x", "h", "c"], outputs=["y", "hn", "cn"])


@case("t26")
def grucell_streaming():
    net = Around(lambda s, x, h: (lambda h: (s.head(h), h))(s.cell(x, h)), cell=nn.GRUCell(4, 6), head=nn.Linear(6, 2))
    cell(net, (torch.randn(2, 4), torch.zeros(2, 6)), rnn_facts("gru", 4, 6, head=EVERY), "one step of a GRUCell, decomposed, the state in and out",
         names=["x", "h"], outputs=["y", "hn"])


@case("t113", "t26")
def rnncell_streaming():
    net = Around(lambda s, x, h: (lambda h: (s.head(h), h))(s.cell(x, h)), cell=nn.RNNCell(4, 6), head=nn.Linear(6, 2))
    cell(net, (torch.randn(2, 4), torch.zeros(2, 6)), rnn_facts("rnn_tanh", 4, 6, head=EVERY), "one step of an RNNCell, the state in and out",
         names=["x", "h"], outputs=["y", "hn"])


class Feedback(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRUCell(6, 6), nn.Linear(6, 2)

    def forward(self, x):
        h, y, ys = torch.zeros(x.shape[0], 6), torch.zeros(x.shape[0], 2), []
        for t in range(x.shape[1]):
            h = self.cell(torch.cat([x[:, t], y], 1), h)
            y = self.head(h)
            ys.append(y)
        return torch.stack(ys, 1)


@case("t113", "t26")
def feedback():
    cell(Feedback(), (torch.randn(2, 4, 4),), rnn_facts("gru", 6, 6, head=EVERY, batch_first=True), "the head's output is part of the next step's input",
         extra={"output": "it is fed back"})


def attend(s, x):
    y, _ = s.rnn(x)
    a = torch.softmax(s.v(torch.tanh(s.u(y))), 1)
    return s.out((a * y).sum(1))


@case("t113")
def attention():
    net = Around(attend, rnn=nn.GRU(4, 8, batch_first=True, bidirectional=True), u=nn.Linear(16, 6), v=nn.Linear(6, 1), out=nn.Linear(16, 3))
    save(net, (torch.randn(2, 5, 4),), "additive attention over the outputs", info=rnn_facts("gru", 4, 8, bidirectional=True, batch_first=True),
         extra={"output": "attention is around"})


@case("t113", "t26")
def crnn():
    def run(s, x):
        y = torch.relu(s.c2(F.max_pool2d(torch.relu(s.c1(x)), 2))).mean(2).permute(2, 0, 1)
        return s.head(s.rnn(y)[0])

    net = Around(run, c1=nn.Conv2d(1, 4, 3, padding=1), c2=nn.Conv2d(4, 5, 3, padding=1), rnn=nn.LSTM(5, 6, bidirectional=True), head=nn.Linear(12, 7))
    save(net, (torch.randn(2, 1, 8, 12),), "convolutions and pooling in front", info=rnn_facts("lstm", 5, 6, bidirectional=True, head=EVERY))


@case("t113", "t26")
def siamese():
    net = Around(lambda s, a, b: torch.abs(s.rnn(a)[1][0][-1] - s.rnn(b)[1][0][-1]).sum(1), rnn=nn.LSTM(4, 6))
    save(net, (torch.randn(4, 2, 4), torch.randn(4, 2, 4)), "one LSTM over two inputs", info=rnn_facts("lstm", 4, 6), names=["a", "b"],
         extra={"output": "two outputs are compared"})


@case("t113")
def seq2seq():
    def run(s, x, t):
        _, state = s.rnn(x)
        return s.out(s.dec(t, state)[0])

    net = Around(run, rnn=nn.LSTM(4, 9), dec=nn.LSTM(3, 9), out=nn.Linear(9, 2))
    save(net, (torch.randn(5, 2, 4), torch.randn(4, 2, 3)), "encoder and decoder", info=rnn_facts("lstm", 4, 9), names=["x", "t"],
         extra={"output": "the decoder's", "rnns": ["rnn", "dec"]})


@case("t113")
def packed_bidirectional():
    def run(s, x, n):
        y, _ = s.rnn(nn.utils.rnn.pack_padded_sequence(x, n, batch_first=True, enforce_sorted=False))
        return s.head(nn.utils.rnn.pad_packed_sequence(y, batch_first=True)[0])

    net = Around(run, rnn=nn.GRU(4, 6, num_layers=2, batch_first=True, bidirectional=True), head=nn.Linear(12, 2))
    save(net, (torch.randn(3, 5, 4), torch.tensor([5, 2, 4])), "packed, unsorted, two layers, both directions", names=["x", "n"],
         info=rnn_facts("gru", 4, 6, layers=2, bidirectional=True, head=EVERY), extra={"output": "stops at the lengths"},
         dynamic={"x": {0: "batch", 1: "time"}, "n": {0: "batch"}})


@case("t113")
def weight_norm():
    net = Around(lambda s, x: s.head(s.rnn(x)[0]), rnn=nn.LSTM(4, 6), head=nn.Linear(6, 2))
    weights = {k: t.clone() for k, t in net.state_dict().items()}
    net.rnn = nn.utils.weight_norm(net.rnn, "weight_hh_l0")
    net.rnn.flatten_parameters = lambda: None
    save(net, (torch.randn(4, 2, 4),), "weight_norm of the recurrent weights", info=rnn_facts("lstm", 4, 6, head=EVERY), weights=weights, extra={"tolerance": 1e-6})


class TiedModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb, self.rnn, self.head = nn.Embedding(15, 8), nn.LSTM(8, 8, batch_first=True), nn.Linear(8, 15)
        self.head.weight = self.emb.weight

    def forward(self, x):
        return self.head(self.rnn(self.emb(x))[0])


@case("t113")
def tied_embedding():
    save(TiedModel(), (torch.randint(0, 15, (2, 6)),), "a language model whose embedding is its head", info=rnn_facts("lstm", 8, 8, head=EVERY, batch_first=True),
         dynamic={"x": {0: "batch", 1: "time"}})


class Leaky(nn.Module):
    def __init__(self):
        super().__init__()
        self.i, self.h = nn.Linear(4, 6), nn.Linear(6, 6)

    def forward(self, x):
        h = torch.zeros(x.shape[0], 6)
        for t in range(x.shape[1]):
            h = 0.7 * h + 0.3 * torch.tanh(self.i(x[:, t]) + self.h(h))
        return h


@case("t113", "t26")
def leaky():
    save(Leaky(), (torch.randn(2, 4, 4),), "a leaky Elman RNN", info=none_of(), expect="refuse", extra={"code": "unsupported_cell"})


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.i, self.h, self.n = nn.Linear(4, 24), nn.Linear(6, 24), nn.LayerNorm(24)

    def forward(self, x):
        h = c = torch.zeros(x.shape[0], 6)
        for t in range(x.shape[1]):
            i, f, g, o = self.n(self.i(x[:, t]) + self.h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return h


@case("t113", "t26")
def layer_norm_inside():
    save(Normed(), (torch.randn(2, 4, 4),), "an LSTM with LayerNorm inside the cell", info=none_of(), expect="refuse", extra={"code": "unsupported_cell"})


if TAG == "finish":
    m.finish(HERE)
for make in CASES:
    if sys.argv[2:] and make.__name__ not in sys.argv[2:]:
        continue
    m.CURRENT.update(name="%s_%s" % (TAG, make.__name__), out=HERE)
    torch.manual_seed(zlib.crc32(make.__name__.encode()) % 100000)
    make()
    print("made", make.__name__, flush=True)
