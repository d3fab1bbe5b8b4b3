"""Write the arrays that package npy is tested against, with NumPy.

    python make_fixtures.py [directory]

values.json holds, for each file, the element type, the shape and the elements.
"""

import json
import pathlib
import sys

import numpy as np

directory = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
values = {}


def save(name, array, version=None):
    with open(directory / f"{name}.npy", "wb") as f:
        np.lib.format.write_array(f, array, version=version)
    values[f"{name}.npy"] = {"dtype": array.dtype.str[1:], "shape": array.shape,
                             "elements": [float(x) for x in array.flatten()]}


for dtype in ("<i2", "<i4", "<i8", "<f2", "<f4", "<f8"):
    save(dtype[1:], (np.arange(-6, 6).reshape(2, 3, 2) * (1 if dtype[1] == "i" else 0.3)).astype(dtype))
save("version_2", np.array([[0.1, 2.5]]), (2, 0))
save("version_3", np.array([7, -32768], dtype="<i2"), (3, 0))
save("scalar", np.array(0.5, dtype="<f4"))
save("empty", np.zeros((0, 5), dtype="<f4"))
save("half_extremes", np.array([65504, 6e-8, -0.0, 2**-14, 1 / 3], dtype="<f2"))
values["numpy"] = np.__version__
(directory / "values.json").write_text(json.dumps(values, indent=1) + "\n")
