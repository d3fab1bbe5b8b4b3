"""What the make.py of every exporter shares: truth files beside each ONNX file and an entry in manifest.json.

Weights are written in PyTorch's layout and names (rnn.weight_ih_l0, ..., head.weight), gates in PyTorch's order,
whatever the source framework keeps.
"""

import json
import os
import struct

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
DTYPES = {"float32": "F32", "float64": "F64", "float16": "F16", "int64": "I64", "int32": "I32", "bool": "BOOL", "int8": "I8"}


def write_safetensors(path, arrays):
    header, blobs, at = {}, [], 0
    for name in sorted(arrays):
        a = np.asarray(arrays[name])
        shape, a = list(a.shape), np.ascontiguousarray(a)
        header[name] = {"dtype": DTYPES[str(a.dtype)], "shape": shape, "data_offsets": [at, at + a.nbytes]}
        blobs.append(a.tobytes())
        at += a.nbytes
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + b"".join(blobs))


def regate(w, have, want, axis=0):
    """Gate blocks along an axis, put from the order `have` into the order `want`."""
    parts = dict(zip(have, np.split(np.asarray(w), len(have), axis)))
    return np.concatenate([parts[g] for g in want], axis)


def record(folder, name, *, exporter, description, cell, inputs, hidden, weights, io_in, io_out, head=None,
           bidirectional=False, expect="recover", **more):
    """Writes the truth of folder/name.onnx and adds its entry.

    weights: torch name -> array. io_in, io_out: graph input or output name -> array, in order. head says in words
    what the readout reads: "Linear on every step", "... last step", "... mean ...".
    """
    write_safetensors(os.path.join(folder, name + ".safetensors"), weights)
    io = {"in_" + k: v for k, v in io_in.items()}
    io.update({"out_" + k: v for k, v in io_out.items()})
    write_safetensors(os.path.join(folder, name + ".io.safetensors"), io)
    entry = dict(name=name, file=name + ".onnx", exporter=exporter, description=description, expect=expect, cell=cell,
                 inputs=inputs, hidden=hidden if isinstance(hidden, list) else [hidden], bidirectional=bidirectional,
                 head=head, rnns=["rnn"], weights_file=name + ".safetensors", io_file=name + ".io.safetensors",
                 io_inputs=list(io_in), io_outputs=list(io_out))
    entry.update(more)
    path = os.path.join(folder, "manifest.json")
    entries = json.load(open(path)) if os.path.exists(path) else []
    entries = [e for e in entries if e["name"] != name] + [entry]
    json.dump(sorted(entries, key=lambda e: e["name"]), open(path, "w"), indent=1)
    print(name, os.path.getsize(os.path.join(folder, name + ".onnx")), flush=True)


def read_safetensors(path):
    raw = open(path, "rb").read()
    n = int.from_bytes(raw[:8], "little")
    kinds = {"F32": "f4", "F64": "f8", "F16": "f2", "I64": "i8", "I32": "i4"}
    return {k: np.frombuffer(raw[8 + n :][v["data_offsets"][0] : v["data_offsets"][1]], kinds[v["dtype"]]).reshape(v["shape"])
            for k, v in json.loads(raw[8 : 8 + n]).items()}


def source(folder, name):
    """An entry of another folder, the path of its file, its weights, inputs and outputs."""
    e = next(e for e in json.load(open(os.path.join(HERE, folder, "manifest.json"))) if e["name"] == name)
    at = os.path.join(HERE, folder)
    io = read_safetensors(os.path.join(at, e["io_file"]))
    return (e, os.path.join(at, e["file"]), read_safetensors(os.path.join(at, e["weights_file"])),
            {n: io["in_" + n] for n in e["io_inputs"]}, {n: io["out_" + n] for n in e["io_outputs"]})
