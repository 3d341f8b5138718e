"""A weights file stored as int8 by numpy, and what it was made of.

    python make_int8_golden.py

writes
  int8.safetensors         drawn tensors as Headstart's `convert --to int8` has to store them: of those with two dimensions and more,
                           int8 and a scale for each output channel; the rest float16, a small variance float32
  int8_values.safetensors  `source.NAME`, the tensors before that, and `read.NAME`, what read_int8.py reads from the first file;
                           float32 both
"""
import numpy as np
from safetensors.numpy import save_file

from read_int8 import read


def drawn():
    """Tensors of every kind, with the values that rounding could get wrong."""
    random = np.random.default_rng(8)
    tensors = {
        "stem.weight": random.normal(size=(8, 3, 3, 3)),
        "depthwise.weight": random.normal(size=(6, 1, 5, 5)) * 10.0 ** random.integers(-6, 3, (6, 1, 1, 1)),
        "dense.weight": random.uniform(-1, 1, (5, 7)),
        "dense.bias": random.normal(size=5),
        "norm.running_var": random.uniform(0.1, 2, 8),
        "small.running_var": random.uniform(0.1, 2, 8) * 1e-5,
        "large.bias": np.array([1.0, 1e6]),
    }
    # Halves, which go to the even neighbour; a channel of zeros; one of numbers below the smallest normal one.
    tensors["stem.weight"][0] = np.resize(np.arange(-127, 127.5, 9.5), (3, 3, 3))
    tensors["stem.weight"][1] = np.resize([127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5], (3, 3, 3))
    tensors["stem.weight"][2] = 0
    tensors["dense.weight"][1] = np.arange(-3, 4) * 60 * 2.0**-149
    tensors["dense.weight"][2] = np.arange(-3, 4) * 2.0**-149
    return {name: values.astype(np.float32) for name, values in tensors.items()}


def quantised(tensors):
    file = {}
    for name, values in tensors.items():
        if values.ndim > 1:
            channels = values.reshape(len(values), -1)
            scale = np.abs(channels).max(1) / np.float32(127)
            multiples = channels / np.where(scale == 0, np.float32(np.inf), scale)[:, None]
            file[name] = np.rint(multiples).clip(-127, 127).astype(np.int8).reshape(values.shape)
            file[f"{name}.scale"] = scale
        elif name in ("small.running_var", "large.bias"):
            file[name] = values
        else:
            file[name] = values.astype(np.float16)
    return file


if __name__ == "__main__":
    source = drawn()
    save_file(quantised(source), "int8.safetensors")
    values = {f"source.{name}": array for name, array in source.items()}
    save_file(values | {f"read.{name}": array for name, array in read("int8.safetensors").items()}, "int8_values.safetensors")
