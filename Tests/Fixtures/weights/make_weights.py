#!/usr/bin/env python3
"""Makes the files of this folder with torch (2.13.0): a vision transformer of width 8 with one block, as state
dictionaries in both forms of torch.save, and as the public I-JEPA code's checkpoint.

    PYTHONPATH=.build/python-weights python3 Tests/Fixtures/weights/make_weights.py
"""

import argparse
from collections import OrderedDict
from pathlib import Path

import numpy
import torch

FOLDER = Path(__file__).resolve().parent
WIDTH, PATCH, GRID = 8, 2, 3


def encoder(prefix=""):
    shapes = {
        "pos_embed": (1, GRID * GRID, WIDTH), "patch_embed.proj.weight": (WIDTH, 1, PATCH, PATCH),
        "patch_embed.proj.bias": (WIDTH,), "blocks.0.norm1.weight": (WIDTH,), "blocks.0.norm1.bias": (WIDTH,),
        "blocks.0.attn.qkv.weight": (3 * WIDTH, WIDTH), "blocks.0.attn.qkv.bias": (3 * WIDTH,),
        "blocks.0.attn.proj.weight": (WIDTH, WIDTH), "blocks.0.attn.proj.bias": (WIDTH,),
        "blocks.0.norm2.weight": (WIDTH,), "blocks.0.norm2.bias": (WIDTH,),
        "blocks.0.mlp.fc1.weight": (2 * WIDTH, WIDTH), "blocks.0.mlp.fc1.bias": (2 * WIDTH,),
        "blocks.0.mlp.fc2.weight": (WIDTH, 2 * WIDTH), "blocks.0.mlp.fc2.bias": (WIDTH,), "norm.weight": (WIDTH,),
        "norm.bias": (WIDTH,),
    }
    return OrderedDict((prefix + name, torch.randn(shape)) for name, shape in shapes.items())


if __name__ == "__main__":
    torch.manual_seed(0)
    state = encoder()
    # A parameter, as state_dict(keep_vars=True) has it.
    state["norm.bias"] = torch.nn.Parameter(state["norm.bias"])
    torch.save(state, FOLDER / "tiny.pth")
    torch.save(state, FOLDER / "tiny-old.pth", _use_new_zipfile_serialization=False)
    narrow = OrderedDict((name, value.to(torch.bfloat16)) for name, value in encoder("module.").items())
    torch.save(
        {
            "encoder": encoder("module."), "target_encoder": narrow, "epoch": 2, "loss": 0.5,
            "opt": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": numpy.float64(0.1)}]},
            "args": argparse.Namespace(size=3), "scaler": None,
        },
        FOLDER / "tiny-ijepa.pth.tar")
