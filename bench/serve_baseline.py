"""The obvious Python server, to compare rnnrepd with: FastAPI, onnx to read the
weights of an uploaded two-layer LSTM with a readout, and an exported encoder in
ONNX Runtime. It checks nothing, verifies nothing, has neither intervals nor
neighbours.

    python serve_baseline.py ENCODER.onnx PORT
"""

import sys

import numpy as np
import onnx
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request
from onnx import numpy_helper

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options)
app = FastAPI()


def to_torch(blocks):
    """ONNX orders gates i o f c, PyTorch i f g o."""
    i, o, f, c = np.split(blocks, 4)
    return np.concatenate([i, f, c, o])


def state_dict(model):
    """The weights under PyTorch's names."""
    tensors = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    state, layer = {}, 0
    for node in model.graph.node:
        if node.op_type == "LSTM":
            w, r, b = (tensors[name][0] for name in node.input[1:4])
            state[f"weight_ih_l{layer}"], state[f"weight_hh_l{layer}"] = to_torch(w), to_torch(r)
            state[f"bias_ih_l{layer}"], state[f"bias_hh_l{layer}"] = (to_torch(x) for x in np.split(b, 2))
            layer += 1
        elif node.op_type == "MatMul":
            state["linear.weight"] = tensors[node.input[1]].T
        elif node.op_type == "Add":
            state["linear.bias"] = next(tensors[name] for name in node.input if name in tensors)
    return state


@app.post("/v1/predict")
async def predict(request: Request):
    state = state_dict(onnx.load_from_string(await request.body()))
    outputs = session.run(None, {name: np.ascontiguousarray(x)[None] for name, x in state.items()})
    return {o.name: y[0].tolist() for o, y in zip(session.get_outputs(), outputs)}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
