"""MobileNetV2 in PyTorch with torchvision's key names: the independent implementation behind the golden files of this folder.

Stages are numbered as torchvision does: features.0 is the stem, 1..17 the inverted residuals, 18 the last convolution; the picture's
features are the global average of features.18.
"""
import json
import pathlib

import torch
from torch import nn

from read_int8 import read

# (expansion, channels, repeats, first stride) of each group of inverted residuals.
GROUPS = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
FEATURES = 1280


def divisible(channels, by=8):
    """Channels rounded to a multiple of `by`, never losing more than a tenth."""
    rounded = max(by, int(channels + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * channels else rounded


def convolution(inputs, outputs, kernel=1, stride=1, groups=1, activation=True, folded=False):
    """Convolution, BatchNorm (or a bias, where it was folded away) and ReLU6, as a list of modules."""
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=folded)]
    if not folded:
        layers.append(nn.BatchNorm2d(outputs))
    if activation:
        layers.append(nn.ReLU6())
    return layers


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, linear projection; the input is added where the shape allows."""

    def __init__(self, inputs, outputs, stride, expansion, expand=True, folded=False):
        super().__init__()
        hidden = inputs * expansion
        stages = [nn.Sequential(*convolution(inputs, hidden, folded=folded))] if expand else []
        stages.append(nn.Sequential(*convolution(hidden, hidden, 3, stride, hidden, folded=folded)))
        stages += convolution(hidden, outputs, activation=False, folded=folded)
        self.conv = nn.Sequential(*stages)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self, width=1.0, expand_first=False, folded=False):
        super().__init__()
        channels = divisible(32 * width)
        stages = [nn.Sequential(*convolution(3, channels, 3, 2, folded=folded))]
        for expansion, base, repeats, stride in GROUPS:
            for n in range(repeats):
                outputs = divisible(base * width)
                expand = expansion != 1 or expand_first
                stages.append(InvertedResidual(channels, outputs, stride if n == 0 else 1, expansion, expand, folded))
                channels = outputs
        stages.append(nn.Sequential(*convolution(channels, FEATURES, folded=folded)))
        self.features = nn.Sequential(*stages)

    def forward(self, x):
        return self.features(x).mean((2, 3))


def load(folder):
    """The backbone of a folder in inference mode (float32), and its card."""
    folder = pathlib.Path(folder)
    card = json.loads((folder / "config.json").read_text())
    model = MobileNetV2(card["width"], card.get("expand_first", False), card["batch_norm"] == "folded")
    tensors = {key: torch.from_numpy(value) for key, value in read(folder / "model.safetensors").items()}
    missing, _ = model.load_state_dict(tensors, strict=False)
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing:
        raise SystemExit(f"{folder} lacks {missing}")
    return model.eval(), card


def normalise(pictures, card):
    """uint8 [N,3,S,S] to float32, by the card's mean and std."""
    mean, std = (torch.tensor(card["pretrained_cfg"][key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    return (pictures.float() / 255 - mean) / std
