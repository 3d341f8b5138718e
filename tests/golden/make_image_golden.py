"""Golden picture preparation by Pillow: centre square, antialiased bilinear resize, normalisation.

    python make_image_golden.py image.safetensors

Three drawn pictures: small (61 wide, 37 high), tall (45 × 70), square (104 × 104). For each
  NAME.input          uint8 [H,W,3]
  NAME.32, NAME.96    uint8 [S,S,3]: the square of side c = min(W, H) from left = (W-c)//2, top = (H-c)//2, resized by
                      Image.BILINEAR (a triangle filter that widens when it shrinks). 37 → 32, 45 → 32 and 104 → 96 shrink a
                      little, 104 → 32 much, 45 → 96 enlarges. There is no small.96: it would show nothing more.
small.32.normalised   float32 [3,32,32] = (pixel / 255 - mean) / std with ImageNet's mean and std
Pillow works in fixed point and rounds between its two passes: an exact computation may differ by 1 of 255.
"""
import sys

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])
# name: (width, height, sides of the results)
PICTURES = {"small": (61, 37, (32,)), "tall": (45, 70, (32, 96)), "square": (104, 104, (32, 96))}


def drawn(width, height, seed):
    """Slow waves, which show a shift, under stripes and a disc with hard edges, which show the filter."""
    y, x = np.mgrid[0:height, 0:width]
    u, v = x / width, y / height
    planes = []
    for channel in range(3):
        wave = 0.5 + 0.3 * np.sin((5 + channel + seed) * u + (4 + 2 * channel) * v)
        stripes = 0.35 * ((x + channel) // 3 % 2) * (v > 0.7)
        disc = 0.45 * ((u - 0.5) ** 2 + (v - 0.35 - 0.05 * channel) ** 2 < 0.05)
        planes.append(wave + stripes - disc)
    return np.round(np.clip(np.stack(planes, 2), 0, 1) * 255).astype(np.uint8)


def prepare(picture, side):
    """The centre square of an RGB picture, resized."""
    width, height = picture.size
    c = min(width, height)
    left, top = (width - c) // 2, (height - c) // 2
    return np.array(picture.crop((left, top, left + c, top + c)).resize((side, side), Image.BILINEAR))


def main(out):
    golden = {}
    for seed, (name, (width, height, sides)) in enumerate(PICTURES.items()):
        picture = drawn(width, height, seed)
        golden[f"{name}.input"] = picture
        for side in sides:
            golden[f"{name}.{side}"] = prepare(Image.fromarray(picture), side)
    normalised = (golden["small.32"] / 255 - MEAN) / STD
    golden["small.32.normalised"] = np.ascontiguousarray(normalised.transpose(2, 0, 1).astype(np.float32))
    save_file(golden, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
