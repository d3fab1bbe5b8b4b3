"""Write ops.json: PyTorch's (for statistics, numpy's) values and gradients of
every op of package grad.

    python make_fixtures.py [directory]

Inputs have three decimals and are float32; results are computed in float64. A
case whose output is a matrix has "weigh": its loss is the mean squared error
between the output and those numbers.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F

rng = np.random.Generator(np.random.PCG64(7))


def draw(rows, cols, scale=1.0):
    return np.round(scale * rng.standard_normal((rows, cols)), 3)


def numbers(a):
    return [float(f"{v:.9g}") for v in np.asarray(a).ravel()]


def matrix(a):
    a = np.atleast_2d(a)
    return {"rows": a.shape[0], "cols": a.shape[1], "data": numbers(a)}


def case(name, op, inputs, f, **arguments):
    """Evaluate f, its loss and the gradients of all inputs."""
    tensors = [torch.tensor(np.float32(i)).double().requires_grad_() for i in inputs]
    y = f(*tensors)
    c = {"name": name, "op": op, "inputs": [matrix(i) for i in inputs]} | arguments
    c["output"] = matrix(y.detach().numpy().reshape(1, 1) if y.ndim == 0 else y.detach().numpy())
    loss = y
    if y.ndim:
        weigh = draw(*y.shape)
        c["weigh"] = numbers(weigh)
        loss = F.mse_loss(y, torch.tensor(np.float32(weigh)).double())
    loss.backward()
    c["gradients"] = [numbers(t.grad.numpy()) for t in tensors]
    return c


def unary(op, f):
    extreme = np.array([[-100.0, -20.0, -5.0, -1e-3, 0.0], [100.0, 20.0, 5.0, 1e-3, 0.5]])
    yield case(op, op, [draw(3, 5)], f)
    yield case(op + ", extreme", op, [extreme], f)


def elementwise():
    yield case("add", "add", [draw(2, 3), draw(2, 3)], torch.add)
    yield case("mul", "mul", [draw(2, 3), draw(2, 3)], torch.mul)
    yield case("square", "square", [draw(2, 3)], torch.square)
    yield case("add at", "add_at", [draw(4, 3), draw(2, 3)], lambda x, y: x + F.pad(y, (0, 0, 1, 1)), at=1)
    yield case("scale", "scale", [draw(3, 5)], lambda x: -1.5 * x, factor=-1.5)
    yield case("concat", "concat", [draw(2, 3), draw(2, 1), draw(2, 2)], lambda *x: torch.cat(x, 1))
    yield case("slice", "slice", [draw(3, 5)], lambda x: x[:, 1:4], at=1, cols=3)
    yield case("standardize", "standardize", [draw(3, 4), draw(1, 4), draw(1, 4)], lambda x, a, b: x * a + b)
    for op, f in {
        "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu,
        "gelu": lambda x: F.gelu(x, approximate="tanh"), "softmax": lambda x: F.softmax(x, -1), "l2_normalize": F.normalize,
    }.items():
        yield from unary(op, f)


def linear():
    yield case("linear", "linear", [draw(4, 3), draw(5, 3), draw(1, 5)], lambda x, w, b: F.linear(x, w, b[0]))
    yield case("linear, one row", "linear", [draw(1, 19), draw(33, 19), draw(1, 33)], lambda x, w, b: F.linear(x, w, b[0]))
    yield case("linear, odd sizes", "linear", [draw(9, 17), draw(21, 17), draw(1, 21)], lambda x, w, b: F.linear(x, w, b[0]))
    for each in (1, 3):
        def per_model(x, w, b):
            y = torch.bmm(x.view(2, each, 4), w.view(2, 5, 4).transpose(1, 2)) + b.view(2, 1, 5)
            return y.view(2 * each, 5)
        yield case(f"linear each, {each} rows", "linear_each", [draw(2 * each, 4), draw(2, 20), draw(2, 5)], per_model)
    index = [2, 0, 2, 1, 2]
    yield case("embed", "embed", [draw(4, 3)], lambda t: F.embedding(torch.tensor(index), t), index=index)


CELLS = {
    "lstm": (4, torch.lstm_cell), "gru": (3, torch.gru_cell),
    "rnn_tanh": (1, torch.rnn_tanh_cell), "rnn_relu": (1, torch.rnn_relu_cell),
}


def run_cell(op, steps, models, x, ih, hh, bih, bhh, h, c):
    """h (and c) of every step, [steps * rows, hidden], one weight set per model."""
    gates, step = CELLS[op]
    hidden = h.shape[1]
    states, cells = [], []
    for xt in x.chunk(steps):
        parts = []
        for m, (xm, hm, cm) in enumerate(zip(xt.chunk(models), h.chunk(models), c.chunk(models))):
            w = ih.view(models, gates * hidden, -1)[m], hh.view(models, gates * hidden, -1)[m]
            b = bih.view(models, -1)[m], bhh.view(models, -1)[m]
            out = step(xm, (hm, cm) if op == "lstm" else hm, *w, *b)
            parts.append(out if op == "lstm" else (out, cm))
        h, c = (torch.cat(p) for p in zip(*parts))
        states.append(h)
        cells.append(c)
    return torch.cat(states), torch.cat(cells)


def recurrent(op, name, hidden, size, rows, steps, models=1, initial=True, tokens=False):
    width = CELLS[op][0] * hidden
    shape = (lambda r, c: (r, c)) if models == 1 else (lambda r, c: (models, r * c))
    weights = [draw(*shape(width, size), .7), draw(*shape(width, hidden), .7), draw(models, width), draw(models, width)]
    ids = rng.integers(0, size, steps * rows).tolist()
    x = [] if tokens else [draw(steps * rows, size)]
    start = [draw(rows, hidden) for _ in range((2 if op == "lstm" else 1) if initial else 0)]

    def f(ih, hh, bih, bhh, *rest):
        rest = list(rest)
        xs = F.one_hot(torch.tensor(ids), size).double() if tokens else rest.pop(0)
        zeros = torch.zeros(rows, hidden, dtype=torch.float64)
        h, c = (rest + [zeros] * 2)[:2] if op == "lstm" else (rest[0] if rest else zeros, zeros)
        hs, cs = run_cell(op, steps, models, xs, ih, hh, bih, bhh, h, c)
        return torch.cat([hs, cs], 1) if op == "lstm" else hs

    arguments = {"steps": steps} | ({"index": ids} if tokens else {}) | ({"initial": True} if initial else {})
    return case(f"{op}, {name}", op, weights + x + start, f, **arguments)


def recurrents():
    for op in CELLS:
        yield recurrent(op, "one layer", 5, 3, 2, 3)
        yield recurrent(op, "from zero", 5, 3, 2, 3, initial=False)
        yield recurrent(op, "one step", 3, 4, 3, 1)
        yield recurrent(op, "one row", 9, 2, 1, 4)
        yield recurrent(op, "17 units", 17, 6, 5, 2)
        yield recurrent(op, "tokens", 4, 6, 3, 4, initial=False, tokens=True)
        yield recurrent(op, "two models, a row each", 3, 2, 2, 3, models=2)
        yield recurrent(op, "two models, three rows each", 3, 2, 6, 2, models=2)


def losses():
    yield case("cross entropy", "cross_entropy", [draw(4, 5)], lambda x: F.cross_entropy(x, torch.tensor([1, 4, 0, 2])), index=[1, 4, 0, 2])
    yield case("cross entropy, rows left out", "cross_entropy", [draw(4, 3)],
               lambda x: F.cross_entropy(x, torch.tensor([1, -1, 2, -1]), ignore_index=-1), index=[1, -1, 2, -1])
    yield case("cross entropy, confident", "cross_entropy", [np.array([[40.0, -40.0, 0.0], [-30.0, 30.0, 10.0]])],
               lambda x: F.cross_entropy(x, torch.tensor([1, 1])), index=[1, 1])
    yield case("cross entropy, many rows", "cross_entropy", [draw(70, 6, 4)],
               lambda x: F.cross_entropy(x, torch.arange(70) % 6), index=[i % 6 for i in range(70)])
    t = draw(2, 4)
    yield case("mean square", "mean_square", [draw(2, 4)], lambda x: F.mse_loss(x, torch.tensor(np.float32(t)).double()), target=numbers(t))
    t = np.array([[0, 1, .25], [.875, .5, 1]])
    for name, x in (("", draw(2, 3)), (", extreme", np.array([[100.0, -100, 30], [-30, 0, 90]]))):
        yield case("binary cross entropy" + name, "binary_cross_entropy", [x],
                   lambda x: F.binary_cross_entropy_with_logits(x, torch.tensor(t)), target=numbers(t))
    q = np.array([[.125, .25, .125, .5], [.75, .125, .0625, .0625], [.25, .25, .25, .25]])
    p = torch.tensor(q)
    log_q = p.log()
    x = draw(3, 4)
    one = np.array([[0, 1.0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    yield case("total variation", "total_variation", [x], lambda x: (F.softmax(x, -1) - p).abs().sum(-1).mean() / 2, target=numbers(q))
    yield case("kl", "kl", [x], lambda x: F.kl_div(F.log_softmax(x, -1), p, reduction="batchmean"), target=numbers(q))
    yield case("kl, one-hot target", "kl", [x], lambda x: F.kl_div(F.log_softmax(x, -1), torch.tensor(one), reduction="batchmean"), target=numbers(one))
    yield case("reverse kl", "reverse_kl", [x], lambda x: F.kl_div(log_q, F.log_softmax(x, -1), reduction="batchmean", log_target=True), target=numbers(q))


def attention(x, n, heads):
    """PyTorch's attention over sequences of n rows of queries | keys | values."""
    q, k, v = (t.view(-1, n, heads, t.shape[1] // heads).transpose(1, 2) for t in x.chunk(3, 1))
    y = F.scaled_dot_product_attention(q, k, v)
    return y.transpose(1, 2).reshape(x.shape[0], -1)


def tokens():
    yield case("layer norm", "layer_norm", [draw(4, 6), draw(1, 6), draw(1, 6)], lambda x, a, b: F.layer_norm(x, (6,), a[0], b[0]))
    yield case("layer norm, 33 columns far from zero", "layer_norm", [draw(3, 33) + 4, draw(1, 33), draw(1, 33)],
               lambda x, a, b: F.layer_norm(x, (33,), a[0], b[0]))
    for name, n, heads, d, sequences in (("", 4, 2, 3, 2), (", one row", 1, 1, 4, 3), (", 130 rows", 130, 1, 2, 1), (", 17 columns a head", 5, 2, 17, 1)):
        yield case("attention" + name, "attention", [draw(sequences * n, 3 * heads * d)], lambda x: attention(x, n, heads), steps=n, heads=heads)
    yield case("reshape", "reshape", [draw(3, 4)], lambda x: x.reshape(2, 6), steps=2, cols=6)
    yield case("transpose", "transpose", [draw(6, 4)], lambda x: x.view(2, 3, 4).transpose(1, 2).reshape(8, 3), steps=3)
    for outer, n, inner in ((2, 3, 2), (4, 2, 1), (1, 5, 3)):
        yield case(f"mean over {outer}x{n}x{inner}", "mean", [draw(outer * n * inner, 3)],
                   lambda x: x.view(outer, n, inner, 3).mean(1).reshape(-1, 3), steps=n, inner=inner)
        yield case(f"add repeated over {outer}x{n}x{inner}", "add_repeated", [draw(outer * n * inner, 3), draw(outer * inner, 3)],
                   lambda x, y: (x.view(outer, n, inner, 3) + y.view(outer, 1, inner, 3)).reshape(x.shape), steps=n, inner=inner)


def statistics():
    """numpy's seven numbers of each row; no gradient."""
    for n in (1, 2, 3, 4, 7, 64, 101):
        x = np.float32(draw(3, n) + (5 if n == 7 else 0))
        d = x.astype(np.float64)
        y = np.stack([d.mean(1), d.std(1), *np.quantile(d, [0, .25, .5, .75, 1], axis=1)], 1)
        yield {"name": f"statistics of {n}", "op": "statistics", "inputs": [matrix(x)], "output": matrix(y)}


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    cases = [*elementwise(), *linear(), *recurrents(), *losses(), *statistics(), *tokens()]
    head = f'{{"torch":"{torch.__version__.split("+")[0]}","numpy":"{np.__version__}","cases":[\n'
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    (out / "ops.json").write_text(head + lines + "\n]}\n")


if __name__ == "__main__":
    main()
