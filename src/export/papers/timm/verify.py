"""Compares what timm's network says of the golden pictures with what Headstart says of them.

    pip install timm torch pillow numpy safetensors && python verify.py
"""

import json
import pathlib
import sys

import numpy
import PIL.Image
import timm
import torch

folder = pathlib.Path(__file__).parent
read = lambda name: json.loads((folder / name).read_text(encoding="utf-8"))
config, golden = read("config.json"), read("golden.json")
model = timm.create_model(
    config["architecture"], num_classes=config["num_classes"], checkpoint_path=str(folder / "model.safetensors")
).eval()
about = config["pretrained_cfg"]
size = about["input_size"][1]
resampling = getattr(PIL.Image.Resampling, about["interpolation"].upper())


def prepared(picture):
    side = max(1, int(min(picture.size) * about["crop_pct"] + 0.5))
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    # Along the columns first, as Headstart does: each direction rounds to whole colours.
    square = square.resize((side, size), resampling).resize((size, size), resampling)
    values = (numpy.asarray(square) / 255 - about["mean"]) / about["std"]
    return torch.tensor(values, dtype=torch.float32).permute(2, 0, 1)[None]


worst, others = 0.0, int(config["label_names"] != golden["classes"])
for picture in golden["pictures"]:
    with torch.no_grad():
        logits = model(prepared(PIL.Image.open(folder / picture["file"]).convert("RGB")))
    found, expected = torch.softmax(logits[0].double(), 0).numpy(), numpy.array(picture["probabilities"])
    worst = max(worst, float(abs(found - expected).max()))
    first, second = sorted(expected)[:-3:-1]
    # Where two classes are as good as equally probable, either may come out first.
    others += int(first - second > golden["bound"] and found.argmax() != expected.argmax())
print(f"largest difference of a probability: {worst:.1e} (bound {golden['bound']}), other answers: {others}")
sys.exit(0 if worst <= golden["bound"] and others == 0 else 1)
