"""Makes these fixtures: snapshots of the paper's own generator, exported by PyTorch, with the true weights.

    make.py NPY_FOLDER ONNX_FOLDER FILE...     adds files of one zoo in the published layout to manifest.json

The parameters of the published .npy layout are in the order of named_parameters(); one input and torch's output go
with each file. Needs torch, numpy and safetensors.
"""

import json
import os
import shutil
import sys

import numpy as np
import torch
from safetensors.numpy import save_file


class Net(torch.nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.lstm = torch.nn.LSTM(inputs, 32, 2, batch_first=True)
        self.linear = torch.nn.Linear(32, outputs)

    def forward(self, x):
        return self.linear(self.lstm(x)[0])


def main(zoo, exported, *files):
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.path.join(here, "manifest.json")
    entries = json.load(open(path)) if os.path.exists(path) else []
    languages = "formal" in zoo
    inputs, outputs, length = (6, 6, 42) if languages else (16, 10, 50)
    rows = {r["file"]: i for i, r in enumerate(json.load(open(os.path.join(exported, "labels.json"))))}
    labels = json.load(open(os.path.join(exported, "labels.json")))
    parameters = np.load(os.path.join(zoo, "parameters.npy"))
    for file in files:
        name, net, at = file[:-5], Net(inputs, outputs), 0
        with torch.no_grad():
            for q in net.parameters():
                n = q.numel()
                q.copy_(torch.from_numpy(parameters[rows[file], at : at + n].reshape(q.shape)))
                at += n
            torch.manual_seed(rows[file])
            x = torch.randn(2, length, inputs)
            y = net(x)
        shutil.copy(os.path.join(exported, file), here)
        save_file({k: v.numpy() for k, v in net.state_dict().items()}, os.path.join(here, name + ".safetensors"))
        save_file({"in_x": x.numpy(), "out_y": y.numpy()}, os.path.join(here, name + ".io.safetensors"))
        entries = [e for e in entries if e["file"] != file]
        entries.append(dict(name=name, file=file, exporter=labels[rows[file]]["exporter"], expect="recover", cell="lstm",
                            inputs=inputs, hidden=[32, 32], bidirectional=False, bias=True, batch_first=True,
                            head="Linear on every step", rnns=["lstm"], readout="linear",
                            description="two-layer LSTM trained by the paper's generator, Linear on every step",
                            weights_file=name + ".safetensors", io_file=name + ".io.safetensors",
                            io_inputs=["x"], io_outputs=["y"]))
    json.dump(entries, open(path, "w"), indent=1)


main(*sys.argv[1:])
