"""Write the numbers that rotated digits are tested against, with torchvision.

    python make_rotations.py MNIST [directory]

MNIST is a folder with train-images-idx3-ubyte.gz. rotations.json holds, for many
angles, which pixel each pixel of a 28 x 28 image shows after
transforms.RandomRotation (index, or -1 outside), and, for three angles and the
first two digits, the sequence of tiles after rotation, ToTensor and Normalize.
Arrays are little-endian int16 and float32 in base64.
"""

import base64
import gzip
import json
import pathlib
import sys

import numpy as np
import PIL
import PIL.Image
import torch
import torchvision
from torchvision import transforms

mnist = pathlib.Path(sys.argv[1])
directory = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).parent)


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def rotate(array, angle):
    return np.array(transforms.RandomRotation([angle, angle])(PIL.Image.fromarray(array)))


numbers = np.arange(1, 785, dtype=np.uint16).reshape(28, 28)  # 0 is what lies outside


def sources(angle):
    low, high = (rotate(part.astype(np.uint8), angle) for part in (numbers & 255, numbers >> 8))
    return low.astype(np.int16) + 256 * high.astype(np.int16) - 1


def tiles(digit, angle):
    image = transforms.Compose([transforms.RandomRotation([angle, angle]), transforms.ToTensor(),
                                transforms.Normalize((0.1307,), (0.3081,))])(PIL.Image.fromarray(digit))
    patches = torch.nn.functional.unfold(image[None], 4, stride=4)[0].T  # row by row
    return torch.cat([torch.zeros(1, 16), patches]).numpy()


angles = [0, 30, 45, 60, 90, 135, 180, 225, 270, 315, 1, 359, 0.25, 170.48465967178345]
angles += [float(a) for a in np.random.default_rng(0).random(46, dtype=np.float32) * 360]
with gzip.open(mnist / "train-images-idx3-ubyte.gz") as f:
    digits = np.frombuffer(f.read(16 + 2 * 784), np.uint8, offset=16).reshape(2, 28, 28)
json.dump({
    "torchvision": torchvision.__version__, "pillow": PIL.__version__,
    "rotations": [{"angle": a, "sources": encode(sources(a).astype("<i2"))} for a in angles],
    "digits": [{"angle": a, "image": i, "inputs": encode(tiles(d, a).astype("<f4"))}
               for a in (0, 170.48465967178345, 301.5) for i, d in enumerate(digits)],
}, (directory / "rotations.json").open("w"), indent=1)
