"""Golden files of every architecture, from timm's models with weights that a formula gives.

    pip install timm torch torchvision safetensors
    python make_architectures_golden.py architectures [NAME ...]

writes NAME.json and NAME.safetensors into the folder `architectures`, for all of ARCHITECTURES or those named. The weights are in
no file: `values` below makes them, and tests/common/formula.rs and tests/browser/support/formula.ts make the same ones.

NAME.json
    architecture     timm's name
    gain             scales the weights of convolutions and dense layers, so that activations neither vanish nor explode
    config           a config.json in timm's layout for pictures of the golden size, all of a picture kept (crop_pct 1)
    published        what timm says: input size, crop_pct, num_features, head_hidden_size, which is num_features in cards that older
                     versions of timm wrote, and the multiplications at this size
    parameters       without the classifier (for VGG without all its dense layers); BatchNorm's statistics are none
    multiplications  of one picture of the golden size, in convolutions and dense layers without the classifier
    modules          [name, kind, shape of the weight] of every module that has tensors; what tensors they are: see `tensors`
    unused           modules of the classifier of the pretraining
    stages           [timm's modules, shape behind it] of each stage, in order: stem; each block; last convolution. The maps are cut there
    tail             how many of the last stages are fine-tuned
    gradients        the tensors whose gradients are kept: those of the first stage and of the tail. The first stage's depend on every
                     unit behind it, and one that rounding carries across a kink moves them by up to a tenth
    torchvision      the same network there: its name, its modules as above with the name of timm's module that holds the same
    examples         [tensor, index, value] of the formula

NAME.safetensors, float32, computed in float64; `samples` below says which values are kept
    maps [stages, 128], maps.max [stages]   feature maps of the two normalised pictures `input`
    features [256], features.max [1]        their pooled features, sampled over both
    loss [1]                                cross-entropy of LABELS behind a linear head of 3 classes, BatchNorm in inference mode
    gradients [tensors, 32], gradients.max [tensors]
    picture [features]                      all pooled features of the RGB picture `picture`
    torchvision [256], torchvision.max [1]  as `features`, of torchvision's network with the same weights
"""
import json
import math
import sys
from pathlib import Path

import numpy
import timm
import torch
import torchvision
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional

# timm's name: gain, golden size, stages in the tail, torchvision's name.
ARCHITECTURES = {
    "mobilenetv1_100": (1.37, 65, 2, None),
    "mobilenetv2_100": (1.22, 65, 2, "mobilenet_v2"),
    "mobilenetv2_050": (1.22, 64, 2, None),
    "mobilenetv3_large_100": (1.25, 65, 3, "mobilenet_v3_large"),
    "mobilenetv3_small_100": (1.45, 96, 3, "mobilenet_v3_small"),
    "mobilenetv4_conv_small": (1.1, 65, 3, None),
    "lcnet_050": (1.58, 65, 3, None),
    "resnet18": (1.2, 65, 2, "resnet18"),
    "resnet26": (1.0, 65, 3, None),
    "resnet34": (1.0, 64, 2, "resnet34"),
    "resnet50": (0.94, 65, 2, "resnet50"),
    "efficientnet_b0": (1.45, 65, 3, "efficientnet_b0"),
    "tf_efficientnet_b0": (1.45, 72, 3, None),
    "efficientnet_lite0": (1.22, 64, 2, None),
    "tf_efficientnet_lite0": (1.24, 72, 2, None),
    "vgg16": (1.4, 64, 2, "vgg16"),
    "vgg16_bn": (1.28, 65, 2, "vgg16_bn"),
    "inception_v3": (1.4, 107, 3, "inception_v3"),
}
LABELS = [0, 2]
MAP_SAMPLES, FEATURE_SAMPLES, GRADIENT_SAMPLES = 128, 256, 32
LIMIT = 60_000
# Where a gradient jumps: at these inputs of an activation, and where two maxima of a pooling are equal. Rounding must not carry a
# unit of the tail across, so its distance has to be this many times what float32 rounds there.
KINKS = {"ReLU": (0,), "ReLU6": (0, 6), "Hardswish": (-3, 3), "Hardsigmoid": (-3, 3)}
LEAST_DISTANCE = 1.5


def seed(name):
    """FNV-1a with 32 bits of a name's bytes."""
    hash = 0x811C9DC5
    for byte in name.encode():
        hash = (hash ^ byte) * 0x01000193 & 0xFFFFFFFF
    return hash


def bits(name, index):
    """32 bits for a name and an index: the finaliser of MurmurHash3 of the seed xor the index times 2^32 / golden ratio."""
    x = (seed(name) ^ (numpy.asarray(index, numpy.uint64) * 0x9E3779B1 & 0xFFFFFFFF)).astype(numpy.uint64)
    x = (x ^ x >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    x = (x ^ x >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return x ^ x >> 16


def unit(name, index):
    """Multiples of 2^-23 in [-1, 1), from the upper 24 bits."""
    return (bits(name, index) >> 8).astype(numpy.float64) / (1 << 23) - 1


def values(name, shape, gain):
    """A tensor's values: middle + spread * unit in float64, rounded to float32."""
    if name.endswith(".num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    if name.endswith(".running_var"):
        middle, spread = 1, 0.5
    elif name.endswith((".running_mean", ".bias")):
        middle, spread = 0, 0.25
    elif len(shape) == 1:
        middle, spread = 1, 0.25
    else:
        middle, spread = 0, gain * math.sqrt(3 / math.prod(shape[1:]))
    each = middle + spread * unit(name, numpy.arange(math.prod(shape)))
    return torch.from_numpy(each.astype(numpy.float32).reshape(shape))


def waves(name, planes, size):
    """[planes, size, size] of fields of 8 pixels each and noise, apart: both in [-1, 1)."""
    fields = -(-size // 8)
    plane, y, x = numpy.meshgrid(numpy.arange(planes), numpy.arange(size), numpy.arange(size), indexing="ij")
    coarse = unit(f"{name}.fields", (plane * fields + y // 8) * fields + x // 8)
    return coarse, unit(f"{name}.noise", (plane * size + y) * size + x)


def normalised(size):
    """Two normalised pictures [2, 3, size, size]: 1.5 * fields + 0.5 * noise, rounded to float32."""
    coarse, noise = waves("input", 6, size)
    return torch.from_numpy((1.5 * coarse + 0.5 * noise).astype(numpy.float32).reshape(2, 3, size, size))


def picture(size):
    """A picture [3, size, size] of bytes: the floor of 128 + 96 * fields + 31 * noise."""
    coarse, noise = waves("picture", 3, size)
    return torch.from_numpy(numpy.floor(128 + 96 * coarse + 31 * noise))


def samples(name, tensor, count):
    """`count` values of a tensor, at bits(name, i) modulo its length, and its largest magnitude."""
    flat = tensor.detach().reshape(-1)
    at = bits(name, numpy.arange(count)) % flat.numel()
    return flat[torch.from_numpy(at.astype(numpy.int64))].numpy(), flat.abs().max().item()


def modules_of(model):
    """[name, kind, shape] of the modules with tensors; kind is `norm`, `weight` or `weight and bias`."""
    found = []
    for name, module in model.named_modules():
        own = {key: list(value.shape) for key, value in module.state_dict().items() if "." not in key}
        if own:
            kind = "norm" if "running_mean" in own else " and ".join(own)
            found.append([name, kind, own["weight"]])
    names = [tensor for module in found for tensor, _ in tensors(*module)]
    if names != list(model.state_dict()):
        raise SystemExit("the modules do not make the list of tensors")
    return found


def tensors(module, kind, shape):
    """Names and shapes of a module's tensors."""
    parts = {"weight": shape}
    if kind != "weight":
        parts["bias"] = shape[:1]
    if kind == "norm":
        parts |= {"running_mean": shape, "running_var": shape, "num_batches_tracked": []}
    return [(f"{module}.{part}", shape) for part, shape in parts.items()]


def stages_of(model):
    """[[module's name, ...], ...]: what Headstart calls stages."""
    children = dict(model.named_children())
    if "layer1" in children:
        stem = [name for name in ("conv1", "bn1", "act1", "maxpool") if name in children]
        return [stem] + [[f"layer{n}.{b}"] for n in range(1, 5) for b in range(len(children[f"layer{n}"]))]
    if "blocks" in children:
        blocks = [[f"blocks.{s}.{b}"] for s, stage in enumerate(model.blocks) for b in range(len(stage))]
        if "norm_head" in children:
            last = [["global_pool", "conv_head", "norm_head", "act2"]]
            if type(model.blocks[-1][-1]).__name__ == "ConvBnAct":
                # The last convolution, in front of the pooling.
                last[0] = blocks.pop() + last[0]
        else:
            last = [] if isinstance(model.conv_head, nn.Identity) else [["conv_head", "bn2"]]
        return [["conv_stem", "bn1"]] + blocks + last
    names = [f"features.{name}" for name, _ in model.features.named_children()] if "features" in children else list(children)
    stages = []
    for name in names:
        module = model.get_submodule(name)
        if name in ("global_pool", "head_drop", "fc"):
            continue
        if isinstance(module, nn.Conv2d) or not name.startswith(("features.", "Pool")):
            stages.append([])
        stages[-1].append(name)
    return stages


def run(model, stages, x):
    """What is behind each stage."""
    maps = []
    for stage in stages:
        for name in stage:
            x = model.get_submodule(name)(x)
        maps.append(x)
    return maps


def pooled(x):
    return x.mean((2, 3))


def fill(model, pairs, gain):
    """Gives every tensor its values; `pairs` are names here and in timm, which the formula goes by."""
    state = model.state_dict()
    model.load_state_dict({ours: values(timms, list(state[ours].shape), gain) for ours, timms in pairs})
    return model.double().eval()


def multiplications(model, stages, size):
    """In convolutions and dense layers, of one picture."""
    total, hooks = [0], []

    def count(module, _, output):
        weight = module.weight.numel()
        total[0] += weight * (math.prod(output.shape[2:]) if output.dim() == 4 else 1)

    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            hooks.append(module.register_forward_hook(count))
    with torch.no_grad():
        run(model, stages, torch.zeros(1, 3, size, size, dtype=torch.float64))
    for hook in hooks:
        hook.remove()
    return total[0]


def ran(model, forward, x):
    """Names of the modules with tensors in the order in which they ran."""
    order, hooks = [], []
    for name, module in model.named_modules():
        if module._parameters or module._buffers:
            hooks.append(module.register_forward_hook(lambda *_, name=name: order.append(name)))
    with torch.no_grad():
        forward(x)
    for hook in hooks:
        hook.remove()
    return order


def torchvisions_features(model):
    """Its forward pass up to the pooled features, as Headstart cuts it."""
    children = dict(model.named_children())
    if "layer1" in children:
        parts = [model.conv1, model.bn1, model.relu, model.maxpool, model.layer1, model.layer2, model.layer3, model.layer4]
    elif "Mixed_5b" in children:
        parts = [m for name, m in children.items() if name not in ("AuxLogits", "avgpool", "dropout", "fc")]
    else:
        parts = [model.features]
    dense = model.classifier[:2] if isinstance(model, torchvision.models.MobileNetV3) else nn.Identity()
    return lambda x: dense(pooled(nn.Sequential(*parts)(x)))


def torchvisions(name, timms_model, stages, x, gain):
    """Its entry in the JSON and its features of `x`."""
    extra = {"init_weights": False, "transform_input": False} if name == "inception_v3" else {}
    model = torchvision.models.get_model(name, weights=None, **extra)
    model = model.double().eval()
    forward = torchvisions_features(model)
    modules = modules_of(model)
    theirs, ours = (ran(m, f, x.double()) for m, f in ((model, forward), (timms_model, lambda x: run(timms_model, stages, x))))
    same = dict(zip(theirs, ours, strict=True)) if set(theirs) != set(ours) else {name: name for name in theirs}
    modules = [[*module, same.get(module[0])] for module in modules]
    timms = {module: (kind, shape) for module, kind, shape in modules_of(timms_model)}
    for module, kind, shape, paired in modules:
        if paired and (timms[paired][0] != kind or math.prod(timms[paired][1]) != math.prod(shape)):
            raise SystemExit(f"{name}: {module} is not {paired}")
    pairs = []
    for module, kind, shape, paired in modules:
        pairs += [(tensor, tensor.replace(module, paired or module, 1)) for tensor, _ in tensors(module, kind, shape)]
    with torch.no_grad():
        features = torchvisions_features(fill(model, pairs, gain))(x.double())
    return {"architecture": name, "modules": modules}, features


def gradients(model, maps, tail, stages, gain):
    """The loss behind a linear head of 3 classes, and the gradients of the first stage and of the tail."""
    features = pooled(maps[-1])
    weight, bias = (values(f"head.{part}", shape, gain).double() for part, shape in (("weight", [3, features.shape[1]]), ("bias", [3])))
    logits = features @ weight.T + bias
    loss = functional.cross_entropy(logits, torch.tensor(LABELS))
    loss.backward()
    wanted = [stages[0], *stages[-tail:]]
    prefixes = tuple(f"{name}." for stage in wanted for name in stage)
    return loss.item(), {name: p.grad for name, p in model.named_parameters() if name.startswith(prefixes)}, logits.detach()


def before_kinks(model, stages, tail, x):
    """What goes into the activations and maximum poolings of the tail, with the module."""
    seen, hooks = [], []
    for module in (m for stage in stages[-tail:] for name in stage for m in model.get_submodule(name).modules()):
        if type(module).__name__ in KINKS or isinstance(module, nn.MaxPool2d):
            hooks.append(module.register_forward_pre_hook(lambda m, inputs: seen.append((m, inputs[0].clone()))))
    with torch.no_grad():
        run(model, stages, x)
    for hook in hooks:
        hook.remove()
    return seen


def distance(module, x):
    """The least distance to a kink."""
    if type(module).__name__ in KINKS:
        return min((x - kink).abs().min().item() for kink in KINKS[type(module).__name__])
    planes = functional.unfold(x.reshape(-1, 1, *x.shape[2:]), module.kernel_size, stride=module.stride, padding=module.padding)
    highest = planes.topk(2, dim=1).values
    # Where all are 0 behind a ReLU no gradient goes on.
    return (highest[:, 0] - highest[:, 1])[highest[:, 0] > 0].min().item()


def distance_over_rounding(model, stages, tail, x):
    """The least distance to a kink, as a multiple of the largest difference of float32 there."""
    exact = before_kinks(model, stages, tail, x.double())
    rounded = before_kinks(model.float(), stages, tail, x)
    model.double()
    pairs = zip(exact, rounded, strict=True)
    return min((distance(m, a) / (a - b).abs().max().item() for (m, a), (_, b) in pairs), default=math.inf)


def make(name, folder):
    gain, size, tail, elsewhere = ARCHITECTURES[name]
    model = timm.create_model(name, pretrained=False)
    modules = modules_of(model)
    fill(model, [(key, key) for key in model.state_dict()], gain)
    stages = stages_of(model)
    used = tuple(f"{module}." for stage in stages for module in stage)
    unused = [module for module, *_ in modules if not f"{module}.".startswith(used)]
    cfg = model.pretrained_cfg
    x = normalised(size)
    maps = run(model, stages, x.double())
    whole = model.forward_features(x.double())
    if "norm_head" in dict(model.named_children()):
        whole = model.forward_head(whole, pre_logits=True).reshape(maps[-1].shape)
    if not torch.equal(maps[-1], whole):
        raise SystemExit(f"{name}: the stages are not the whole network in its order")
    loss, found, logits = gradients(model, maps, tail, stages, gain)
    safe = distance_over_rounding(model, stages, tail, x)
    if safe < LEAST_DISTANCE:
        raise SystemExit(f"{name}: a unit of the tail is {safe:.1f} times the rounding from a kink: choose another gain")
    mean, std = (torch.tensor(cfg[key], dtype=torch.float64).reshape(3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        shown = pooled(run(model, stages, ((picture(size) / 255 - mean) / std)[None])[-1])[0]
    features = pooled(maps[-1].detach())

    out = {"loss": [loss], "picture": shown.numpy()}

    def keep(key, named, count):
        pairs = [samples(label, tensor, count) for label, tensor in named]
        out[key] = numpy.stack([sampled for sampled, _ in pairs]) if key in ("maps", "gradients") else pairs[0][0]
        out[f"{key}.max"] = [largest for _, largest in pairs]

    keep("maps", [(f"maps.{i}", map) for i, map in enumerate(maps)], MAP_SAMPLES)
    keep("features", [("features", features)], FEATURE_SAMPLES)
    keep("gradients", found.items(), GRADIENT_SAMPLES)
    description = {
        "architecture": name,
        "gain": gain,
        "config": {
            "architecture": name,
            "num_features": model.num_features,
            "pretrained_cfg": {
                "input_size": [3, size, size],
                "mean": cfg["mean"],
                "std": cfg["std"],
                "interpolation": cfg["interpolation"],
                "crop_pct": 1.0,
            },
        },
        "published": {
            "input_size": cfg["input_size"][1],
            "crop_pct": cfg["crop_pct"],
            "num_features": model.num_features,
            "head_hidden_size": model.head_hidden_size,
            "multiplications": multiplications(model, stages, cfg["input_size"][1]),
        },
        "parameters": sum(p.numel() for key, p in model.named_parameters() if key.startswith(used)),
        "multiplications": multiplications(model, stages, size),
        "modules": modules,
        "unused": unused,
        "stages": [[stage, list(map.shape[1:])] for stage, map in zip(stages, maps)],
        "tail": tail,
        "gradients": list(found),
    }
    if elsewhere:
        description["torchvision"], there = torchvisions(elsewhere, model, stages, x, gain)
        keep("torchvision", [("features", there)], FEATURE_SAMPLES)
        print(f"  torchvision differs by {(there - features).abs().max() / features.abs().max():.1e}")
    state = model.state_dict()
    examples = [module + part for module in (modules[0][0], modules[-1][0]) for part in (".weight", ".bias")]
    examples += [f"{module}.{part}" for module, kind, _ in modules if kind == "norm" for part in ("weight", "running_mean", "running_var")][-3:]
    description["examples"] = [
        [key, i, state[key].reshape(-1)[i].item()] for key in examples if key in state for i in (0, 1, state[key].numel() - 1)
    ]
    with open(folder / f"{name}.json", "w") as file:
        file.write(text(description))
    save_file({key: numpy.asarray(value, numpy.float32) for key, value in out.items()}, folder / f"{name}.safetensors")
    bytes = sum((folder / f"{name}.{end}").stat().st_size for end in ("json", "safetensors"))
    spread = (features[0] - features[1]).abs().max() / features.abs().max()
    print(f"{name}: {len(stages)} stages, {description['parameters']} parameters, {bytes} bytes, loss {loss:.3f}, pictures differ by {spread:.2f}, kinks {safe:.1f} roundings off")
    print("  largest of each map", " ".join(f"{m:.2g}" for m in out["maps.max"]))
    print("  largest gradients", f"{min(out['gradients.max']):.1e} to {max(out['gradients.max']):.1e}, logits", logits.tolist())
    if bytes > LIMIT:
        raise SystemExit(f"{name}: more than {LIMIT} bytes")


def text(description):
    """JSON with one line for each field, and for each entry of the long lists."""
    def field(value):
        if isinstance(value, dict) and "modules" in value:
            return "{" + ",".join(f"{json.dumps(k)}:{field(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list) and value and isinstance(value[0], list):
            return "[\n" + ",\n".join(json.dumps(each, separators=(",", ":")) for each in value) + "\n]"
        return json.dumps(value, separators=(",", ":"))

    return "{\n" + ",\n".join(f"{json.dumps(key)}:{field(value)}" for key, value in description.items()) + "\n}\n"


def main(folder, *names):
    Path(folder).mkdir(exist_ok=True)
    print(f"timm {timm.__version__}, torch {torch.__version__}, torchvision {torchvision.__version__}")
    for name in names or ARCHITECTURES:
        make(name, Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
