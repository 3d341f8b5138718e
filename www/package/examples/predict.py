"""What a model says of a picture, in Python: `trainer.export('onnx', { bare: true })` or the page's export for ONNX gives model.onnx.

    pip install onnxruntime pillow numpy
    python predict.py model.onnx photo.jpg
"""

import sys

import numpy
import onnxruntime
from PIL import Image, ImageOps

model, file = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
# Upright, on white where it is transparent, and in RGB. Cropping and resizing are in the model.
photo = ImageOps.exif_transpose(Image.open(file)).convert("RGBA")
photo = Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo).convert("RGB")
probabilities, label = session.run(["probabilities", "label"], {"picture": numpy.asarray(photo)[None]})
print(f"{file}: {label[0]} ({100 * probabilities[0].max():.1f} %)")
