"""Compares what timm's network says of the golden pictures with what Headstart says of them.

    pip install timm torch pillow numpy safetensors && python verify.py

`prepare` is how Headstart prepares a picture, to the pixel; it needs numpy and Pillow alone.
"""

import json
import pathlib
import sys

import numpy
import PIL.Image
import PIL.ImageOps


def prepare(picture, about):
    """A picture of Pillow as the network sees it: float32 `[1, 3, size, size]`. `about` is `pretrained_cfg` in config.json."""
    rgba = numpy.asarray(PIL.ImageOps.exif_transpose(picture).convert("RGBA"))
    height, width = rgba.shape[:2]
    side = max(1, int(min(height, width) * about["crop_pct"] + 0.5))
    top, left = (height - side) // 2, (width - side) // 2
    rgba = rgba[top : top + side, left : left + side].astype(numpy.int32)
    colour, alpha = rgba[..., :3], rgba[..., 3:]
    square = (colour * alpha + 255 * (255 - alpha) + 127) // 255
    shares, one = filter_of(side, about["input_size"][1], about["interpolation"])
    # Along the columns first: each direction rounds to whole colours.
    low = resized(square, shares, one)
    small = resized(low.transpose(1, 0, 2), shares, one).transpose(1, 0, 2)
    values = (small / 255 - about["mean"]) / about["std"]
    return values.transpose(2, 0, 1)[None].astype(numpy.float32)


def filter_of(side, size, interpolation):
    """What each of `size` pixels takes of each of `side`, in whole steps, and how many of these are one."""
    # Twice the centres of the pixels, each in the other's unit, are whole numbers; the filter grows as wide as the picture is reduced.
    old, new = (2 * numpy.arange(side) + 1) * size, (2 * numpy.arange(size) + 1) * side
    apart = abs(old - new[:, None]) / (2 * max(side, size))
    if interpolation == "bilinear":
        shares = numpy.maximum(1 - apart, 0)
    else:  # bicubic, a = −0.5
        near, far = ((1.5 * apart - 2.5) * apart) * apart + 1, ((-0.5 * apart + 2.5) * apart - 4) * apart + 2
        shares = numpy.where(apart < 1, near, numpy.where(apart < 2, far, 0))
    shares /= shares.sum(axis=1, keepdims=True)
    # As many bits, up to 21, as leave the largest share in 15.
    one = max(2**bits for bits in range(22) if int(shares.max() * 2**bits + 0.5) < 2**15)
    return numpy.floor(shares * one + 0.5).astype(numpy.int32), one


def resized(pixels, shares, one):
    """Pixels made of those along the first axis, rounded to whole colours."""
    sums = numpy.stack([numpy.tensordot(row[row != 0], pixels[row != 0], 1) for row in shares])
    return numpy.clip((sums + one // 2) // one, 0, 255)


def main():
    import timm
    import torch

    folder = pathlib.Path(__file__).parent
    read = lambda name: json.loads((folder / name).read_text(encoding="utf-8"))
    config, golden = read("config.json"), read("golden.json")
    model = timm.create_model(
        config["architecture"], num_classes=config["num_classes"], checkpoint_path=str(folder / "model.safetensors")
    ).eval()
    worst, others = 0.0, int(config["label_names"] != golden["classes"])
    for picture in golden["pictures"]:
        seen = prepare(PIL.Image.open(folder / picture["file"]), config["pretrained_cfg"])
        with torch.no_grad():
            logits = model(torch.from_numpy(seen))
        found, expected = torch.softmax(logits[0].double(), 0).numpy(), numpy.array(picture["probabilities"])
        worst = max(worst, float(abs(found - expected).max()))
        first, second = sorted(expected)[:-3:-1]
        # Where two classes are as good as equally probable, either may come out first.
        others += int(first - second > golden["bound"] and found.argmax() != expected.argmax())
    print(f"largest difference of a probability: {worst:.1e} (bound {golden['bound']}), other answers: {others}")
    return 0 if worst <= golden["bound"] and others == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
