"""Golden linear support-vector machines by scikit-learn, computed in float64 and stored as float32.

    python make_svm_golden.py svm.safetensors

  input [60,10]   labels [60] int64, 3 classes that overlap
and for each C of 0.01, 0.1 and 1 the minimum, over weights W and biases b of all classes, of
  (‖W‖² + ‖b‖²) / 2 + C · Σ_pictures Σ_classes max(0, 1 - t·f)²     f = W·x + b, t = 1 for the label, -1 for the others
as sklearn.svm.LinearSVC(loss="squared_hinge", dual=False, intercept_scaling=1) finds it class by class:
  c_C.weight [3,10]   c_C.bias [3]   c_C.predictions [60] int64
  c_C.objective       the minimum divided by C·60, which is what a mean over pictures gives
The same machines on the input as training standardises it (mean 0, divided by its deviation over the pictures, or by
the root mean square of all features' deviations where that is larger), for the standardised input:
  standardised.C.weight [3,10]   standardised.C.decision [60,3], W·x + b of every picture
"""
import sys

import numpy as np
from safetensors.numpy import save_file
from sklearn.svm import LinearSVC


def standardised(input):
    deviation = input.std(axis=0)
    return (input - input.mean(axis=0)) / np.maximum(deviation, np.sqrt((deviation**2).mean()))


def fitted(c, input, labels):
    """The machine, its decision values and max(0, 1 - t·f), all of them checked."""
    machine = LinearSVC(C=c, loss="squared_hinge", dual=False, tol=1e-10, max_iter=100_000, intercept_scaling=1)
    machine.fit(input.astype(np.float64), labels)
    targets = np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    logits = input @ machine.coef_.T + machine.intercept_
    short = np.maximum(0, 1 - targets * logits)
    # At the minimum the gradient vanishes: scikit-learn's, not only its promise of it.
    slope = machine.coef_ - 2 * c * (short * targets).T @ input
    assert np.abs(slope).max() < 1e-6, slope
    margin = np.diff(np.sort(logits, axis=1)[:, -2:]).min()
    assert margin > 1e-3, "a picture between two classes shows nothing"
    accuracy = (machine.predict(input) == labels).mean()
    print(f"C={c}: accuracy {accuracy:.2f}, least margin {margin:.4f}, |W| {np.abs(machine.coef_).max():.3f}")
    return machine, logits, short


def main(out):
    rng = np.random.default_rng(31)
    labels = np.arange(60) % 3
    input = (rng.normal(size=(60, 10)) + 1.2 * np.eye(3, 10)[labels]).astype(np.float32)
    golden = {"input": input, "labels": labels.astype(np.int64)}
    for c in (0.01, 0.1, 1.0):
        machine, _, short = fitted(c, input, labels)
        weight, bias = machine.coef_, machine.intercept_
        golden[f"c_{c}.weight"] = weight
        golden[f"c_{c}.bias"] = bias
        golden[f"c_{c}.predictions"] = machine.predict(input).astype(np.int64)
        minimum = ((weight**2).sum() + (bias**2).sum()) / 2 + c * (short**2).sum()
        golden[f"c_{c}.objective"] = np.array([minimum / (c * 60)])
    for c in (0.01, 0.1, 1.0):
        machine, logits, _ = fitted(c, standardised(input.astype(np.float64)), labels)
        golden[f"standardised.{c}.weight"] = machine.coef_
        golden[f"standardised.{c}.decision"] = logits
    save_file({k: np.ascontiguousarray(v if v.dtype == np.int64 else v.astype(np.float32)) for k, v in golden.items()}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
