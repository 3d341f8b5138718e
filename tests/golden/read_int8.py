"""Reads weights that Headstart stores as int8: `NAME` is int8, `NAME.scale` float32 with one value for each output channel."""
import numpy as np
from safetensors.numpy import load_file


def read(path):
    """All tensors of a file as float32, by name."""
    file, tensors = load_file(path), {}
    for name, values in file.items():
        if values.dtype == np.int8:
            scale = file[f"{name}.scale"]
            tensors[name] = values.astype(np.float32) * scale.reshape(-1, *[1] * (values.ndim - 1))
        elif file.get(name.removesuffix(".scale"), values).dtype != np.int8:
            tensors[name] = values.astype(np.float32)
    return tensors
