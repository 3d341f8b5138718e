"""Golden outputs and gradients of single layers by PyTorch, computed in float64 and stored as float32.

    python make_layers_golden.py layers.safetensors

For each LAYER:
  LAYER.input             [N,C,H,W]
  LAYER.param.NAME        its parameters; BatchNorm also has running_mean and running_var, and eps 1e-5
  LAYER.output            in inference mode (BatchNorm by its running statistics)
  LAYER.output_weights    the fixed weights of the sum Σ output·output_weights, whose gradients are
  LAYER.grad.input, LAYER.grad.NAME

Layers (bias in every plain convolution; odd and even sides, since padding treats them differently):
  conv_stride2          3×3, stride 2, padding 1, 3 → 4 channels, input 7×6
  depthwise_stride1     3×3, stride 1, padding 1, 5 channels, input 6×5
  depthwise_stride2     3×3, stride 2, padding 1, 5 channels, input 7×6
  depthwise_stride2_odd the same on 5×5
  pointwise             1×1, 6 → 4 channels, input 3×4
  batch_norm            4 channels, with affine parameters
  relu6                 values below 0, between and above 6, none within 1e-2 of a kink
  global_average_pool   [2,5,3,4] → [2,5]
  inverted_residual     expansion 6, 3 → 3 channels, stride 1: the input is added; keys as torchvision's MobileNetV2
  inverted_residual_stride2   expansion 6, 3 → 5 channels, stride 2: nothing is added
  inverted_residual_unexpanded  no expansion, 4 → 3 channels, stride 1
"""
import sys

import torch
from torch import nn
from safetensors.torch import save_file

from mobilenet_v2 import InvertedResidual

torch.set_default_dtype(torch.float64)


class GlobalAveragePool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def away_from_kinks(x):
    """Moves values that lie within 1e-2 of 0 or 6, where a rounding error would flip the gradient."""
    for kink in (0.0, 6.0):
        x = torch.where((x - kink).abs() < 1e-2, kink + 2e-2, x)
    return x


def randomised(layer):
    """Rounded random parameters and, where there are any, running statistics unlike those of a fresh layer."""
    for module in layer.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data = torch.rand_like(module.weight) + 0.5
            module.bias.data = torch.randn_like(module.bias) * 0.5 + 0.5
            module.running_mean.copy_(torch.randn_like(module.running_mean) * 0.3)
            module.running_var.copy_(torch.rand_like(module.running_var) + 0.3)
    return layer.float().double().eval()


def main(out):
    torch.manual_seed(13)
    layers = {
        "conv_stride2": (nn.Conv2d(3, 4, 3, 2, 1), (2, 3, 7, 6)),
        "depthwise_stride1": (nn.Conv2d(5, 5, 3, 1, 1, groups=5), (2, 5, 6, 5)),
        "depthwise_stride2": (nn.Conv2d(5, 5, 3, 2, 1, groups=5), (2, 5, 7, 6)),
        "depthwise_stride2_odd": (nn.Conv2d(5, 5, 3, 2, 1, groups=5), (1, 5, 5, 5)),
        "pointwise": (nn.Conv2d(6, 4, 1), (2, 6, 3, 4)),
        "batch_norm": (nn.BatchNorm2d(4), (2, 4, 3, 4)),
        "relu6": (nn.ReLU6(), (2, 3, 4, 4)),
        "global_average_pool": (GlobalAveragePool(), (2, 5, 3, 4)),
        "inverted_residual": (InvertedResidual(3, 3, 1, 6), (2, 3, 6, 5)),
        "inverted_residual_stride2": (InvertedResidual(3, 5, 2, 6), (2, 3, 6, 5)),
        "inverted_residual_unexpanded": (InvertedResidual(4, 3, 1, 1, expand=False), (2, 4, 5, 5)),
    }
    golden = {}
    for name, (layer, shape) in layers.items():
        layer = randomised(layer)
        x = torch.randn(shape) * (4 if name == "relu6" else 1)
        x = away_from_kinks(x.float().double()).float().double().requires_grad_()
        y = layer(x)
        weights = torch.randn_like(y).float().double()
        parameters = dict(layer.named_parameters())
        gradients = torch.autograd.grad((y * weights).sum(), [*parameters.values(), x])
        golden |= {f"{name}.input": x.detach(), f"{name}.output": y.detach(), f"{name}.output_weights": weights}
        state = {key: value for key, value in layer.state_dict().items() if not key.endswith("num_batches_tracked")}
        golden |= {f"{name}.param.{key}": value for key, value in state.items()}
        golden |= {f"{name}.grad.{key}": value for key, value in zip([*parameters, "input"], gradients)}
    assert {-1, 0, 1} == {int(v) for v in ((golden["relu6.input"] > 6).int() - (golden["relu6.input"] < 0).int()).unique()}
    save_file({key: value.float().contiguous() for key, value in golden.items()}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
