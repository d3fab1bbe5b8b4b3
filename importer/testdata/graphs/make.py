"""Makes the hand-built fixtures: make.py [NAME...], in the folder it lies in.

onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6, Python 3.11. cells.py computes the truth; ONNX Runtime must agree with it wherever
it runs the graph.
"""

import attributes
import by_hand
import structures
import weights

for module in (attributes, weights, structures, by_hand):
    module.make()
