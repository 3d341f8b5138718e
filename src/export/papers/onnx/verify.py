"""Compares what ONNX Runtime says of the golden pictures with what Headstart says of them.

    pip install onnxruntime pillow numpy && python verify.py
"""

import json
import pathlib
import sys

import numpy
import onnxruntime
import PIL.Image

folder = pathlib.Path(__file__).parent
golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
worst, others = 0.0, int(classes != golden["classes"])
for picture in golden["pictures"]:
    pixels = numpy.asarray(PIL.Image.open(folder / picture["file"]).convert("RGB"))[None]
    probabilities, label = session.run(None, {"picture": pixels})
    expected = numpy.array(picture["probabilities"])
    worst = max(worst, float(abs(probabilities[0] - expected).max()))
    first, second = sorted(expected)[:-3:-1]
    # Where two classes are as good as equally probable, either may come out first.
    others += first - second > golden["bound"] and str(label[0]) != classes[int(expected.argmax())]
print(f"largest difference of a probability: {worst:.1e} (bound {golden['bound']}), other answers: {others}")
sys.exit(0 if worst <= golden["bound"] and others == 0 else 1)
