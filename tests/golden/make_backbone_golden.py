"""Golden numbers of a backbone folder, by PyTorch on the CPU in float32, on two drawn pictures.

    python make_backbone_golden.py ../../www/public/backbones/mobilenet-v2-0.75-128 mobilenet-v2-0.75-128.safetensors

writes
  pictures                 [2,3,S,S]  two drawn pictures, uint8; the network sees them normalised with the card's mean and std
  features.16              output of stage 16, inference mode
  features.N               the same of other stages (0 stem, 1..17 inverted residuals, 18 last convolution), sampled
  pooled                   [2,1280]   global average of features.18
  head.weight, head.bias   [5,1280], [5]  a fixed linear head
  labels                   [2]        the two labels
  loss, grad.*             cross-entropy and its gradients, sampled, for the head and for every parameter of features.17, BatchNorm frozen
  losses                   [4]        the loss before each of 4 Adam steps (rate 1e-3, betas 0.9 and 0.999, eps 1e-8, no decay) on
                                      features.17, features.18 and the head; BatchNorm statistics frozen, its affine parameters trained
Sampled is a tensor of n values as a vector of m = min(n, 1024): those at n·i/m, rounded down.
"""
import sys

import torch
from torch import nn
from safetensors.torch import save_file

from mobilenet_v2 import FEATURES, load, normalise

STAGES = (0, 1, 6, 13, 16, 18)
CLASSES = 5
SAMPLES = 1024


def sampled(values):
    values = values.detach().flatten()
    count = min(len(values), SAMPLES)
    return values[torch.arange(count) * len(values) // count]


def drawn(size):
    """Two pictures of soft waves with a disc, uint8 [2,3,S,S]."""
    v, u = torch.meshgrid(torch.linspace(0, 1, size), torch.linspace(0, 1, size), indexing="ij")
    pictures = []
    for n in (1, 2):
        disc = ((u - 0.5) ** 2 + (v - 0.4) ** 2 < 0.06 * n).float()
        planes = [torch.sin((7 * n + c) * u + (3 + c) * v) * 0.25 + 0.5 * disc + 0.25 for c in range(3)]
        pictures.append((torch.stack(planes).clamp(0, 1) * 255).round().to(torch.uint8))
    return torch.stack(pictures)


def main(folder, out):
    model, card = load(folder)
    golden = {"pictures": drawn(card["pretrained_cfg"]["input_size"][1])}
    with torch.no_grad():
        x = normalise(golden["pictures"], card)
        for n, stage in enumerate(model.features):
            x = stage(x)
            if n in STAGES:
                golden[f"features.{n}"] = x if n == 16 else sampled(x)
        golden["pooled"] = x.mean((2, 3))

    torch.manual_seed(0)
    head = nn.Linear(FEATURES, CLASSES)
    nn.init.normal_(head.weight, std=0.02)
    nn.init.zeros_(head.bias)
    labels = torch.tensor([1, 3])
    golden |= {"head.weight": head.weight.detach().clone(), "head.bias": head.bias.detach().clone(), "labels": labels}

    tail = nn.Sequential(model.features[17], model.features[18])

    def loss():
        return nn.functional.cross_entropy(head(tail(golden["features.16"]).mean((2, 3))), labels)

    value = loss()
    value.backward()
    golden["loss"] = value.detach()
    for key, parameter in model.features[17].named_parameters():
        golden[f"grad.features.17.{key}"] = sampled(parameter.grad)
    for key, parameter in head.named_parameters():
        golden[f"grad.head.{key}"] = sampled(parameter.grad)

    optimiser = torch.optim.Adam([*tail.parameters(), *head.parameters()], lr=1e-3)
    losses = []
    for _ in range(4):
        value = loss()
        losses.append(value.item())
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    golden["losses"] = torch.tensor(losses)
    save_file({key: value.contiguous() for key, value in golden.items()}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
