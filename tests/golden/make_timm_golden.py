"""The names that timm gives to the tensors of torchvision's MobileNetV2 1.0.

    python make_timm_golden.py timm_names.json

writes {torchvision key: timm key} for every tensor of the state dict. Both networks run on the same picture; the layers that hold
tensors are paired in the order in which they ran, and their shapes compared. As a check, timm's tensors under the torchvision names
must give timm's outputs, with random weights and random BatchNorm statistics.
"""
import json
import sys

import timm
import torch
from torch import nn

from mobilenet_v2 import FEATURES, MobileNetV2

CLASSES = 1000


class Classifier(MobileNetV2):
    """With torchvision's classifier: dropout, which holds no tensor, comes first."""

    def __init__(self):
        super().__init__()
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(FEATURES, CLASSES))

    def forward(self, x):
        return self.classifier(super().forward(x))


def layers_in_order(model, x):
    """(name, module) of every layer that holds tensors of its own, in the order in which they ran."""
    ran, hooks = [], []
    for name, module in model.named_modules():
        if module._parameters or module._buffers:
            hooks.append(module.register_forward_hook(lambda m, *_, name=name: ran.append((name, m))))
    model(x)
    for hook in hooks:
        hook.remove()
    return ran


def main(out):
    torch.manual_seed(19)
    ours, theirs = Classifier().eval(), timm.create_model("mobilenetv2_100", pretrained=False).eval()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
    x = torch.randn(2, 3, 224, 224)
    names = {}
    with torch.no_grad():
        for (name, module), (timm_name, timm_module) in zip(layers_in_order(ours, x), layers_in_order(theirs, x), strict=True):
            state, timm_state = module.state_dict(), timm_module.state_dict()
            shapes, timm_shapes = ({key: value.shape for key, value in s.items()} for s in (state, timm_state))
            if shapes != timm_shapes:
                raise SystemExit(f"{name} {shapes} is not {timm_name} {timm_shapes}")
            names |= {f"{name}.{key}": f"{timm_name}.{key}" for key in state}
        if set(names) != set(ours.state_dict()) or set(names.values()) != set(theirs.state_dict()):
            raise SystemExit("a tensor was left out")
        weights = theirs.state_dict()
        ours.load_state_dict({key: weights[timm_key] for key, timm_key in names.items()})
        difference = (ours(x) - theirs(x)).abs().max().item() / theirs(x).abs().max().item()
    if difference > 1e-5:
        raise SystemExit(f"the outputs differ by {difference}")
    print(f"{len(names)} tensors, timm {timm.__version__}, largest relative difference of the outputs {difference:.1e}")
    with open(out, "w") as file:
        json.dump(names, file, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
