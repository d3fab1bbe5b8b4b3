"""Write layers.json: torch.nn's Linear, an MLP with tanh-form GELU, LSTM, and a
pre-norm TransformerEncoderLayer with tanh-form GELU.

    python make_fixtures.py [directory]

Weights are PyTorch's own, drawn in float32; results are computed in float64. The
loss is the mean squared error between the output and "weigh".
"""

import json
import pathlib
import sys

import torch
from torch import nn


def numbers(t):
    return [float(f"{v:.9g}") for v in t.detach().flatten().tolist()]


def matrix(t):
    return {"rows": t.shape[0], "cols": t.shape[1], "data": numbers(t)}


def case(kind, widths, net, x, run, **arguments):
    weights = [p.detach().clone() for p in net.parameters()]
    net.double()
    x = x.double().requires_grad_()
    y = run(net, x)
    weigh = torch.randn(y.shape).double()
    nn.functional.mse_loss(y, weigh).backward()
    return {
        "kind": kind, "widths": widths, "weights": [numbers(w) for w in weights], "input": matrix(x), "output": matrix(y), "weigh": numbers(weigh),
        "gradients": [numbers(p.grad) for p in net.parameters()], "input_gradient": numbers(x.grad),
    } | arguments


def mlp(widths):
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), nn.GELU(approximate="tanh")]
    return nn.Sequential(*layers[:-1])


def run_lstm(steps):
    def run(net, x):
        h, _ = net(x.view(steps, -1, x.shape[1]))
        return h.flatten(0, 1)
    return run


def transformer(dim, heads, hidden):
    layer = nn.TransformerEncoderLayer(dim, heads, hidden, dropout=0, activation=nn.GELU(approximate="tanh"), batch_first=True, norm_first=True)
    for p in layer.parameters():  # biases and norms start at 0 and 1
        p.data += .1 * torch.randn(p.shape)
    return layer


def run_sequences(n):
    return lambda net, x: net(x.view(-1, n, x.shape[1])).flatten(0, 1)


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    torch.manual_seed(3)
    call = lambda net, x: net(x)
    cases = [
        case("linear", [7, 5], nn.Linear(7, 5), torch.randn(4, 7), call),
        case("mlp", [6, 9, 8, 3], mlp([6, 9, 8, 3]), torch.randn(5, 6), call),
        case("mlp", [4, 2], mlp([4, 2]), torch.randn(1, 4), call),
        case("lstm", [4, 7], nn.LSTM(4, 7), torch.randn(15, 4), run_lstm(5), steps=5),
        case("lstm", [3, 16], nn.LSTM(3, 16), torch.randn(4, 3), run_lstm(4), steps=4),
        case("transformer", [12, 20], transformer(12, 3, 20), torch.randn(10, 12), run_sequences(5), steps=5, heads=3),
    ]
    head = f'{{"torch":"{torch.__version__.split("+")[0]}","cases":[\n'
    (out / "layers.json").write_text(head + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]}\n")


if __name__ == "__main__":
    main()
