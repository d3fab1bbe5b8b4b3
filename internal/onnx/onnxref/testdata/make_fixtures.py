"""Writes the cases of onnxref's tests: testdata/*.json.

Expected outputs come from ONNX Runtime where it has a kernel, else from the
ReferenceEvaluator of the onnx package; node.json holds test vectors of the onnx
package itself (Apache-2.0, https://github.com/onnx/onnx, onnx/backend/test).

    pip install onnx onnxruntime numpy && python make_fixtures.py

A case is {"name", "oracle", "model", "data"}: the serialised model and a second
one whose initializers are the inputs ("in:NAME") and outputs ("out:NAME"), both
in base64. Written with onnx 1.23 and onnxruntime 1.32.
"""

import base64
import json
import os

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh
from onnx.reference import ReferenceEvaluator

HERE = os.path.dirname(os.path.abspath(__file__))
IR = 10
families = {}
rng = np.random.default_rng(7)
ort.set_default_logger_severity(4)


def normal(*shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


def ints(*shape, lo=-5, hi=6, dtype=np.int64):
    return rng.integers(lo, hi, shape).astype(dtype)


def evaluate(model, feeds, oracle=None):
    """Outputs in the order of the graph, and who computed them."""
    if oracle != "onnx":
        try:
            options = ort.SessionOptions()
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            return session.run(None, feeds), "onnxruntime"
        except Exception:
            if oracle == "ort":
                raise
    return ReferenceEvaluator(model).run(None, feeds), "onnx"


def add(family, name, model, feeds, outputs, oracle):
    tensors = [nh.from_array(np.asarray(v), "in:" + k) for k, v in feeds.items()]
    tensors += [nh.from_array(np.asarray(v), "out:" + o.name) for o, v in zip(model.graph.output, outputs) if v is not None]
    data = h.make_model(h.make_graph([], "data", [], [], tensors), ir_version=IR)
    families.setdefault(family, []).append({
        "name": name,
        "oracle": oracle,
        "model": base64.b64encode(model.SerializeToString()).decode(),
        "data": base64.b64encode(data.SerializeToString()).decode(),
    })


def info(name, array):
    return h.make_tensor_value_info(name, h.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def graph(family, name, nodes, feeds, outputs, opset=17, oracle=None, initializers=(), domains=()):
    """A case of several nodes. outputs are (name, type)."""
    g = h.make_graph(
        nodes, name, [info(k, v) for k, v in feeds.items()],
        [h.make_tensor_value_info(n, t, None) for n, t in outputs],
        [nh.from_array(v, k) for k, v in dict(initializers).items()])
    imports = [h.make_opsetid("", opset)] + [h.make_opsetid(d, 1) for d in domains]
    model = h.make_model(g, opset_imports=imports, ir_version=IR)
    got, by = evaluate(model, feeds, oracle)
    add(family, name, model, feeds, got, by)


def op(family, kind, *inputs, opset=17, out=None, n=1, label="", oracle=None, domain="", **attributes):
    """A case of one node. None is an absent input; out is the type of outputs, by default the first input's."""
    names, feeds = [], {}
    for i, x in enumerate(inputs):
        if x is None:
            names.append("")
            continue
        names.append(f"x{i}")
        feeds[f"x{i}"] = np.asarray(x)
    types = out if isinstance(out, list) else [out or h.np_dtype_to_tensor_dtype(np.asarray(inputs[0]).dtype)] * n
    node = h.make_node(kind, names, [f"y{i}" for i in range(len(types))], domain=domain, **attributes)
    title = " ".join(str(p) for p in [kind, opset, label or " ".join(f"{k}={v}" for k, v in attributes.items() if not isinstance(v, onnx.GraphProto))] if p != "")
    graph(family, title, [node], feeds, [(f"y{i}", t) for i, t in enumerate(types)], opset, oracle, domains=[domain] if domain else [])


def unary():
    x = np.concatenate([normal(2, 3), np.array([[-30, 0, 30]], np.float32)])
    for kind in ["Exp", "Erf", "Sigmoid", "Tanh", "Relu", "Softsign", "Softplus", "Neg", "Abs", "Sign", "Sin", "Cos",
                 "Ceil", "Floor", "Round", "Reciprocal", "Atan", "Elu", "LeakyRelu", "HardSigmoid", "Selu", "Celu",
                 "ThresholdedRelu", "HardSwish"]:
        op("unary", kind, x)
    for kind in ["Sqrt", "Log"]:
        op("unary", kind, np.abs(x))
    for kind in ["Tan", "Asin", "Acos", "Sinh", "Cosh", "Asinh", "Atanh"]:
        op("unary", kind, np.array([-0.9, -0.1, 0, 0.5], np.float32))
    op("unary", "Acosh", np.array([1, 1.5, 20], np.float32))
    op("unary", "Swish", normal(5), opset=24, alpha=0.7)
    op("unary", "Mish", normal(5), opset=18)
    op("unary", "Gelu", normal(5), opset=20)
    op("unary", "Gelu", normal(5), opset=20, approximate="tanh")
    op("unary", "Elu", x, alpha=0.5)
    op("unary", "LeakyRelu", x, alpha=0.2)
    op("unary", "HardSigmoid", x, alpha=0.3, beta=0.4)
    op("unary", "Neg", ints(4), label="int64")
    op("unary", "Abs", ints(4, dtype=np.int32), label="int32")
    op("unary", "Relu", ints(4, dtype=np.int32), opset=14, label="int32")
    op("unary", "Tanh", normal(4, dtype=np.float64), label="double")
    op("unary", "Exp", normal(4, dtype=np.float16), label="half")
    op("unary", "IsNaN", np.array([1, np.nan, np.inf], np.float32), out=T.BOOL)
    op("unary", "IsInf", np.array([1, np.nan, np.inf, -np.inf], np.float32), out=T.BOOL)
    op("unary", "IsInf", np.array([np.inf, -np.inf], np.float32), out=T.BOOL, detect_negative=0)
    op("unary", "Round", np.array([0.5, 1.5, 2.5, -0.5, -1.5], np.float32), label="ties")


def binary():
    for kind in ["Add", "Sub", "Mul", "Div"]:
        op("binary", kind, normal(2, 3), normal(2, 3), label="equal")
        op("binary", kind, normal(2, 1, 3), normal(4, 1), label="broadcast")
        op("binary", kind, normal(2, 3), normal(), opset=7, label="scalar")
        op("binary", kind, ints(2, 3), ints(3, lo=1), label="int64")
    op("binary", "Add", ints(3, lo=120, hi=127, dtype=np.int8), ints(3, lo=120, hi=127, dtype=np.int8), opset=14, label="int8 wraps", oracle="onnx")
    op("binary", "Div", np.array([-7, 7, -7], np.int64), np.array([2, -2, -2], np.int64), label="truncates")
    op("binary", "Mod", np.array([-7, 7, -7], np.int64), np.array([2, -3, -3], np.int64))
    op("binary", "Mod", np.array([-7, 7, -7], np.int64), np.array([2, -3, -3], np.int64), fmod=1)
    op("binary", "Mod", normal(3) * 5, np.array([2, -3, 3], np.float32), fmod=1)
    op("binary", "Pow", np.abs(normal(2, 3)), normal(3))
    op("binary", "Pow", ints(4), np.array([2.0], np.float32), label="int64 base")
    op("binary", "PRelu", normal(2, 3), normal(3))
    for kind in ["Min", "Max", "Sum", "Mean"]:
        op("binary", kind, normal(2, 3), normal(3), normal(2, 1), label="three")
        op("binary", kind, normal(2, 3), label="one")
    op("binary", "Max", ints(4), ints(4), label="int64")
    op("binary", "Clip", normal(6), opset=6 + 1, min=-0.5, max=0.5)
    op("binary", "Clip", normal(6), np.array(-0.5, np.float32), np.array(0.5, np.float32), opset=13)
    op("binary", "Clip", normal(6), None, np.array(0.5, np.float32), opset=13, label="no min")
    op("binary", "Clip", ints(6), np.array(-2, np.int64), opset=12, label="int64")


def compare():
    a, b = ints(2, 3, lo=0, hi=3), ints(3, lo=0, hi=3)
    for kind in ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"]:
        op("compare", kind, a, b, out=T.BOOL, label="int64")
        op("compare", kind, a.astype(np.float32), b.astype(np.float32), out=T.BOOL, label="float")
    p, q = ints(2, 3, lo=0, hi=2).astype(bool), ints(3, lo=0, hi=2).astype(bool)
    for kind in ["And", "Or", "Xor"]:
        op("compare", kind, p, q)
    op("compare", "Not", p)
    op("compare", "Where", p, normal(2, 3), normal(3), out=T.FLOAT)
    op("compare", "Where", p, ints(2, 1), ints(3), out=T.INT64, label="int64")


def cast():
    x = np.array([-1.5, -0.5, 0, 0.5, 1.5, 200.7], np.float32)
    for to in [T.FLOAT, T.DOUBLE, T.FLOAT16, T.BFLOAT16, T.INT8, T.UINT8, T.INT16, T.INT32, T.INT64, T.BOOL]:
        if to in (T.INT8, T.UINT8):
            op("cast", "Cast", np.abs(x[:5]), out=to, to=to)
            op("cast", "Cast", np.array([-1, 255, 256, 300], np.int32), out=to, to=to, label=f"int32 to {to}")
        elif to == T.BFLOAT16:
            nodes = [h.make_node("Cast", ["x"], ["b"], to=to), h.make_node("Cast", ["b"], ["y"], to=T.FLOAT)]
            graph("cast", "Cast to bfloat16", nodes, {"x": normal(8)}, [("y", T.FLOAT)])
        else:
            op("cast", "Cast", x, out=to, to=to)
    nodes = [h.make_node("Cast", ["x"], ["b"], to=T.INT8), h.make_node("Cast", ["b"], ["y"], to=T.INT64)]
    graph("cast", "Cast int32 to int8 to int64", nodes, {"x": np.array([127, 128, -129, 300], np.int32)}, [("y", T.INT64)])
    op("cast", "Cast", np.array([True, False]), out=T.FLOAT, to=T.FLOAT, label="bool to float")
    op("cast", "Cast", ints(3), out=T.FLOAT16, to=T.FLOAT16, label="int64 to half")
    op("cast", "Cast", np.array([2**63 + 2**40], np.uint64), out=T.DOUBLE, to=T.DOUBLE, label="uint64 to double")
    op("cast", "CastLike", x, ints(1), out=T.INT64)


def shape():
    x = normal(2, 3, 4)
    op("shape", "Shape", x, out=T.INT64)
    for start, end in [(1, None), (-2, -1), (0, 9), (2, 1)]:
        attributes = {"start": start} | ({} if end is None else {"end": end})
        op("shape", "Shape", x, out=T.INT64, **attributes)
    op("shape", "Size", x, out=T.INT64)
    for want in [[4, 6], [0, -1], [-1], [2, 1, 12], [2, 0, 2, -1]]:
        op("shape", "Reshape", x, np.array(want, np.int64), label=str(want))
    op("shape", "Reshape", np.zeros((0, 3), np.float32), np.array([3, 0], np.int64), opset=14, allowzero=1)
    for axis in [0, 1, 2, 3, -1]:
        op("shape", "Flatten", x, axis=axis)
    y = normal(1, 3, 1)
    op("shape", "Squeeze", y, opset=11, axes=[0])
    op("shape", "Squeeze", y, opset=13, label="all")
    op("shape", "Squeeze", y, np.array([-1], np.int64), opset=13)
    op("shape", "Unsqueeze", x, opset=11, axes=[0, -1])
    op("shape", "Unsqueeze", x, np.array([1, 4], np.int64), opset=13)
    op("shape", "Identity", x)
    op("shape", "Dropout", x, opset=10, label="opset 10")
    op("shape", "Dropout", x, np.array(0.3, np.float32), opset=13, out=[T.FLOAT, T.BOOL])
    op("shape", "Expand", normal(3, 1), np.array([2, 1, 4], np.int64))
    op("shape", "Expand", normal(3, 4), np.array([1], np.int64), label="smaller")
    op("shape", "Tile", normal(2, 3), np.array([2, 3], np.int64))
    op("shape", "Range", np.array(1, np.int64), np.array(10, np.int64), np.array(3, np.int64), label="int64")
    op("shape", "Range", np.array(5, np.float32), np.array(0, np.float32), np.array(-1.5, np.float32), label="float")
    op("shape", "ConstantOfShape", np.array([2, 3], np.int64), out=T.FLOAT, opset=9)
    op("shape", "ConstantOfShape", np.array([2], np.int64), out=T.INT64, value=h.make_tensor("v", T.INT64, [1], [7]), label="7")
    op("shape", "ConstantOfShape", np.array([], np.int64), out=T.FLOAT, label="scalar")
    op("shape", "EyeLike", normal(3, 4), k=1)
    op("shape", "EyeLike", normal(3, 4), out=T.INT64, dtype=T.INT64)
    op("shape", "OneHot", np.array([[0, -1], [5, 2]], np.int64), np.array(3, np.int64), np.array([0.5, 2], np.float32), out=T.FLOAT)
    op("shape", "OneHot", np.array([0, 2, 1], np.int64), np.array(3, np.int64), np.array([0, 1], np.int64), axis=0)
    for attributes in [{"value_int": 3}, {"value_ints": [1, 2]}, {"value_float": 0.5}, {"value_floats": [0.5, 1]}, {"value": h.make_tensor("v", T.DOUBLE, [2], [1, 2])}]:
        key = next(iter(attributes))
        t = T.INT64 if "int" in key else T.FLOAT if "float" in key else T.DOUBLE
        graph("shape", "Constant " + key, [h.make_node("Constant", [], ["y"], **attributes)], {}, [("y", t)])


def movement():
    x = normal(2, 3, 4)
    op("movement", "Transpose", x)
    for perm in [[1, 0, 2], [2, 0, 1], [0, 2, 1]]:
        op("movement", "Transpose", x, perm=perm)
    op("movement", "Transpose", ints(3, 4, dtype=np.int8), perm=[1, 0], label="int8")
    op("movement", "Transpose", normal(3, 4, dtype=np.float16), perm=[1, 0], label="half")
    for axis in [0, 1, -1]:
        op("movement", "Concat", x, x + 1, x + 2, axis=axis)
    op("movement", "Concat", normal(2, 1), normal(2, 3), axis=1, label="uneven")
    op("movement", "Split", x, opset=11, n=2, axis=0)
    op("movement", "Split", x, opset=11, n=2, axis=1, split=[1, 2])
    op("movement", "Split", x, np.array([3, 1], np.int64), opset=13, n=2, axis=-1)
    op("movement", "Split", x, opset=13, n=4, axis=2)
    op("movement", "Split", normal(7), opset=18, n=3, num_outputs=3)
    op("movement", "Slice", x, opset=9, starts=[0, 1], ends=[1, 100], axes=[0, 2])
    op("movement", "Slice", x, opset=9, starts=[1], ends=[-1], label="no axes")
    v = lambda *a: np.array(a, np.int64)
    op("movement", "Slice", x, v(0, 1), v(2, 3), v(0, 1), label="axes")
    op("movement", "Slice", x, v(-1), v(-100), v(2), v(-1), label="reversed")
    op("movement", "Slice", x, v(0), v(2**63 - 1), v(2), v(3), label="step 3")
    op("movement", "Slice", x, v(100), v(-2**63), v(1), v(-2), label="step -2")
    op("movement", "Slice", x, v(2), v(1), v(1), label="empty")
    op("movement", "Slice", x, np.array([1], np.int32), np.array([3], np.int32), label="int32")
    op("movement", "Slice", x, v(-2), v(-1), v(-1), label="negative")
    op("movement", "ReverseSequence", normal(4, 3), v(1, 2, 4), time_axis=0, batch_axis=1)
    op("movement", "ReverseSequence", normal(3, 4, 2), v(1, 2, 4), time_axis=1, batch_axis=0)
    for k in [-2, -1, 0, 1, 3]:
        op("movement", "Trilu", normal(2, 3, 4), np.array(k, np.int64), upper=1, label=f"upper {k}")
        op("movement", "Trilu", normal(3, 3), np.array(k, np.int64), upper=0, label=f"lower {k}")
    op("movement", "Trilu", normal(3, 3), label="default")
    for mode in ["constant", "reflect", "edge"]:
        op("movement", "Pad", normal(3, 4), v(1, 2, 0, 2), mode=mode)
    op("movement", "Pad", normal(3, 4), v(1, 2, 0, 2), opset=19, mode="wrap")
    op("movement", "Pad", normal(3, 4), v(1, -1, 0, 2), np.array(0.5, np.float32), label="value and crop")
    op("movement", "Pad", normal(3, 4), v(1, 2), None, v(-1), opset=18, label="axes")
    op("movement", "Pad", normal(3, 4), opset=10, pads=[0, 1, 2, 0], value=1.5)


def gather():
    x = normal(3, 4)
    v = lambda *a: np.array(a, np.int64)
    op("gather", "Gather", x, np.array([[0, 2], [-1, 1]], np.int64), axis=0)
    op("gather", "Gather", x, np.array(1, np.int64), axis=1, label="scalar")
    op("gather", "Gather", x, v(-1), axis=0, label="one")
    op("gather", "Gather", ints(5), np.array([1, 3], np.int32), label="int32 index")
    op("gather", "GatherElements", x, np.array([[0, 1, 2, 0], [2, -1, 0, 1]], np.int64), axis=0)
    op("gather", "GatherElements", x, np.array([[0, 1], [2, -1], [3, 3]], np.int64), axis=1)
    op("gather", "GatherND", normal(2, 3, 4), np.array([[0, 1], [1, -1]], np.int64))
    op("gather", "GatherND", normal(2, 3, 4), np.array([[[0, 1]], [[2, 3]]], np.int64), opset=12, batch_dims=1)
    op("gather", "ScatterElements", x, np.array([[0, 1, 2, 0]], np.int64), normal(1, 4), axis=0)
    op("gather", "ScatterElements", x, np.array([[1], [0], [-1]], np.int64), normal(3, 1), axis=1)
    op("gather", "Scatter", x, np.array([[0, 1, 2, 0]], np.int64), normal(1, 4), opset=9)
    for reduction in ["add", "mul", "max", "min"]:
        op("gather", "ScatterElements", x, np.array([[0, 1, 2, 0], [0, 1, 1, 1]], np.int64), normal(2, 4), opset=18, axis=0, reduction=reduction)
        op("gather", "ScatterND", ints(3, 4), np.array([[0], [2], [0]], np.int64), ints(3, 4), opset=18, reduction=reduction)
    op("gather", "ScatterND", x, np.array([[0], [2]], np.int64), normal(2, 4))
    op("gather", "ScatterND", x, np.array([[0, 1], [2, -1]], np.int64), normal(2))
    op("gather", "TopK", normal(3, 5), v(2), n=2, out=[T.FLOAT, T.INT64], axis=-1)
    op("gather", "TopK", normal(3, 5), v(2), n=2, out=[T.FLOAT, T.INT64], axis=0, largest=0)
    op("gather", "TopK", np.array([1, 3, 3, 1], np.int64), v(3), out=[T.INT64, T.INT64], label="ties")
    for kind in ["ArgMax", "ArgMin"]:
        op("gather", kind, ints(3, 4, lo=0, hi=3).astype(np.float32), out=T.INT64, axis=1)
        op("gather", kind, ints(3, 4, lo=0, hi=3).astype(np.float32), out=T.INT64, axis=0, keepdims=0)
        op("gather", kind, ints(3, 4, lo=0, hi=3).astype(np.float32), out=T.INT64, axis=1, select_last_index=1, opset=13)
    for attributes in [{}, {"exclusive": 1}, {"reverse": 1}, {"exclusive": 1, "reverse": 1}]:
        op("gather", "CumSum", normal(3, 4), np.array(1, np.int64), **attributes)
    op("gather", "CumSum", ints(3, 4), np.array(0, np.int64), label="int64")


def reduce():
    x = normal(2, 3, 4)
    for kind in ["Sum", "Mean", "Prod", "Max", "Min", "L1", "L2", "SumSquare", "LogSumExp"]:
        kind = "Reduce" + kind
        new = 13 if kind == "ReduceSum" else 18
        op("reduce", kind, x, opset=11, axes=[1])
        op("reduce", kind, x, opset=11, axes=[0, -1], keepdims=0)
        op("reduce", kind, x, np.array([2, 0], np.int64), opset=new, keepdims=0)
        op("reduce", kind, x, opset=new, label="all")
    op("reduce", "ReduceSum", x, opset=13, noop_with_empty_axes=1)
    op("reduce", "ReduceLogSum", np.abs(x), opset=11, axes=[1])
    op("reduce", "ReduceSum", ints(3, 4), np.array([0], np.int64), opset=13, label="int64")
    op("reduce", "ReduceMax", ints(3, 4, dtype=np.int32), opset=12, axes=[1], label="int32")
    for kind in ["Softmax", "LogSoftmax"]:
        op("reduce", kind, x, opset=11)
        op("reduce", kind, x, opset=11, axis=2)
        op("reduce", kind, x, opset=13)
        op("reduce", kind, x, opset=13, axis=1)
        op("reduce", kind, x * 1000, opset=13, label="large")


def linear():
    op("linear", "MatMul", normal(2, 3), normal(3, 4))
    op("linear", "MatMul", normal(3), normal(3, 4), label="vector left")
    op("linear", "MatMul", normal(2, 3), normal(3), label="vector right")
    op("linear", "MatMul", normal(3), normal(3), label="vectors")
    op("linear", "MatMul", normal(5, 1, 2, 3), normal(4, 3, 2), label="batches")
    op("linear", "MatMul", normal(2, 3, dtype=np.float64), normal(3, 2, dtype=np.float64), label="double")
    op("linear", "Gemm", normal(2, 3), normal(3, 4))
    op("linear", "Gemm", normal(2, 3), normal(4, 3), normal(4), transB=1)
    op("linear", "Gemm", normal(3, 2), normal(3, 4), normal(2, 1), transA=1, alpha=0.5, beta=2.0)
    op("linear", "Gemm", normal(3, 2), normal(4, 3), normal(), transA=1, transB=1)
    for equation, shapes in {
        "ij,jk->ik": [(2, 3), (3, 4)], "bij,bjk->bik": [(2, 3, 4), (2, 4, 2)], "ij->ji": [(2, 3)], "ii->i": [(3, 3)], "ij->": [(2, 3)],
        "i,j->ij": [(2,), (3,)], "bhd,bd->bh": [(2, 3, 4), (2, 4)], "ij,jk": [(2, 3), (3, 2)],
    }.items():
        op("linear", "Einsum", *[normal(*s) for s in shapes], equation=equation)
    op("linear", "LayerNormalization", normal(2, 3, 4), normal(4), normal(4))
    op("linear", "LayerNormalization", normal(2, 3, 4), normal(3, 4), axis=1, epsilon=1e-3, out=[T.FLOAT] * 3)
    op("linear", "RMSNormalization", normal(2, 3, 4), normal(4), opset=23)
    op("linear", "BatchNormalization", normal(2, 3, 4), normal(3), normal(3), normal(3), np.abs(normal(3)))
    op("linear", "InstanceNormalization", normal(2, 3, 4), normal(3), normal(3))


def quantize():
    x = normal(3, 4) * 4
    s, z = np.array(0.05, np.float32), np.array(3, np.int8)
    op("quantize", "QuantizeLinear", x, s, z, out=T.INT8)
    op("quantize", "QuantizeLinear", x, s, out=T.UINT8, label="no zero point")
    op("quantize", "QuantizeLinear", x, np.abs(normal(4)) + 0.1, ints(4, dtype=np.uint8, lo=0), out=T.UINT8, axis=1)
    q = ints(3, 4, lo=-100, hi=100, dtype=np.int8)
    op("quantize", "DequantizeLinear", q, s, z, out=T.FLOAT)
    op("quantize", "DequantizeLinear", q, s, out=T.FLOAT, label="no zero point")
    op("quantize", "DequantizeLinear", q, np.abs(normal(3)), ints(3, dtype=np.int8), out=T.FLOAT, axis=0)
    op("quantize", "DequantizeLinear", q, np.abs(normal(3, 2)), ints(3, 2, dtype=np.int8), out=T.FLOAT, opset=21, axis=1, block_size=2)
    op("quantize", "DequantizeLinear", ints(4, dtype=np.int32), s, out=T.FLOAT, label="int32")
    op("quantize", "DynamicQuantizeLinear", x, out=[T.UINT8, T.FLOAT, T.UINT8])
    op("quantize", "DynamicQuantizeLinear", np.abs(x), out=[T.UINT8, T.FLOAT, T.UINT8], label="positive")
    a, b = ints(2, 3, lo=0, hi=200, dtype=np.uint8), ints(3, 4, lo=0, hi=200, dtype=np.uint8)
    op("quantize", "MatMulInteger", a, b, out=T.INT32)
    op("quantize", "MatMulInteger", a, b, np.array(12, np.uint8), np.array([3, 1, 4, 1], np.uint8), out=T.INT32, label="zero points")


def recurrent():
    seq, batch, inputs, hidden = 4, 3, 2, 5

    def case(kind, gates, directions=1, bias=True, lens=None, state=False, peephole=False, opset=14, layout=0, label="", dtype=np.float32, **attributes):
        x = normal(seq, batch, inputs, dtype=dtype)
        w, r = normal(directions, gates * hidden, inputs, dtype=dtype), normal(directions, gates * hidden, hidden, dtype=dtype) / 2
        b = normal(directions, 2 * gates * hidden, dtype=dtype) if bias else None
        h0, c0 = [normal(directions, batch, hidden, dtype=dtype) if state else None for _ in range(2)]
        args = [x, w, r, b, None if lens is None else np.array(lens, np.int32), h0]
        outputs = 2
        if kind == "LSTM":
            args += [c0, normal(directions, 3 * hidden, dtype=dtype) if peephole else None]
            outputs = 3
        while args[-1] is None:
            args.pop()
        if directions == 2:
            attributes["direction"] = "bidirectional"
        if layout:  # ONNX Runtime has no layout=1: transpose its layout=0
            by_layout(kind, args, outputs, opset, label, attributes)
            return
        op("recurrent", kind, *args, opset=opset, n=outputs, label=label, hidden_size=hidden, **attributes)

    def by_layout(kind, args, outputs, opset, label, attributes):
        swap = {0: (1, 0, 2), 5: (1, 0, 2), 6: (1, 0, 2)}
        names = [f"x{i}" if a is not None else "" for i, a in enumerate(args)]
        plain = {f"x{i}": a for i, a in enumerate(args) if a is not None}
        out = [(f"y{i}", T.FLOAT) for i in range(outputs)]

        def model(feeds, **more):
            node = h.make_node(kind, names, [n for n, _ in out], hidden_size=hidden, **attributes, **more)
            g = h.make_graph([node], label, [info(k, v) for k, v in feeds.items()], [h.make_tensor_value_info(n, t, None) for n, t in out])
            return h.make_model(g, opset_imports=[h.make_opsetid("", opset)], ir_version=IR)

        want, by = evaluate(model(plain), plain, "ort")
        want = [want[0].transpose(2, 0, 1, 3)] + [w.transpose(1, 0, 2) for w in want[1:]]
        feeds = {k: np.ascontiguousarray(v.transpose(swap[int(k[1:])])) if int(k[1:]) in swap else v for k, v in plain.items()}
        add("recurrent", f"{kind} {opset} {label}", model(feeds, layout=1), feeds, want, by)

    for kind, gates in [("LSTM", 4), ("GRU", 3), ("RNN", 1)]:
        case(kind, gates, label="plain", opset=7)
        case(kind, gates, label="no bias", bias=False)
        case(kind, gates, label="reverse", direction="reverse")
        case(kind, gates, label="bidirectional, states", directions=2, state=True)
        case(kind, gates, label="lengths", lens=[4, 1, 3], state=True)
        case(kind, gates, label="lengths, reverse", lens=[2, 4, 3], direction="reverse")
        case(kind, gates, label="lengths, bidirectional", lens=[2, 4, 1], directions=2, opset=22)
        case(kind, gates, label="clip", clip=0.3)
        case(kind, gates, label="layout 1", layout=1, state=True)
        case(kind, gates, label="layout 1, bidirectional", layout=1, state=True, directions=2)
    case("LSTM", 4, label="peepholes", peephole=True, state=True)
    case("LSTM", 4, label="peepholes, bidirectional, clip", peephole=True, directions=2, clip=0.5)
    case("LSTM", 4, label="input_forget", input_forget=1, state=True)
    case("LSTM", 4, label="activations", activations=["HardSigmoid", "ScaledTanh", "Softsign"], activation_alpha=[0.3, 1.5], activation_beta=[0.6, 0.7])
    case("LSTM", 4, label="activations by direction", directions=2, activations=["Sigmoid", "Relu", "Tanh", "HardSigmoid", "LeakyRelu", "Elu"], activation_alpha=[0.25, 0.02, 0.9], activation_beta=[0.5])
    case("LSTM", 4, label="Affine, ThresholdedRelu, Softplus", activations=["Affine", "ThresholdedRelu", "Softplus"], activation_alpha=[0.5, 0.3], activation_beta=[0.1])
    for after in [0, 1]:
        case("GRU", 3, label=f"linear_before_reset {after}", linear_before_reset=after, state=True)
        case("GRU", 3, label=f"linear_before_reset {after}, clip", linear_before_reset=after, clip=0.4)
        case("GRU", 3, label=f"linear_before_reset {after}, bidirectional, lengths", linear_before_reset=after, directions=2, lens=[3, 4, 2])
    case("GRU", 3, label="activations", activations=["HardSigmoid", "Softsign"], activation_alpha=[0.3], activation_beta=[0.4])
    case("RNN", 1, label="Relu", activations=["Relu"])
    case("RNN", 1, label="ScaledTanh, Sigmoid", directions=2, activations=["ScaledTanh", "Sigmoid"], activation_alpha=[1.2], activation_beta=[0.8])


def quantized_lstm():
    """com.microsoft.DynamicQuantizeLSTM: expected is ORT's LSTM on the dequantised weights, which its own kernel,
    that quantises activations too, must agree with roughly."""
    for label, per_column in [("per tensor", False), ("per channel", True)]:
        dirs, hidden, inputs = 2, 4, 3
        x, bias, feeds, weights = normal(4, 2, inputs), normal(dirs, 8 * hidden), {}, []
        for name, n in [("w", inputs), ("r", hidden)]:
            q = ints(dirs, n, 4 * hidden, lo=-127, hi=128, dtype=np.int8)
            scale = np.abs(normal(*((dirs, 4 * hidden) if per_column else (dirs,)))) * 0.004 + 0.001
            zero = np.zeros(scale.shape, np.int8)
            feeds |= {name: q, name + "s": scale, name + "z": zero}
            weights.append(np.ascontiguousarray((q * scale.reshape(dirs, 1, -1)).transpose(0, 2, 1).astype(np.float32)))
        out = [h.make_tensor_value_info(n, T.FLOAT, None) for n in ["y", "yh", "yc"]]

        def model(kind, names, initializers, domain):
            node = h.make_node(kind, names, ["y", "yh", "yc"], domain=domain, hidden_size=hidden, direction="bidirectional")
            g = h.make_graph([node], label, [info("x", x)], out, [nh.from_array(v, k) for k, v in initializers.items()])
            return h.make_model(g, opset_imports=[h.make_opsetid("", 17), h.make_opsetid("com.microsoft", 1)], ir_version=IR)

        plain = model("LSTM", ["x", "w", "r", "b"], {"w": weights[0], "r": weights[1], "b": bias}, "")
        quantized = model("DynamicQuantizeLSTM", ["x", "w", "r", "b", "", "", "", "", "ws", "wz", "rs", "rz"], feeds | {"b": bias}, "com.microsoft")
        want, _ = evaluate(plain, {"x": x}, "ort")
        rough, _ = evaluate(quantized, {"x": x}, "ort")
        assert max(np.abs(a - b).max() for a, b in zip(want, rough)) < 0.02
        add("recurrent", "DynamicQuantizeLSTM " + label, quantized, {"x": x}, want, "onnxruntime LSTM")


def control():
    f = lambda name, shape=None: h.make_tensor_value_info(name, T.FLOAT, shape)
    i = lambda name, shape=None: h.make_tensor_value_info(name, T.INT64, shape)
    b = lambda name: h.make_tensor_value_info(name, T.BOOL, [])
    yes = h.make_graph([h.make_node("Add", ["x", "x"], ["t"])], "then", [], [f("t")])
    no = h.make_graph([h.make_node("Neg", ["x"], ["e"])], "else", [], [f("e")])
    for on in [True, False]:
        graph("control", f"If {on}", [h.make_node("If", ["c"], ["y"], then_branch=yes, else_branch=no)], {"c": np.array(on), "x": normal(3)}, [("y", T.FLOAT)])

    body = h.make_graph(
        [h.make_node("Add", ["s", "w"], ["s1"]), h.make_node("Mul", ["s1", "s1"], ["o"]), h.make_node("ReduceSum", ["s1"], ["sum"], keepdims=0),
         h.make_node("Less", ["sum", "top"], ["c1"])],
        "body", [i("n", []), b("c0"), f("s", [2])], [b("c1"), f("s1", [2]), f("o", [2])])
    loop = h.make_node("Loop", ["m", "c", "s0"], ["s", "all"], body=body)
    for times, top in [(3, 1e9), (100, 10), (0, 1)]:
        feeds = {"m": np.array(times, np.int64), "c": np.array(True), "s0": np.zeros(2, np.float32), "w": np.array([1, 2], np.float32), "top": np.array(top, np.float32)}
        graph("control", f"Loop {times} until {top}", [loop], feeds, [("s", T.FLOAT), ("all", T.FLOAT)])
    feeds.pop("m")
    feeds["top"] = np.array(20, np.float32)
    graph("control", "Loop without count", [h.make_node("Loop", ["", "c", "s0"], ["s", "all"], body=body)], feeds, [("s", T.FLOAT), ("all", T.FLOAT)])

    cell = h.make_graph(
        [h.make_node("MatMul", ["h", "r"], ["a"]), h.make_node("Add", ["a", "x"], ["p"]), h.make_node("Tanh", ["p"], ["h1"]), h.make_node("Identity", ["h1"], ["o"])],
        "cell", [f("h", [2, 3]), f("x", [2, 3])], [f("h1", [2, 3]), f("o", [2, 3])])
    for label, extra, xs in [
        ("plain", {}, normal(4, 2, 3)), ("reverse", {"scan_input_directions": [1], "scan_output_directions": [1]}, normal(4, 2, 3)),
        ("axis 1", {"scan_input_axes": [1], "scan_output_axes": [1]}, normal(2, 4, 3)), ("output reversed", {"scan_output_directions": [1]}, normal(4, 2, 3)),
    ]:
        node = h.make_node("Scan", ["h0", "xs"], ["h", "ys"], body=cell, num_scan_inputs=1, **extra)
        graph("control", "Scan " + label, [node], {"h0": normal(2, 3), "xs": xs}, [("h", T.FLOAT), ("ys", T.FLOAT)], initializers={"r": normal(3, 3)})

    parts = [h.make_node("SplitToSequence", ["x", "n"], ["q"], axis=0), h.make_node("SequenceAt", ["q", "k"], ["one"]),
             h.make_node("SequenceErase", ["q", "k"], ["q1"]), h.make_node("SequenceInsert", ["q1", "one"], ["q2"]),
             h.make_node("ConcatFromSequence", ["q2"], ["y"], axis=0), h.make_node("SequenceLength", ["q2"], ["len"])]
    k = {"k": np.array(1, np.int64)}
    for label, n in [("pieces of 2", np.array(2, np.int64)), ("pieces of 1, 3, 1", np.array([1, 3, 1], np.int64))]:
        graph("control", "Sequence " + label, parts, {"x": normal(5, 2)}, [("y", T.FLOAT), ("len", T.INT64), ("one", T.FLOAT)], initializers=k | {"n": n})
    steps = [h.make_node("SplitToSequence", ["x", "n"], ["q"], axis=0, keepdims=0), h.make_node("SequenceAt", ["q", "k"], ["one"]),
             h.make_node("ConcatFromSequence", ["q"], ["y"], axis=1, new_axis=1)]
    graph("control", "Sequence of steps", steps, {"x": normal(3, 2)}, [("y", T.FLOAT), ("one", T.FLOAT)], initializers=k | {"n": np.array(1, np.int64)})
    made = [h.make_node("SequenceEmpty", [], ["q0"], dtype=T.FLOAT), h.make_node("SequenceInsert", ["q0", "x"], ["q1"]), h.make_node("SequenceConstruct", ["x", "x"], ["q2"]),
            h.make_node("SequenceLength", ["q2"], ["len"]), h.make_node("ConcatFromSequence", ["q1"], ["y"], axis=0)]
    graph("control", "Sequence made", made, {"x": normal(3, 2)}, [("y", T.FLOAT), ("len", T.INT64)])


def functions():
    half = h.make_function("f", "Half", ["x"], ["y"], [
        h.make_node("Constant", [], ["c"], value_float=0.5), h.make_node("Mul", ["x", "c"], ["y"])], [h.make_opsetid("", 17)])
    scaled = h.make_node("LeakyRelu", ["x"], ["t"])
    scaled.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT))
    leaky = h.make_function("f", "HalfLeaky", ["x"], ["y"], [scaled, h.make_node("Half", ["t"], ["y"], domain="f")], [h.make_opsetid("", 17), h.make_opsetid("f", 1)], ["slope"])
    x = normal(2, 3)
    nodes = [h.make_node("HalfLeaky", ["x"], ["t"], domain="f", slope=0.2), h.make_node("HalfLeaky", ["t"], ["y"], domain="f", slope=0.4)]
    g = h.make_graph(nodes, "functions", [info("x", x)], [h.make_tensor_value_info("y", T.FLOAT, None)])
    model = h.make_model(g, opset_imports=[h.make_opsetid("", 17), h.make_opsetid("f", 1)], ir_version=IR, functions=[half, leaky])
    got, by = evaluate(model, {"x": x})
    add("control", "functions that call functions", model, {"x": x}, got, by)


NODE_TESTS = """gru_defaults gru_seq_length gru_with_initial_bias gru_batchwise lstm_defaults lstm_with_initial_bias lstm_with_peepholes lstm_batchwise
simple_rnn_defaults simple_rnn_with_initial_bias rnn_seq_length simple_rnn_batchwise loop11 loop13_seq scan9_sum scan9_multi_state scan9_scalar
range_int32_type_negative_delta_expanded range_float_type_positive_delta_expanded sequence_insert_at_back sequence_insert_at_front if if_seq""".split()


def conv():
    image, signal = normal(2, 4, 5, 6), normal(2, 4, 7)
    op("conv", "Conv", signal, normal(3, 4, 3), normal(3))
    op("conv", "Conv", signal, normal(3, 4, 3), pads=[1, 1], strides=[2])
    op("conv", "Conv", signal, normal(6, 2, 2), normal(6), group=2, dilations=[3])
    op("conv", "Conv", image, normal(3, 4, 3, 2), normal(3), pads=[1, 0, 2, 1], strides=[2, 1])
    op("conv", "Conv", image, normal(4, 1, 3, 3), group=4, auto_pad="SAME_UPPER", label="depthwise same upper")
    op("conv", "Conv", image, normal(2, 4, 2, 2), auto_pad="SAME_LOWER", strides=[2, 2], label="same lower")
    op("conv", "Conv", normal(1, 2, 3, 4, 3), normal(2, 2, 2, 2, 2), label="three dimensions")
    for kind in ["MaxPool", "AveragePool"]:
        op("conv", kind, signal, kernel_shape=[2], strides=[2])
        op("conv", kind, image, kernel_shape=[3, 2], pads=[1, 0, 1, 1], strides=[2, 1])
        op("conv", kind, image, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, opset=19, label="ceil")
        op("conv", "Global" + kind, image)
    op("conv", "MaxPool", image, kernel_shape=[2, 2], dilations=[2, 2], auto_pad="VALID", label="dilated")
    op("conv", "AveragePool", image, kernel_shape=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)


def node_cases(wanted):
    from onnx.backend.test.case.node import collect_testcases
    for case in collect_testcases(None):
        name = case.name.removeprefix("test_")
        if not wanted(name):
            continue
        for feeds, outputs in case.data_sets:
            if all(isinstance(t, (np.ndarray, np.generic)) for t in [*feeds, *outputs]):
                yield name, case.model, {v.name: a for v, a in zip(case.model.graph.input, feeds)}, outputs


def node():
    for name, model, feeds, outputs in node_cases(lambda name: name in NODE_TESTS):
        add("node", name, model, feeds, outputs, "onnx node test")


def main():
    for make in [unary, binary, compare, cast, shape, movement, gather, reduce, linear, quantize, recurrent, quantized_lstm, control, functions, conv, node]:
        make()
    for family, cases in families.items():
        with open(os.path.join(HERE, family + ".json"), "w") as f:
            json.dump(cases, f, indent=1)
            f.write("\n")
        print(family, len(cases), sum(c["oracle"] == "onnx" for c in cases), "by the ReferenceEvaluator")


if __name__ == "__main__":
    main()
