"""Pooled features of real photographs by Pillow and PyTorch: numbers only, the photographs are not part of the project.

    python make_real_features.py REFERENCES OUT

REFERENCES is a folder with backbones/ and tasks/NAME/{train,test}/CLASS/*.jpg. For the bundled backbone and for the torchvision
reference it writes
  OUT/{default,torchvision}.safetensors                float32
  real_features_{default,torchvision}.safetensors      the same as float16, beside this script
each holding features [N,1280], and in its metadata `paths`, a JSON list of N paths below REFERENCES/tasks: of every set, 6 test
pictures at even distances in the sorted list. A picture is turned upright by its EXIF orientation, converted to RGB, cropped to its
centre square, resized by Image.BILINEAR to the backbone's input size and normalised with its mean and std.
JPEG decoders differ by a level or two, so that features through another decoder agree to about 1 percent, not to the last digit.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file

from make_image_golden import prepare
from mobilenet_v2 import load, normalise

BACKBONES = {"default": "mobilenet-v2-0.75-128", "torchvision": "mobilenet-v2-1.0-torchvision"}
BUNDLED = pathlib.Path(__file__).parents[2] / "www/public/backbones"
PICTURES_PER_SET = 6


def chosen(tasks):
    """Paths below `tasks`, set by set."""
    paths = []
    for task in sorted(entry for entry in tasks.iterdir() if entry.is_dir()):
        test = sorted(str(path.relative_to(tasks)) for path in task.glob("test/*/*.jpg"))
        paths += [test[n * len(test) // PICTURES_PER_SET] for n in range(PICTURES_PER_SET)]
    return paths


def main(references, out):
    references, out, here = pathlib.Path(references), pathlib.Path(out), pathlib.Path(__file__).parent
    out.mkdir(parents=True, exist_ok=True)
    paths = chosen(references / "tasks")
    for name, folder in BACKBONES.items():
        model, card = load((BUNDLED if name == "default" else references / "backbones") / folder)
        side = card["pretrained_cfg"]["input_size"][1]
        pictures = []
        for path in paths:
            with Image.open(references / "tasks" / path) as file:
                picture = ImageOps.exif_transpose(file).convert("RGB")
            pictures.append(torch.from_numpy(prepare(picture, side)).permute(2, 0, 1))
        with torch.no_grad():
            features = torch.cat([model(normalise(picture[None], card)) for picture in pictures])
        assert np.isfinite(features.half().numpy()).all()
        metadata = {"backbone": folder, "paths": json.dumps(paths)}
        save_file({"features": features}, out / f"{name}.safetensors", metadata)
        save_file({"features": features.half()}, here / f"real_features_{name}.safetensors", metadata)


if __name__ == "__main__":
    main(*sys.argv[1:])
