"""Write the numbers that encoders and emulator are tested against.

    python make_fixtures.py [directory]

Every encoder is written here a second time, from its formulas, with torch.nn's
own layers and numpy's statistics. Weights are PyTorch's, drawn in float32;
results are computed in float64. The loss whose gradients are kept is the mean
squared error between the output and "weigh". Arrays are little-endian float32
in base64; parameters are keyed by the names that the Go side gives them.
response_sequences.json, which this reads, is the Go side's: go test -update.
"""

import base64
import json
import pathlib
import re
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

RNNS = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "rnn_tanh": lambda *a, **k: nn.RNN(*a, nonlinearity="tanh", **k),
    "rnn_relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
}


def pack(t):
    a = t.detach().numpy() if torch.is_tensor(t) else t
    return base64.b64encode(np.ascontiguousarray(a, dtype="<f4").tobytes()).decode()


def gelu(x):
    return F.gelu(x, approximate="tanh")


class RNN(nn.Module):
    """A probed RNN: layers that may differ, and a readout."""

    def __init__(self, spec):
        super().__init__()
        self.spec = spec
        self.layers = nn.ModuleList(
            RNNS[l["cell"]](l["inputs"], l["hidden"], bidirectional=l.get("bidirectional", False)) for l in spec["layers"]
        )
        width = spec["layers"][-1]["hidden"] * (2 if spec["layers"][-1].get("bidirectional") else 1)
        self.linear = nn.Linear(width, spec["outputs"]) if spec["outputs"] else None
        with torch.no_grad():
            for p in self.parameters():
                p.mul_(2)  # further from linear than initial weights are

    def named(self):
        """Tensors under the names that Layout gives them, in its order."""
        for i, layer in enumerate(self.layers):
            own = dict(layer.named_parameters())
            for name in layer.state_dict():
                yield name.replace("_l0", f"_l{i}"), own[name].detach()
        if self.linear:
            yield "linear.weight", self.linear.weight.detach()
            yield "linear.bias", self.linear.bias.detach()

    def step(self, x, state):
        x, after = x[None, None], []
        for layer, s in zip(self.layers, state):
            x, s = layer(x, s)
            after.append(s)
        return (self.linear(x) if self.linear else x)[0, 0], after

    def unroll(self, x):
        """The outputs of whole sequences."""
        for layer in self.layers:
            x, _ = layer(x)
        return self.linear(x) if self.linear else x


def layer(cell, inputs, hidden, **more):
    return {"cell": cell, "inputs": inputs, "hidden": hidden} | more


def spec(outputs, *layers):
    return {"layers": list(layers), "outputs": outputs}


def uniform(cell, inputs, hidden, count, outputs):
    return spec(outputs, *(layer(cell, hidden if i else inputs, hidden) for i in range(count)))


def sizes(config):
    s = config["spec"]
    return s["layers"][0]["inputs"], s["outputs"] or s["layers"][-1]["hidden"]


def mlp(widths):
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), nn.GELU(approximate="tanh")]
    return nn.Sequential(*layers[:-1])


class Interrogator(nn.Module):
    """LSTM layers with residual connections; memory is the last one's h."""

    def __init__(self, hidden, layers):
        super().__init__()
        self.lstm = nn.ModuleList(nn.LSTM(hidden, hidden) for _ in range(layers))

    def forward(self, x, state):
        after = []
        for lstm, s in zip(self.lstm, state):
            h, s = lstm(x[None, None], s)
            after.append(s)
            x = x + h[0, 0]
        return h[0, 0], after


class Prober(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.options, self.range = config["options"], config.get("input_range")
        hidden = self.options["hidden"]
        inputs, outputs = sizes(config)
        self.probe, self.read = nn.Linear(hidden, inputs), nn.Linear(inputs + 2 * outputs, hidden)
        self.interrogator = Interrogator(hidden, self.options["layers"])
        self.embed = nn.Linear(hidden, config["dim"])
        self.codes = nn.Parameter(torch.randn(self.options["steps"], hidden))

    def question(self, x):
        if self.range:
            low, high = (np.float32(v).item() for v in self.range)
            return low + (high - low) * torch.sigmoid(x)
        return torch.softmax(x, -1)

    def impression(self, question, answer):
        return gelu(self.read(torch.cat([question, 0.2 * answer, torch.softmax(answer, -1)])))


class InteractiveProbing(Prober):
    def __init__(self, config):
        super().__init__(config)
        inputs, outputs = sizes(config)
        self.outputs, self.echo = outputs, nn.Linear(outputs, inputs)

    def encode(self, rnn):
        answer = torch.zeros(self.outputs).double()
        memory = torch.zeros(self.options["hidden"]).double()
        state, answers = [None] * self.options["layers"], [None] * len(rnn.layers)
        for code in self.codes:
            question = self.question(self.probe(code + memory) + self.echo(answer))
            answer, answers = rnn.step(question, answers)
            memory, state = self.interrogator(self.impression(question, answer), state)
        return self.embed(memory)


class NoninteractiveProbing(Prober):
    def encode(self, rnn):
        state, answers = [None] * self.options["layers"], [None] * len(rnn.layers)
        for code in self.codes:
            question = self.question(self.probe(code))
            answer, answers = rnn.step(question, answers)
            memory, state = self.interrogator(self.impression(question, answer), state)
        return self.embed(memory)


# Gates of like purpose of different cells share a place.
SLOTS = {"lstm": [0, 1, 2, 3], "gru": [1, 0, 2], "rnn_tanh": [2], "rnn_relu": [2]}


def describe(a, width):
    """Seven statistics, with numpy."""
    a = a.ravel() * np.sqrt(width)
    return np.concatenate([[a.mean(), a.std()], np.quantile(a, [0, 0.25, 0.5, 0.75, 1])])


def statistics(rnn):
    tensors = {n: v.numpy() for n, v in rnn.named()}
    features = []
    for i in (0, len(rnn.layers) - 1):
        l = rnn.spec["layers"][i]
        for place in range(4):
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                if place not in SLOTS[l["cell"]]:
                    features.append(np.zeros(7))
                    continue
                gate = SLOTS[l["cell"]].index(place)
                t = tensors[f"{kind}_l{i}"]
                features.append(describe(t[gate * l["hidden"] : (gate + 1) * l["hidden"]], l["hidden"]))
    last = rnn.spec["layers"][-1]
    width = last["hidden"] * (2 if last.get("bidirectional") else 1)
    for name in ("linear.weight", "linear.bias"):
        features.append(describe(tensors[name], width) if name in tensors else np.zeros(7))
    return np.concatenate(features)


class LayerwiseStatistics(nn.Module):
    width, features, least = 7 * (2 * 4 * 4 + 2), staticmethod(statistics), 1e-3

    def __init__(self, config):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.rand(self.width)), nn.Parameter(torch.randn(self.width))
        self.mlp = mlp([self.width, *config["options"]["hidden"], config["dim"]])

    def encode(self, rnn):
        x = torch.from_numpy(self.features(rnn)) * self.scale + self.shift
        return self.mlp(4 * torch.tanh(x / 4))

    def prepare(self, rnns):
        """What Prepare must set: scale and shift to zero mean, unit spread."""
        x = np.stack([self.features(r) for r in rnns])
        scale = 1 / np.maximum(x.std(0), self.least)
        return {"scale": pack(scale), "shift": pack(-x.mean(0) * scale)}


def response_sequences(inputs):
    """Sequences by name, [steps, rows, inputs] each, and the samples' noise."""
    given = json.loads(pathlib.Path(__file__).with_name("response_sequences.json").read_text())[str(inputs)]
    arrays = {n: np.frombuffer(base64.b64decode(g["values"]), "<f4").astype(float) for n, g in given.items()}
    return {n: torch.from_numpy(a.reshape(-1, given[n]["rows"], inputs)) for n, a in arrays.items()}


def surely(p):
    return (p**2).sum(-1)


def alterations(x, y):
    features = []
    for v in (torch.softmax(y, -1), torch.tanh(y / 2)):
        kinds = np.split(v.numpy(), 4, 1)
        for lag in (0, 1, 2, 4, 8, 16):
            features += [[np.sqrt(((k[8 + lag, 0::2] - k[8 + lag, 1::2]) ** 2).mean())] for k in kinds]
        for k, read in zip(kinds, np.split(x.numpy(), 4, 1)):
            follows = describe(np.tanh(k[12:-1] - read[13:]), 1) if k.shape == read.shape else np.zeros(7)
            features += [describe(k[12::2], 1), describe(k[12::2] - k[11:-1:2], 1), describe(surely(k[12::2]), 1), follows]
    return features


def marks(x):
    m = np.array([x.mean(), x.std()])
    return np.tanh(np.concatenate([s * m for s in (0.5, 4, 32)]))


def marked_sums(x, y):
    first, y = x[3, :, :1].numpy(), y.numpy()
    features = [marks(y[2]), marks(y[3] - first), marks(y[5] - y[3])]
    for i, second in enumerate((6, 14)):
        h, x1 = np.split(y, 2, 1)[i], np.split(first, 2)[i]
        now = h[second]
        for v in (h[second - 1] - h[3], now - h[second - 1], *(h[second + d] - now for d in (2, 8, 15)), h[second + 8] - x1):
            features.append(marks(v))
    return features


def strokes(y):
    p, features = torch.softmax(y, -1).numpy(), []
    for step in (25, 40, 49):
        numbers = p[step], np.tanh(y[step].numpy() / 10), surely(p[step]), p[step] - p[step - 5]
        features += [describe(v, 1) for v in numbers] + [[p[step].mean(0).std()]]
    return features


def sample(rnn, x, noise):
    """What an RNN reads that begins with x, [steps, inputs], and what it puts out."""
    state, read, put_out = [None] * len(rnn.layers), [], []
    for g in noise:
        y, state = rnn.step(x, state)
        read.append(x)
        put_out.append(y)
        x = torch.softmax(6 * (y + g), -1) if len(y) > 1 else 2 * torch.tanh(y / 2)
    return torch.stack([*read, x]), torch.stack(put_out)


def samples(rnn, noise):
    steps, rows, inputs = noise.shape
    if rnn.spec["outputs"] != inputs or any(l.get("bidirectional") for l in rnn.spec["layers"]):
        return [np.zeros(7 * 12)]
    begins = torch.eye(inputs).double().repeat_interleave(4, 0)[:rows]
    x, y = (torch.stack(v, 1).numpy() for v in zip(*(sample(rnn, begins[r], noise[:, r]) for r in range(rows))))
    p = torch.softmax(torch.from_numpy(y), -1).numpy()
    sure, features = surely(p), []
    for v in (sure, (p if inputs > 1 else x[:-1]) - x[1:], np.tanh(y / 10)):
        features += [describe(v[a:b], 1) for a, b in ((2, 12), (12, 24), (24, 40))]
    features.append(describe(sure.mean(0).reshape(-1, 4).mean(1), 1))
    if inputs == 1:
        return features + [np.zeros(14)]
    variance = np.diff(x[:-1].sum(0)).reshape(-1, 4, inputs - 1).var(1)
    return features + [describe(np.tanh(s * variance), 1) for s in (0.25, 2)]


def responses(rnn):
    first, given = rnn.spec["layers"][0], response_sequences(rnn.spec["layers"][0]["inputs"])
    with torch.no_grad():
        # Zeros follow the shorter sequences: RNNs that run backwards read them first.
        padded = {n: F.pad(x, (0, 0, 0, 0, 0, len(given["strokes"]) - len(x))) for n, x in given.items()}
        outputs = {n: rnn.unroll(padded[n])[: len(x)] for n, x in given.items()}
        features = alterations(given["altered"], outputs["altered"])
        features += marked_sums(given["marked"], outputs["marked"]) + strokes(outputs["strokes"]) + samples(rnn, given["noise"])
    widths = [l["hidden"] * (2 if l.get("bidirectional") else 1) for l in rnn.spec["layers"]]
    sizes = first["inputs"], widths[0], widths[-1], 2 ** len(widths), outputs["altered"].shape[-1], 2 ** bool(rnn.linear)
    return np.concatenate([statistics(rnn), *features, np.log2(sizes)])


class Responses(LayerwiseStatistics):
    width = LayerwiseStatistics.width + 2 * 4 * (6 + 4 * 7) + 6 * (3 + 2 * 6) + 3 * (4 * 7 + 1) + 7 * 12 + 6
    features, least = staticmethod(responses), 0.02


def blocks(rnn):
    """Every gate of every tensor, in order."""
    for name, t in rnn.named():
        if name.startswith("linear."):
            yield t.numpy()
        else:
            cell = rnn.spec["layers"][int(name.rsplit("_l", 1)[1])]["cell"]
            yield from np.split(t.numpy(), len(SLOTS[cell]))


class Scaling(nn.Module):
    """All weights in order, times a scale, plus a shift."""

    def __init__(self, config):
        super().__init__()
        n = sum(t.numel() for _, t in RNN(config["spec"]).named())
        self.scale, self.shift = nn.Parameter(torch.rand(n)), nn.Parameter(torch.randn(n))

    def weights(self, rnn):
        return torch.cat([t.flatten() for _, t in rnn.named()]) * self.scale + self.shift

    @staticmethod
    def prepare(rnns):
        scale, shift = [], []
        for same in zip(*(blocks(r) for r in rnns)):
            s, t = standardize(same)
            scale.append(np.full(same[0].size, s))
            shift.append(np.full(same[0].size, t))
        return {"scale": pack(np.concatenate(scale)), "shift": pack(np.concatenate(shift))}


def standardize(same):
    """Scale and shift to zero mean and unit spread of one gate of several RNNs."""
    x = np.stack(same)
    scale = 1 / max(x.std(), 1e-3)
    return scale, -x.mean() * scale


class Flattened(Scaling):
    def __init__(self, config):
        super().__init__(config)
        self.mlp = mlp([self.scale.numel(), *config["options"]["hidden"], config["dim"]])

    def encode(self, rnn):
        return self.mlp(self.weights(rnn))


class TransformerLayer(nn.Module):
    def __init__(self, o):
        super().__init__()
        width = o["width"]
        self.heads = o["heads"]
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.ModuleDict({"in": nn.Linear(width, 3 * width), "out": nn.Linear(width, width)})
        self.mlp = mlp([width, o["feed_forward"], width])

    def forward(self, x):
        q, k, v = (y.unflatten(1, (self.heads, -1)).transpose(0, 1) for y in self.attention["in"](self.norm1(x)).chunk(3, 1))
        x = x + self.attention["out"](F.scaled_dot_product_attention(q, k, v).transpose(0, 1).flatten(1))
        return x + self.mlp(self.norm2(x))


class ParameterTransformer(Scaling):
    def __init__(self, config):
        super().__init__(config)
        o = config["options"]
        self.config = config
        rows = list(self.rows(RNN(config["spec"]), torch.zeros(self.scale.numel())))
        self.positions = nn.Parameter(torch.randn(1 + sum(r.shape[0] for _, r in rows), o["width"]))
        self.tokens = nn.ModuleDict({name: nn.Linear(r.shape[1], o["width"]) for name, r in rows})
        self.layer = nn.ModuleList(TransformerLayer(o) for _ in range(o["layers"]))
        self.norm, self.embed = nn.LayerNorm(o["width"]), nn.Linear(o["width"], config["dim"])

    def rows(self, rnn, weights):
        """Names and tokens of the groups, of scaled weights."""
        named = list(rnn.named())
        t = dict(zip((n for n, _ in named), weights.split([v.numel() for _, v in named])))
        for i, l in enumerate(rnn.spec["layers"]):
            gates = len(SLOTS[l["cell"]])
            m = {k: t[f"{k}_l{i}"].view(gates, l["hidden"], -1) for k in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
            if self.config["options"]["tokens"] == "row":
                yield f"ih_l{i}", torch.cat([m["weight_ih"], m["bias_ih"]], 2).flatten(0, 1)
                yield f"hh_l{i}", torch.cat([m["weight_hh"], m["bias_hh"]], 2).flatten(0, 1)
            else:
                yield f"l{i}", torch.cat([v.transpose(0, 1).flatten(1) for v in m.values()], 1)
        if "linear.weight" in t:
            out = rnn.spec["outputs"]
            yield "linear", torch.cat([t["linear.weight"].view(out, -1), t["linear.bias"].view(out, 1)], 1)

    def encode(self, rnn):
        tokens = [self.tokens[name](r) for name, r in self.rows(rnn, self.weights(rnn))]
        x = torch.cat([torch.zeros_like(self.positions[:1]), *tokens]) + self.positions
        for layer in self.layer:
            x = layer(x)
        return self.embed(self.norm(x[0]))


class Entry(nn.Module):
    def __init__(self, gates, channels):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.rand(gates)), nn.Parameter(torch.randn(gates))
        linear = nn.Linear(gates, channels)
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x):
        return F.linear(x * self.scale + self.shift, self.weight, self.bias)


class DWSNet(nn.Module):
    def __init__(self, config):
        super().__init__()
        o, c = config["options"], config["options"]["channels"]
        self.maps = list(self.tensors(RNN(config["spec"])))
        self.axes = {a: s for _, x, axes in self.maps for a, s in zip(axes, x.shape)}
        last = max(self.axes)
        self.inputs, self.outputs = nn.Parameter(torch.randn(self.axes[0], c)), nn.Parameter(torch.randn(self.axes[last], c))
        self.enter = nn.ModuleDict({name: Entry(x.shape[-1], c) for name, x, _ in self.maps})
        self.layer = nn.ModuleList(nn.ModuleDict({n: self.mixing(axes, c) for n, _, axes in self.maps}) for _ in range(o["layers"]))
        self.mlp = mlp([len(self.maps) * c, *o["hidden"], config["dim"]])

    @staticmethod
    def tensors(rnn):
        """Name, values [row units, column units, gates] and axes of every map."""
        t = dict(rnn.named())
        for i, l in enumerate(rnn.spec["layers"]):
            gates = lambda name: t[f"{name}_l{i}"].view(len(SLOTS[l["cell"]]), l["hidden"], -1).permute(1, 2, 0)
            yield f"ih_l{i}", gates("weight_ih"), (i + 1, i)
            yield f"hh_l{i}", gates("weight_hh"), (i + 1, i + 1)
            yield f"bias_l{i}", torch.cat([gates("bias_ih")[:, 0], gates("bias_hh")[:, 0]], 1), (i + 1,)
        n = len(rnn.spec["layers"])
        if rnn.linear:
            yield "linear", t["linear.weight"][:, :, None], (n + 1, n)
            yield "linear_bias", t["linear.bias"][:, None], (n + 1,)

    def mixing(self, axes, c):
        touching = lambda axis: sum(a.count(axis) for _, _, a in self.maps)
        parts = {"row": touching(axes[0]), "whole": len(self.maps)}
        if len(axes) == 2:
            parts |= {"own": 1, "col": touching(axes[1])}
        if len(axes) == 2 and axes[0] == axes[1]:
            parts["transposed"] = 1
        return nn.ModuleDict({n: nn.Linear(k * c, c) for n, k in parts.items()})

    def pool(self, features):
        units, whole = {a: [] for a in self.axes}, []
        for (_, _, axes), x in zip(self.maps, features):
            if len(axes) == 2:
                units[axes[1]].append(x.mean(0))
                x = x.mean(1)
            units[axes[0]].append(x)
            whole.append(x.mean(0))
        return {a: torch.cat(u, 1) for a, u in units.items()}, torch.cat(whole)

    def mix(self, layer, features):
        units, whole = self.pool(features)
        for (name, _, axes), x in zip(self.maps, features):
            part = layer[name]
            y = part["row"](units[axes[0]]) + part["whole"](whole)
            if len(axes) == 2:
                y = part["own"](x) + y[:, None] + part["col"](units[axes[1]])[None]
            if "transposed" in part:
                y = y + part["transposed"](x).transpose(0, 1)
            yield x + torch.relu(y)

    def encode(self, rnn):
        features = []
        for name, x, axes in self.tensors(rnn):
            x = self.enter[name](x.double())
            for axis, positions in ((0, self.inputs), (max(self.axes), self.outputs)):
                if axes[0] == axis:
                    x = x + (positions[:, None] if len(axes) == 2 else positions)
                if len(axes) == 2 and axes[1] == axis:
                    x = x + positions[None]
            features.append(x)
        for layer in self.layer:
            features = list(self.mix(layer, features))
        return self.mlp(self.pool(features)[1])

    def prepare(self, rnns):
        result = {}
        for same in zip(*(self.tensors(r) for r in rnns)):
            name, gates = same[0][0], same[0][1].shape[-1]
            both = np.array([standardize([x[..., g].numpy() for _, x, _ in same]) for g in range(gates)])
            result |= {f"{name}.scale": pack(both[:, 0]), f"{name}.shift": pack(both[:, 1])}
        return result


class Emulator(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        hidden = config["hidden"]
        if config.get("real"):
            self.read = nn.Linear(config["inputs"], hidden)
        else:
            self.table = nn.Parameter(torch.randn(config["inputs"], hidden))
        self.enter = nn.Linear(config["dim"], hidden)
        self.lstm = nn.LSTM(hidden, hidden, num_layers=config["layers"])
        self.out = nn.Linear(hidden, config["outputs"])

    def forward(self, z, x):
        """x: [T, N] tokens or [T, N, inputs]."""
        h = self.read(x) if self.config.get("real") else self.table[x]
        if self.config.get("every_step"):
            h = h + self.enter(z)
        else:
            h = torch.cat([h[:1] + self.enter(z), h[1:]])
        return self.out(self.lstm(h)[0])


def go_name(name):
    """torch's name of a parameter -> the Go side's."""
    for old, new in (("interrogator.lstm.", "interrogator."), ("enter.", "")):
        name = name.replace(old, new)
    name = re.sub(r"(weight_.h|bias_.h)_l0", r"\1", name)
    # Every other module of an MLP's Sequential is a GELU.
    return re.sub(r"\bmlp\.(\d+)", lambda m: f"mlp.{int(m[1]) // 2}", name)


def emulator_name(name):
    if name.startswith("lstm."):
        kind, l = name.removeprefix("lstm.").rsplit("_l", 1)
        name = f"lstm.{l}.{kind}"
    return "emulator." + name


def gradients(net, output, rename):
    """The parameters, and their gradients of the loss, by name."""
    weigh = torch.randn(output.shape).double()
    F.mse_loss(output, weigh).backward()
    return {
        "params": {rename(n): pack(p) for n, p in net.named_parameters()},
        "output": pack(output),
        "weigh": pack(weigh),
        "gradients": {rename(n): pack(p.grad) for n, p in net.named_parameters()},
    }


KINDS = {
    "dwsnet": DWSNet,
    "flattened": Flattened,
    "interactive_probing": InteractiveProbing,
    "noninteractive_probing": NoninteractiveProbing,
    "layerwise_statistics": LayerwiseStatistics,
    "parameter_transformer": ParameterTransformer,
    "responses": Responses,
}


def encoder_case(kind, s, options, more, count=3):
    config = {"kind": kind, "dim": 4, "spec": s, "options": options} | more
    net, rnns = KINDS[kind](config).double(), [RNN(s).double() for _ in range(count)]
    case = {"config": config, "models": [pack(np.concatenate([v.numpy().ravel() for _, v in r.named()])) for r in rnns]}
    case |= gradients(net, torch.stack([F.normalize(net.encode(r), dim=0) for r in rnns]), go_name)
    if hasattr(net, "prepare"):
        case["prepared"] = net.prepare(rnns)
    return case


def emulator_case(config):
    net = Emulator(config).double()
    steps, n = 5, 3
    z = F.normalize(torch.randn(n, config["dim"]), dim=1).double().requires_grad_()
    case = {"config": config, "steps": steps, "embedding": pack(z)}
    if config.get("real"):
        x = torch.randn(steps, n, config["inputs"]).double()
        case["inputs"] = pack(x)
    else:
        x = torch.randint(config["inputs"], (steps, n))
        case["tokens"] = x.ravel().tolist()
    case |= gradients(net, net(z, x), emulator_name)
    return case | {"embedding_gradient": pack(z.grad)}


MIXED = spec(4, layer("gru", 3, 6), layer("lstm", 6, 5), layer("rnn_tanh", 5, 3))
BOTH_WAYS = spec(3, layer("lstm", 2, 4, bidirectional=True), layer("gru", 8, 5, bidirectional=True))
PROBING = {"steps": 5, "hidden": 7, "layers": 2}

# Per file: spec, options and what else the config has.
ENCODERS = {
    "parameter_transformer": [
        (uniform("lstm", 2, 3, 2, 4), {"tokens": "row", "width": 6, "layers": 2, "heads": 2, "feed_forward": 5}, {}),
        (MIXED, {"tokens": "unit", "width": 8, "layers": 1, "heads": 4, "feed_forward": 4}, {}),
        (uniform("rnn_relu", 2, 3, 1, 0), {"tokens": "row", "width": 4, "layers": 1, "heads": 1, "feed_forward": 3}, {}),
    ],
    "dwsnet": [
        (uniform("lstm", 2, 3, 2, 4), {"channels": 3, "layers": 2, "hidden": [5]}, {}),
        (MIXED, {"channels": 2, "layers": 1, "hidden": []}, {}),
        (uniform("gru", 2, 3, 1, 0), {"channels": 3, "layers": 1, "hidden": [4]}, {}),
    ],
    "interactive_probing": [
        (uniform("lstm", 3, 8, 2, 5), PROBING, {}),
        (MIXED, {"steps": 3, "hidden": 16, "layers": 1}, {}),
        (uniform("gru", 4, 5, 1, 0), PROBING, {}),
        (uniform("lstm", 2, 5, 1, 3), PROBING, {"input_range": [-0.5, 3.0]}),
    ],
    "flattened": [
        (uniform("lstm", 2, 3, 2, 4), {"hidden": [5, 4]}, {}),
        (MIXED, {"hidden": []}, {}),
    ],
    "noninteractive_probing": [
        (uniform("lstm", 3, 8, 2, 5), PROBING, {}),
        (MIXED, {"steps": 3, "hidden": 6, "layers": 1}, {"input_range": [-1.0, 2.0]}),
    ],
    "layerwise_statistics": [
        (uniform("lstm", 3, 8, 2, 5), {"hidden": [5, 4]}, {}),
        (MIXED, {"hidden": [3]}, {}),
        (uniform("rnn_relu", 2, 3, 1, 0), {"hidden": []}, {}),
        (BOTH_WAYS, {"hidden": [2]}, {}),
    ],
    "responses": [
        (uniform("lstm", 3, 4, 2, 3), {"hidden": [5, 4]}, {}),
        (uniform("gru", 1, 4, 1, 1), {"hidden": []}, {}),
        (spec(3, layer("lstm", 2, 4, bidirectional=True), layer("rnn_tanh", 8, 5)), {"hidden": [3]}, {}),
    ],
}
EMULATORS = [
    {"dim": 3, "inputs": 4, "outputs": 4, "hidden": 6, "layers": 2},
    {"dim": 2, "inputs": 5, "outputs": 3, "hidden": 16, "layers": 1},
    {"dim": 3, "inputs": 2, "real": True, "outputs": 4, "hidden": 7, "layers": 2},
    {"dim": 3, "inputs": 2, "outputs": 4, "hidden": 6, "layers": 2, "every_step": True},
    {"dim": 2, "inputs": 3, "real": True, "outputs": 4, "hidden": 5, "layers": 1, "every_step": True},
]


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    torch.set_num_threads(1)
    versions = {"torch": torch.__version__.split("+")[0], "numpy": np.__version__}

    def write(name, make, arguments):
        torch.manual_seed(11)
        rows = [make(*a) for a in arguments]
        (out / f"{name}.json").write_text(json.dumps(versions | {"cases": rows}, separators=(",", ":")) + "\n")

    for kind, rows in ENCODERS.items():
        write(kind, encoder_case, [(kind, *row) for row in rows])
    write("emulator", emulator_case, [(e,) for e in EMULATORS])


if __name__ == "__main__":
    main()
