"""Golden logits, losses and gradients of the heads by PyTorch, computed in float64 and stored as float32.

    python make_heads_golden.py heads.safetensors

  input [5,8]   labels [5] int64, 3 classes
  linear.weight [3,8], linear.bias [3]
  mlp.hidden.weight [6,8], mlp.hidden.bias [6], mlp.output.weight [3,6], mlp.output.bias [3]     8 → 6, ReLU, 6 → 3
and for each HEAD (linear, mlp)
  HEAD.logits [5,3]
  HEAD.loss, HEAD.smoothed_loss              mean cross-entropy, plain and with label smoothing 0.1:
                                             (1-s)·(-log p_y) + s/C · Σ_c (-log p_c)
  HEAD.grad.PARAMETER, HEAD.smoothed_grad.PARAMETER   their gradients, `input` included
Weights are [outputs, inputs], as PyTorch stores them.
"""
import sys

import torch
from torch import nn
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)


def main(out):
    torch.manual_seed(11)
    x = torch.randn(5, 8).float().double()
    labels = torch.tensor([0, 2, 1, 1, 0])
    hidden, output = nn.Linear(8, 6), nn.Linear(6, 3)
    heads = {
        "linear": (nn.Linear(8, 3), {"": 0}),
        "mlp": (nn.Sequential(hidden, nn.ReLU(), output), {"hidden.": 0, "output.": 2}),
    }
    golden = {"input": x, "labels": labels}
    for name, (head, parts) in heads.items():
        parameters = {}
        for prefix, index in parts.items():
            layer = head[index] if prefix else head
            layer.weight.data = layer.weight.data.float().double()
            layer.bias.data = layer.bias.data.float().double()
            parameters |= {f"{prefix}weight": layer.weight, f"{prefix}bias": layer.bias}
        golden |= {f"{name}.{key}": value.detach().clone() for key, value in parameters.items()}
        inputs = x.clone().requires_grad_()
        golden[f"{name}.logits"] = head(inputs).detach()
        for kind, smoothing in (("", 0.0), ("smoothed_", 0.1)):
            loss = nn.functional.cross_entropy(head(inputs), labels, label_smoothing=smoothing)
            golden[f"{name}.{kind}loss"] = loss.detach()
            gradients = torch.autograd.grad(loss, [*parameters.values(), inputs])
            golden |= {f"{name}.{kind}grad.{key}": g for key, g in zip([*parameters, "input"], gradients)}
    save_file({key: v if v.dtype == torch.int64 else v.float().contiguous() for key, v in golden.items()}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
