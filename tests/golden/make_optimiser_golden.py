"""Golden optimiser trajectories by torch.optim, computed in float64 and stored as float32.

    python make_optimiser_golden.py optimisers.safetensors

The problem is softmax regression, full batch: logits = input·weightᵀ + bias, loss = mean cross-entropy.
  problem.input [12,8]   problem.labels [12] int64   problem.class_weights [3]
  problem.weight [3,8]   problem.bias [3]            where every run starts

Each run NAME (see RUNS below) holds
  NAME.weights [10,3,8], NAME.biases [10,3]  the parameters after each of 10 steps
  NAME.losses [11]                           the loss before each step and, last, after the tenth

Gradient g of the loss at parameter p, step t = 1..10, rate r, decay d:
  SGD       v = μ·v + g (v = g at the first step, no damping);  p -= r·v;  Nesterov: p -= r·(g + μ·v)
  Adam      m = 0.9·m + 0.1·g;  v = 0.999·v + 0.001·g²;  p -= r · (m/(1-0.9^t)) / (√(v/(1-0.999^t)) + 1e-8)
  Adam, L2  g += d·p before the moments
  AdamW     p -= r·d·p before the Adam step, by the parameter's value before the step; the decay never enters the moments
  clipping  g *= min(1, c/(‖g‖ + 1e-6)), ‖g‖ over weight and bias together, before the optimiser sees g
  smoothing loss of a sample = (1-s)·(-log p_y) + s/C · Σ_c (-log p_c), here s = 0.1 and C = 3
  class weights  loss = Σ_i w(y_i)·(-log p_i) / Σ_i w(y_i); with smoothing
                 Σ_i [(1-s)·w(y_i)·(-log p_i) + s/C · Σ_c w(c)·(-log p_c)] / Σ_i w(y_i)
  thawed    the bias does not train in the first 4 steps: it has no gradient, and its own t starts at 1 in the fifth
Runs called *_weight_only leave the bias out of the decay; the others decay both.

Schedules, by the step counted from 0, base rate 0.1, T = 10 steps in all:
  schedule.constant        base
  schedule.cosine          base · 0.5 · (1 + cos(π·t/T))
  schedule.cosine_warmup   base·(t+1)/w for t < w = 3, then base · 0.5 · (1 + cos(π·(t-w)/(T-w)))
  schedule.step            base · 0.5^⌊t/3⌋
  schedule.plateau [16]    the rate after each of schedule.plateau_losses has been seen, the first being base: the rate halves
                           once the loss has failed more than patience = 2 times in a row to fall below best·(1 - 1e-4); the
                           count of failures starts again after a fall of the rate, the best loss stays
The runs sgd_momentum_cosine_warmup and sgd_momentum_step use these rates, step by step.
"""
import math
import sys

import torch
from torch import nn
from safetensors.torch import save_file

STEPS, BASE, WARMUP = 10, 0.1, 3
PLATEAU_LOSSES = [1.0, 0.8, 0.81, 0.79, 0.79, 0.78999, 0.8, 0.795, 0.9, 0.7, 0.7, 0.7, 0.7, 0.71, 0.6, 0.61]


def cosine(t):
    return 0.5 * (1 + math.cos(math.pi * t / STEPS))


def cosine_warmup(t):
    if t < WARMUP:
        return (t + 1) / WARMUP
    return 0.5 * (1 + math.cos(math.pi * (t - WARMUP) / (STEPS - WARMUP)))


def halving(t):
    return 0.5 ** (t // 3)


def both(weight, bias, decay):
    return [{"params": [weight, bias], "weight_decay": decay}]


def weight_only(weight, bias, decay):
    return [{"params": [weight], "weight_decay": decay}, {"params": [bias], "weight_decay": 0.0}]


def sgd(groups, **options):
    return torch.optim.SGD(groups, lr=BASE, **options)


def adam(groups):
    return torch.optim.Adam(groups, lr=0.01)


def adamw(groups):
    return torch.optim.AdamW(groups, lr=0.01)


def momentum(groups):
    return sgd(groups, momentum=0.9)


def nesterov(groups):
    return sgd(groups, momentum=0.9, nesterov=True)


# name: (optimiser, decay, parameter groups, options of the run)
RUNS = {
    "sgd": (sgd, 0.0, both, {}),
    "sgd_momentum": (momentum, 0.0, both, {}),
    "sgd_nesterov": (nesterov, 0.0, both, {}),
    "sgd_momentum_l2": (momentum, 0.1, both, {}),
    "sgd_momentum_clipped": (momentum, 0.0, both, {"clip": 0.25}),
    "sgd_momentum_smoothed": (momentum, 0.0, both, {"smoothing": 0.1}),
    "sgd_momentum_class_weights": (momentum, 0.0, both, {"class_weights": True}),
    "sgd_momentum_cosine_warmup": (momentum, 0.0, both, {"schedule": cosine_warmup}),
    "sgd_momentum_step": (momentum, 0.0, both, {"schedule": halving}),
    "adam": (adam, 0.0, both, {}),
    "adam_l2": (adam, 0.1, both, {}),
    "adam_l2_weight_only": (adam, 0.1, weight_only, {}),
    "adamw": (adamw, 0.1, both, {}),
    "adamw_weight_only": (adamw, 0.1, weight_only, {}),
    "adamw_clipped_smoothed": (adamw, 0.1, weight_only, {"clip": 0.25, "smoothing": 0.1}),
    "sgd_momentum_class_weights_smoothed": (momentum, 0.0, both, {"class_weights": True, "smoothing": 0.1}),
    "adamw_thawed": (adamw, 0.1, both, {"frozen": 4}),
    "sgd_momentum_l2_thawed": (momentum, 0.1, both, {"frozen": 4}),
}


def train(problem, make, decay, groups, clip=None, smoothing=0.0, class_weights=False, schedule=None, frozen=0):
    weight, bias = (problem[key].clone().requires_grad_() for key in ("weight", "bias"))
    optimiser = make(groups(weight, bias, decay))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule) if schedule else None
    criterion = nn.CrossEntropyLoss(problem["class_weights"] if class_weights else None, label_smoothing=smoothing)

    def loss():
        return criterion(nn.functional.linear(problem["input"], weight, bias), problem["labels"])

    weights, biases, losses = [], [], []
    for step in range(STEPS):
        bias.requires_grad_(step >= frozen)
        value = loss()
        losses.append(value.item())
        optimiser.zero_grad()
        value.backward()
        if clip:
            norm = nn.utils.clip_grad_norm_([weight, bias], clip)
            assert len(losses) > 1 or norm > clip, "a first step that is not clipped shows nothing"
        optimiser.step()
        if scheduler:
            scheduler.step()
        weights.append(weight.detach().clone())
        biases.append(bias.detach().clone())
    losses.append(loss().item())
    return {"weights": torch.stack(weights), "biases": torch.stack(biases), "losses": torch.tensor(losses)}


def plateau():
    optimiser = sgd([torch.zeros(1, requires_grad=True)])
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, mode="min", factor=0.5, patience=2, threshold=1e-4, threshold_mode="rel", cooldown=0, min_lr=0.0
    )
    rates = []
    for loss in PLATEAU_LOSSES:
        scheduler.step(loss)
        rates.append(optimiser.param_groups[0]["lr"])
    return torch.tensor(rates)


def main(out):
    torch.manual_seed(7)
    torch.set_default_dtype(torch.float64)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, 1])
    problem = {
        "input": (torch.randn(12, 8) + torch.nn.functional.one_hot(labels, 8)).float().double(),
        "labels": labels,
        "class_weights": torch.tensor([0.5, 1.0, 2.0]),
        "weight": (torch.randn(3, 8) * 0.3).float().double(),
        "bias": (torch.randn(3) * 0.1).float().double(),
    }
    golden = {f"problem.{key}": value for key, value in problem.items()}
    for name, (make, decay, groups, options) in RUNS.items():
        for key, value in train(problem, make, decay, groups, **options).items():
            golden[f"{name}.{key}"] = value
    rules = {"constant": lambda t: 1.0, "cosine": cosine, "cosine_warmup": cosine_warmup, "step": halving}
    for name, rule in rules.items():
        golden[f"schedule.{name}"] = torch.tensor([BASE * rule(t) for t in range(STEPS)])
    golden["schedule.plateau_losses"] = torch.tensor(PLATEAU_LOSSES)
    golden["schedule.plateau"] = plateau()
    save_file({key: v if v.dtype == torch.int64 else v.float().contiguous() for key, v in golden.items()}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
