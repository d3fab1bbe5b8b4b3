"""Makes the JAX fixtures: make.py [NAME...], in the folder it lies in.

jax 0.10.2, flax 0.12.8, jax2onnx 0.17.1, Python 3.11. lax.scan becomes a Loop whose body Gathers its step.
"""

import os
import sys

os.environ["JAX_PLATFORMS"] = "cpu"
import jax
import jax.numpy as jnp
import numpy as np
import onnx
from flax import nnx
from importlib.metadata import version
from jax2onnx import to_onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import record

EXPORTER = "jax2onnx %s (jax %s, flax %s)" % (version("jax2onnx"), version("jax"), version("flax"))
EVERY, LAST = "Linear on every step", "Linear on the last step"


def make(name, fn, shape, weights, cell, inputs, hidden, **more):
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    sizes = tuple(3 if isinstance(d, str) else d for d in shape)
    onnx.save(to_onnx(fn, [shape], model_name=name), os.path.join(HERE, name + ".onnx"))
    x = np.random.default_rng(len(name)).normal(size=sizes).astype("f")
    record(HERE, name, exporter=EXPORTER, cell=cell, inputs=inputs, hidden=hidden, weights=weights,
           io_in={"x": x}, io_out={"y": np.asarray(fn(x))}, **more)


def draw(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 0.4, s).astype("f") for s in shapes]


def elman():
    w, r, b = draw(1, (4, 8), (8, 8), (8,))

    def fn(x):
        def step(h, xt):
            h = jnp.tanh(xt @ w + h @ r + b)
            return h, h

        return jax.lax.scan(step, jnp.zeros((x.shape[1], 8)), x)[1]

    make("jax_elman", fn, (5, 2, 4), {"rnn.weight_ih_l0": w.T, "rnn.weight_hh_l0": r.T, "rnn.bias_ih_l0": b}, "rnn_tanh", 4, 8,
         description="lax.scan over an Elman step, time first")
    make("jax_elman_batch", fn, (5, "B", 4), {"rnn.weight_ih_l0": w.T, "rnn.weight_hh_l0": r.T, "rnn.bias_ih_l0": b}, "rnn_tanh", 4, 8,
         description="lax.scan over an Elman step, free batch size")


def lstm():
    w, r, b, v, c = draw(2, (4, 24), (6, 24), (24,), (6, 3), (3,))

    def fn(x, reverse=False):
        def step(state, xt):
            h, c = state
            i, f, g, o = jnp.split(xt @ w + h @ r + b, 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zero = jnp.zeros((x.shape[1], 6))
        y = jax.lax.scan(step, (zero, zero), jnp.flip(x, 0) if reverse else x)[1]
        return (jnp.flip(y, 0) if reverse else y) @ v + c

    weights = {"rnn.weight_ih_l0": w.T, "rnn.weight_hh_l0": r.T, "rnn.bias_ih_l0": b, "head.weight": v.T, "head.bias": c}
    make("jax_lstm", fn, (5, 2, 4), weights, "lstm", 4, 6, head=EVERY, description="lax.scan over an LSTM step, Linear on every step")
    make("jax_lstm_reverse", lambda x: fn(x, True), (5, 2, 4), weights, "lstm", 4, 6, head=EVERY, description="lax.scan over an LSTM step between two flips of time (the exporter refuses reverse=True)")


def gru():
    wz, wr, wn = draw(3, (3, 7), (3, 7), (3, 7))
    rz, rr, rn = draw(4, (7, 7), (7, 7), (7, 7))
    bz, br, bn = draw(5, (7,), (7,), (7,))

    def fn(x):  # one sequence at a time, batched by vmap: column vectors of one
        def one(x):
            def step(h, xt):
                z = jax.nn.sigmoid(xt @ wz + h @ rz + bz)
                r = jax.nn.sigmoid(xt @ wr + h @ rr + br)
                n = jnp.tanh(xt @ wn + (r * h) @ rn + bn)
                h = (1 - z) * n + z * h
                return h, h

            return jax.lax.scan(step, jnp.zeros(7), x)[1]

        return jax.vmap(one)(x)

    cat = lambda *a: np.concatenate([t.T for t in a])
    make("jax_gru_reset_before", fn, (2, 5, 3), {"rnn.weight_ih_l0": cat(wr, wz, wn), "rnn.weight_hh_l0": cat(rr, rz, rn),
         "rnn.bias_ih_l0": np.concatenate([br, bz, bn])}, "gru", 3, 7, batch_first=True, variant="reset_first",
         description="vmap of lax.scan over a GRU whose reset gate comes before the product, a matrix for each gate")


def vector():
    w, r, b = draw(6, (6, 4), (6, 6), (6,))

    def fn(x):
        def step(h, xt):
            h = jax.nn.relu(w @ xt + r @ h + b).astype("float32")
            return h, h

        return jax.lax.scan(step, jnp.zeros(6, "float32"), x)[1]

    make("jax_elman_vectors", fn, (5, 4), {"rnn.weight_ih_l0": w, "rnn.weight_hh_l0": r, "rnn.bias_ih_l0": b}, "rnn_relu", 4, 6,
         description="lax.scan over an Elman step (relu) without batch: matrix times vector")


def flax():
    dense = lambda m: np.asarray(m.kernel[...]).T
    bias = lambda m: np.asarray(m.bias[...])
    for cell in ("LSTMCell", "OptimizedLSTMCell", "GRUCell", "SimpleCell"):
        c = getattr(nnx, cell)(4, 6, rngs=nnx.Rngs(0))
        lin = nnx.Linear(6, 3, rngs=nnx.Rngs(1))
        rng = np.random.default_rng(9)
        for path, value in nnx.to_flat_state(nnx.state(c, nnx.Param)):
            value[...] = jnp.asarray(rng.normal(0, 0.4, value.shape).astype("f"))
        head = {"head.weight": dense(lin), "head.bias": bias(lin)}

        def fn(x, c=c, lin=lin, lstm="LSTM" in cell):  # nnx.RNN itself cannot be traced by jax2onnx
            zero = jnp.zeros((x.shape[1], 6))
            return lin(jax.lax.scan(lambda state, xt: c(state, xt), (zero, zero) if lstm else zero, x)[1])

        try:
            weights = {"LSTMCell": lstm_cell, "OptimizedLSTMCell": optimized_cell, "GRUCell": gru_cell, "SimpleCell": simple_cell}[cell](c)
            make("flax_" + cell.lower(), fn, (5, 2, 4), {**weights, **head}, {"G": "gru", "S": "rnn_tanh"}.get(cell[0], "lstm"), 4, 6,
                 head=EVERY, description="lax.scan over flax.nnx.%s, Linear on every step" % cell)
        except Exception as x:
            print("FAILED", cell, repr(x)[:300])


def blocks(c, ih, hh):
    dense = lambda m: np.asarray(m.kernel[...]).T
    bias = lambda m: np.asarray(m.bias[...]) if m.bias is not None else np.zeros(m.kernel.shape[1], "f")
    return {"rnn.weight_ih_l0": np.concatenate([dense(getattr(c, n)) for n in ih]), "rnn.weight_hh_l0": np.concatenate([dense(getattr(c, n)) for n in hh]),
            "rnn.bias_ih_l0": np.concatenate([bias(getattr(c, n)) for n in ih]), "rnn.bias_hh_l0": np.concatenate([bias(getattr(c, n)) for n in hh])}


def lstm_cell(c):
    return blocks(c, ("ii", "if_", "ig", "io"), ("hi", "hf", "hg", "ho"))


def optimized_cell(c):
    return blocks(c, ("dense_i",), ("dense_h",))


def gru_cell(c):
    return blocks(c, ("dense_i",), ("dense_h",))


def simple_cell(c):
    return blocks(c, ("dense_i",), ("dense_h",))


elman()
lstm()
gru()
vector()
flax()
