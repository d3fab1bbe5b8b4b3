"""Writes python.safetensors with the format's own library: pip install torch safetensors."""

import torch
from safetensors.torch import save_file

x = torch.tensor([[0.5, -1.25, 3.0], [0.1, -65504.0, 0.0]])
save_file({
    "f32": x,
    "f64": x.double(),
    "f16": x.half(),
    "bf16": x.bfloat16(),
    "scalar": torch.tensor(7.0),
    "empty": torch.zeros(0, 4),
    "ünïcode/name.0": torch.arange(3, dtype=torch.float32),
}, "python.safetensors", metadata={"format": "pt", "note": "a \"quoted\" value"})
