"""Time training steps of encoders and the emulator in PyTorch, on one thread.

    python encoder_steps.py [--seconds S] [--only NAME]

The models and sizes are those of BenchmarkEncoderSteps (encoder_steps_test.go):
forward, backward, gradient clipping, AdamW. Every optimiser variant (foreach,
fused) is timed with and without oneDNN, in turns; a line "best NAME VARIANT
MILLISECONDS" gives a workload's lowest median of CPU times.
"""

import argparse
import contextlib
import statistics
import sys
import time
import warnings

try:
    import torch
except ImportError:
    sys.exit("encoder_steps.py: PyTorch is missing for " + sys.executable + "; install it with\n    "
             + sys.executable + " -m pip install -r requirements-ci.txt\nor set PYTHON to an interpreter that has it")
from torch import nn
from torch.nn import functional as F

# Switching oneDNN off and on warns about an unrelated setting.
warnings.filterwarnings("ignore", message="TF32 acceleration on top of oneDNN")

BATCH, LENGTH, DIM, VOCABULARY, CLIP, RATE = 64, 42, 16, 6, .1, 1e-4
SEQUENCES, TOKENS, WIDTH, HEADS, DEPTH = 8, 526, 128, 4, 6
PROBES, INTERROGATE, UNITS = 40, 256, 32
SHAPES = [(128, 6), (128, 32), (128,), (128,), (128, 32), (128, 32), (128,), (128,), (6, 32), (6,)]  # of one RNN
VARIANTS = {"foreach": {"foreach": True}, "fused": {"fused": True}}


def mlp(*widths):
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), nn.GELU(approximate="tanh")]
    return nn.Sequential(*layers[:-1])


def population():
    return [.2 * torch.randn(BATCH, *s) for s in SHAPES]


class Emulator(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.enter = nn.Embedding(VOCABULARY, 256), nn.Linear(DIM, 256)
        self.lstm, self.out = nn.LSTM(256, 256, 2), nn.Linear(256, VOCABULARY)
        self.tokens = torch.randint(VOCABULARY, (LENGTH, BATCH))
        self.z, self.target = torch.randn(BATCH, DIM), torch.randn(LENGTH, BATCH, VOCABULARY).softmax(-1)

    def forward(self):
        x = self.table(self.tokens)
        x = torch.cat([x[:1] + self.enter(self.z), x[1:]])
        p = self.out(self.lstm(x)[0]).softmax(-1)
        return (p - self.target).abs().sum(-1).mean() / 2


class Encoding(nn.Module):
    """An encoder's step towards given embeddings."""

    def __init__(self):
        super().__init__()
        self.rnns, self.target = population(), torch.randn(BATCH, DIM)

    def forward(self):
        return F.mse_loss(self.encode(self.rnns), self.target)


class Flattened(Encoding):
    def __init__(self, hidden=128):
        super().__init__()
        n = sum(w[0].numel() for w in self.rnns)
        self.scale, self.shift = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n))
        self.mlp = mlp(n, hidden, 128, DIM)

    def encode(self, rnns):
        return self.mlp(torch.cat([w.flatten(1) for w in rnns], 1) * self.scale + self.shift)


class LayerwiseStatistics(Encoding):
    def __init__(self):
        super().__init__()
        n = 7 * (2 * 4 * 4 + 2)
        self.scale, self.shift, self.mlp = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n)), mlp(n, 256, 256, DIM)
        self.quantiles = torch.tensor([0, .25, .5, .75, 1])

    def encode(self, rnns):
        features = []
        for i, w in enumerate(rnns):
            x = w.view(BATCH, 4 if i < 8 else 1, -1)  # gate by gate
            quantiles = torch.quantile(x, self.quantiles, dim=2).permute(1, 2, 0)
            features.append(torch.cat([torch.stack([x.mean(2), x.std(2, unbiased=False)], 2), quantiles], 2).flatten(1))
        x = torch.cat(features, 1) * self.scale + self.shift
        return self.mlp(4 * torch.tanh(x / 4))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0, activation=nn.GELU(approximate="tanh"), batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, DEPTH, enable_nested_tensor=False)
        self.out = nn.Linear(WIDTH, DIM)
        self.x, self.target = torch.randn(SEQUENCES, TOKENS, WIDTH), torch.randn(SEQUENCES, DIM)

    def forward(self):
        return F.mse_loss(self.out(self.layers(self.x).mean(1)), self.target)


class InteractiveProbing(Encoding):
    def __init__(self):
        super().__init__()
        self.codes, self.probe = nn.Parameter(torch.randn(PROBES, INTERROGATE)), nn.Linear(INTERROGATE, VOCABULARY)
        self.read, self.embed = nn.Linear(3 * VOCABULARY, INTERROGATE), nn.Linear(INTERROGATE, DIM)
        self.interrogator = nn.ModuleList(nn.LSTM(INTERROGATE, INTERROGATE) for _ in range(2))

    def encode(self, rnns):
        """nn.LSTM over one step is faster here than nn.LSTMCell: it may use oneDNN."""
        ih, hh, bias = [rnns[0], rnns[4]], [rnns[1], rnns[5]], [rnns[2] + rnns[3], rnns[6] + rnns[7]]
        probed = [(torch.zeros(BATCH, UNITS, 1), torch.zeros(BATCH, UNITS, 1))] * 2
        states = [(torch.zeros(1, BATCH, INTERROGATE), torch.zeros(1, BATCH, INTERROGATE))] * 2
        for code in self.codes:
            question = self.probe(code + states[-1][0][0]).softmax(1)
            x = question.unsqueeze(2)
            for i, (h, c) in enumerate(probed):
                gates = torch.baddbmm(torch.baddbmm(bias[i].unsqueeze(2), ih[i], x), hh[i], h)
                gate, forget, new, out = gates.chunk(4, 1)
                c = forget.sigmoid() * c + gate.sigmoid() * new.tanh()
                x = out.sigmoid() * c.tanh()
                probed[i] = x, c
            answer = torch.baddbmm(rnns[9].unsqueeze(2), rnns[8], x).squeeze(2)
            x = F.gelu(self.read(torch.cat([question, .2 * answer, answer.softmax(1)], 1)), approximate="tanh")
            for i, layer in enumerate(self.interrogator):
                h, states[i] = layer(x.unsqueeze(0), states[i])
                x = x + h[0]
        return self.embed(states[-1][0][0])


WORKLOADS = {"emulator": Emulator, "flattened": Flattened, "flattened_wide": lambda: Flattened(768), "layerwise_statistics": LayerwiseStatistics,
             "transformer": Transformer, "interactive_probing": InteractiveProbing}


def stepper(workload, options, onednn):
    """A function that takes the next training step."""
    torch.manual_seed(0)
    model = workload()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, **options)

    def step():
        with contextlib.nullcontext() if onednn else torch.backends.mkldnn.flags(enabled=False):
            optimiser.zero_grad()
            model().backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimiser.step()

    return step


def measure(steps, seconds):
    """CPU times of each stepper in seconds, in turns until the time is up."""
    for step in steps.values():
        for _ in range(2):
            step()
    times = {name: [] for name in steps}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or min(map(len, times.values())) < 3:
        for name, step in steps.items():
            start = time.process_time()
            step()
            times[name].append(time.process_time() - start)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10, help="time to measure each workload for, all variants together")
    parser.add_argument("--only", help="one workload: " + ", ".join(WORKLOADS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("torch", torch.__version__)
    for name in [arguments.only] if arguments.only else WORKLOADS:
        steps = {f"{variant}{'' if onednn else ',no-onednn'}": stepper(WORKLOADS[name], options, onednn)
                 for variant, options in VARIANTS.items() for onednn in (True, False)}
        medians = {variant: 1e3 * statistics.median(t) for variant, t in measure(steps, arguments.seconds).items()}
        for variant, median in medians.items():
            print(f"variant {name} {variant} {median:.2f}")
        best = min(medians, key=medians.get)
        print(f"best {name} {best} {medians[best]:.3f}", flush=True)


if __name__ == "__main__":
    main()
