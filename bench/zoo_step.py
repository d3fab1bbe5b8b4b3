"""Time one training step of a zoo's RNN in PyTorch, on one thread.

    python zoo_step.py [--seconds S] [--clip LIMIT]

The step: forward and backward of two LSTM layers of 32 units with a readout at
every position, mean cross-entropy, AdamW; vocabulary 6 as one-hot inputs, batch
32, 42 positions. Batches are made beforehand and not timed. Every optimiser
variant (for-loop, foreach, fused) is timed with and without oneDNN, in turns;
the last line, "best NAME MICROSECONDS", is the lowest median of CPU times, which
leave out what interrupts a step.
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
    sys.exit("zoo_step.py: PyTorch is missing for " + sys.executable + "; install it with\n    "
             + sys.executable + " -m pip install -r requirements-ci.txt\nor set PYTHON to an interpreter that has it")

# Switching oneDNN off and on warns about an unrelated setting.
warnings.filterwarnings("ignore", message="TF32 acceleration on top of oneDNN")

VOCABULARY, HIDDEN, LAYERS, BATCH, STEPS = 6, 32, 2, 32, 42
BATCHES = 16  # prepared, used in turns
WARM_UP = 20
ROUND = 25  # steps before the next variant has its turn
VARIANTS = {"for-loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}


class RNN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(VOCABULARY, HIDDEN, LAYERS)
        self.linear = torch.nn.Linear(HIDDEN, VOCABULARY)

    def forward(self, x):
        return self.linear(self.lstm(x)[0])


def make_batches():
    tokens = torch.randint(VOCABULARY, (BATCHES, STEPS + 1, BATCH))
    return [(torch.nn.functional.one_hot(t[:-1], VOCABULARY).float(), t[1:].flatten()) for t in tokens]


def stepper(options, onednn, clip, batches):
    """A function that takes the next training step."""
    torch.manual_seed(0)
    rnn = RNN()
    optimiser = torch.optim.AdamW(rnn.parameters(), lr=0.003, weight_decay=1e-4, **options)
    count = 0

    def step():
        nonlocal count
        x, targets = batches[count % BATCHES]
        count += 1
        with contextlib.nullcontext() if onednn else torch.backends.mkldnn.flags(enabled=False):
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(rnn(x).flatten(0, 1), targets)
            loss.backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(rnn.parameters(), clip)
            optimiser.step()

    return step


def measure(steps, seconds):
    """CPU times of each stepper in seconds, in turns until the time is up."""
    for step in steps.values():
        for _ in range(WARM_UP):
            step()
    times = {name: [] for name in steps}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, step in steps.items():
            for _ in range(ROUND):
                start = time.process_time()
                step()
                times[name].append(time.process_time() - start)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10, help="time to measure for, all variants together")
    parser.add_argument("--clip", type=float, default=0, help="clip the gradient norm; 0: do not, as our step does")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    batches = make_batches()
    steps = {f"{name}{'' if onednn else ',no-onednn'}": stepper(options, onednn, arguments.clip, batches)
             for name, options in VARIANTS.items() for onednn in (True, False)}
    medians = {name: 1e6 * statistics.median(t) for name, t in measure(steps, arguments.seconds).items()}
    print("torch", torch.__version__)
    for name, median in medians.items():
        print(f"variant {name} {median:.0f}")
    best = min(medians, key=medians.get)
    print(f"best {best} {medians[best]:.1f}")


if __name__ == "__main__":
    main()
