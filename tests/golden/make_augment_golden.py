"""Golden pictures by torchvision, for the changes that src/augment.rs makes.

    python make_augment_golden.py augment.safetensors

All are uint8 [24,24,3]; the picture is smooth with some noise in it.
  picture
  brightness_F, contrast_F       functional.adjust_brightness and adjust_contrast with the factor F = 0.0, 0.6, 1.4
  brightness_1.3_contrast_0.7    the one, then the other
  affine                         functional.affine: turned by 25 degrees clockwise and enlarged 1.25 times about the middle, then
                                 moved by (2, -1) pixels; bilinear, black outside
  affine_flipped                 the same, mirrored left to right after it
  affine_inside                  1 where all that a pixel of `affine` was made of lies in the picture, otherwise 0
"""
import sys

import torch
from safetensors.torch import save_file
from torchvision.transforms import InterpolationMode, functional

SIDE = 24


def affine(picture):
    return functional.affine(picture, 25.0, [2, -1], 1.25, [0.0, 0.0], InterpolationMode.BILINEAR, 0.0)


def main(out):
    torch.manual_seed(23)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 5, 5), SIDE, mode="bicubic")[0]
    picture = ((smooth + 0.1 * torch.randn(3, SIDE, SIDE)).clamp(0, 1) * 255).round().byte()
    golden = {"picture": picture}
    for factor in (0.0, 0.6, 1.4):
        golden[f"brightness_{factor}"] = functional.adjust_brightness(picture, factor)
        golden[f"contrast_{factor}"] = functional.adjust_contrast(picture, factor)
    both = functional.adjust_contrast(functional.adjust_brightness(picture, 1.3), 0.7)
    golden["brightness_1.3_contrast_0.7"] = both
    golden["affine"] = affine(picture)
    golden["affine_flipped"] = functional.hflip(golden["affine"])
    golden["affine_inside"] = (affine(torch.ones(3, SIDE, SIDE)) > 0.9999).byte()
    save_file({key: value.permute(1, 2, 0).contiguous() for key, value in golden.items()}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
