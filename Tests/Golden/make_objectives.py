#!/usr/bin/env python3
"""Makes objectives.safetensors: Barlow Twins and SIGReg on small views, by PyTorch in float64 with autograd.

    python3 Tests/Golden/make_objectives.py Tests/Golden/objectives.safetensors

The formulas are those of the public code: facebookresearch/barlowtwins (main.py, BarlowTwins.forward without the
networks, on one process) and rbalestr-lab/lejepa (MINIMAL.md, SIGReg.forward), with the random directions as an
argument. Shares no code with the project. Made with Python 3.11.7, torch 2.15.0, numpy 2.4.6,
safetensors 0.8.0.
"""

import itertools
import sys

import numpy as np
import torch
from safetensors.numpy import save_file

N, D, DIRECTIONS = 16, 12, 20
LAMBDA = 0.0051


def barlow_twins(z1, z2):
    """The two parts of the loss of a pair, λ not applied."""
    norm = torch.nn.BatchNorm1d(z1.shape[1], affine=False, dtype=torch.float64)
    c = norm(z1).T @ norm(z2) / z1.shape[0]
    diagonal = torch.diagonal(c)
    return (diagonal - 1).pow(2).sum(), c.pow(2).sum() - diagonal.pow(2).sum()


def barlow_twins_of_views(views):
    pairs = [barlow_twins(views[i], views[j]) for i, j in itertools.combinations(range(len(views)), 2)]
    return [sum(part) / len(pairs) for part in zip(*pairs)]


def sigreg(views, directions, knots=17, limit=3.0):
    t = torch.linspace(0, limit, knots, dtype=torch.float64)
    dt = limit / (knots - 1)
    weights = torch.full((knots,), 2 * dt, dtype=torch.float64)
    weights[[0, -1]] = dt
    window = torch.exp(-t.square() / 2)
    a = directions / directions.norm(p=2, dim=0)
    x_t = (views @ a).unsqueeze(-1) * t
    err = (x_t.cos().mean(-3) - window).square() + x_t.sin().mean(-3).square()
    statistic = (err @ (weights * window)) * views.size(-2)
    return statistic.mean()


def gradient(value, views):
    return torch.autograd.grad(value, views, retain_graph=True)[0]


def main():
    generator = np.random.default_rng(7)
    tensors = {}
    for count in (2, 3):
        # Views of the same images, of columns with different scales, off centre, some of them correlated.
        common = generator.normal(size=(N, D))
        mixed = common @ (np.eye(D) + 0.3 * generator.normal(size=(D, D)))
        raw = 0.3 + mixed * np.linspace(0.3, 2.5, D) + 0.7 * generator.normal(size=(count, N, D))
        raw = raw.astype(np.float32)
        views = torch.tensor(raw.astype(np.float64), requires_grad=True)
        on, off = barlow_twins_of_views(views)
        tensors |= {
            f"views.{count}": raw,
            f"barlow_twins.{count}": torch.stack([on, off]).detach().numpy(),
            f"grad.barlow_twins.{count}": gradient(on + LAMBDA * off, views).numpy(),
            f"grad.barlow_twins.on_diagonal.{count}": gradient(on, views).numpy(),
        }
        directions = generator.normal(size=(D, DIRECTIONS)).astype(np.float32)
        statistic = sigreg(views, torch.tensor(directions.astype(np.float64)))
        tensors |= {
            f"directions.{count}": directions,
            f"sigreg.{count}": statistic.detach().reshape(1).numpy(),
            f"grad.sigreg.{count}": gradient(statistic, views).numpy(),
        }
    # What is given is float32, what is computed from it float64.
    save_file(tensors, sys.argv[1], metadata={"torch": torch.__version__, "numpy": np.__version__})


if __name__ == "__main__":
    main()
