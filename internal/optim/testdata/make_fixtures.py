"""Write torch.json: 20 steps of torch.optim.AdamW and clip_grad_norm_, float64.

    python make_fixtures.py [directory]
"""

import json
import pathlib
import sys

import numpy as np
import torch

STEPS = 20
SHAPES = [(3, 4), (1, 5), (2, 1)]
rng = np.random.Generator(np.random.PCG64(11))


def draw(shape, scale=1.0):
    return np.float32(np.round(scale * rng.standard_normal(shape), 4))


def numbers(a):
    return [float(f"{v:.9g}") for v in np.asarray(a).ravel()]


def tensors(arrays):
    return [torch.tensor(a).double().requires_grad_() for a in arrays]


def adamw(name, rate, **options):
    start = [draw(s) for s in SHAPES]
    params = tensors(start)
    optimiser = torch.optim.AdamW(params, lr=1.0, **options)
    steps = []
    for i in range(STEPS):
        # One tensor's gradients are tiny, so that eps matters; one is often zero.
        gradients = [draw(SHAPES[0]), draw(SHAPES[1], 1e-3), draw(SHAPES[2]) * (i % 3 == 0)]
        for p, g in zip(params, gradients):
            p.grad = torch.tensor(g).double()
        optimiser.param_groups[0]["lr"] = rate(i)
        optimiser.step()
        steps.append({"rate": rate(i), "gradients": [numbers(g) for g in gradients], "values": [numbers(p.detach()) for p in params]})
    return {"name": name, "start": [numbers(a) for a in start], "options": options, "steps": steps}


def clip(name, limit, scale):
    gradients = [draw(s, scale) for s in SHAPES]
    params = tensors(gradients)
    for p, g in zip(params, gradients):
        p.grad = torch.tensor(g).double()
    norm = torch.nn.utils.clip_grad_norm_(params, limit)
    return {"name": name, "limit": limit, "gradients": [numbers(g) for g in gradients], "norm": norm.item(), "clipped": [numbers(p.grad) for p in params]}


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    fixture = {
        "torch": torch.__version__.split("+")[0],
        "adamw": [
            adamw("defaults", lambda i: 0.01),
            adamw("strong decay, falling rate", lambda i: 0.05 / (i + 1), weight_decay=0.3),
            adamw("no decay, other betas", lambda i: 0.003, weight_decay=0.0, betas=(0.5, 0.9), eps=1e-4),
        ],
        "clip": [clip("above the limit", 0.5, 1.0), clip("below the limit", 5.0, 0.01), clip("zero", 0.1, 0.0), clip("at the limit", 1e-3, 1e-3)],
    }
    (out / "torch.json").write_text(json.dumps(fixture, separators=(",", ":")).replace('{"rate"', '\n{"rate"').replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()
