#!/usr/bin/env python3
"""Makes grey.safetensors, a whole C-JEPA training step by numpy and JAX in float64, and checks such files.

    python3 Tests/Golden/make_step.py --write Tests/Golden/grey.safetensors
    python3 Tests/Golden/make_step.py --check Tests/Golden/tiny.safetensors

`--check` computes everything anew from a file's own weights, images, indices and schedules, and fails if a tensor
differs by more than 1e-6 of its largest magnitude, or if the file holds other tensors than a step has. Written from
the definitions of the method; shares no code with the project's networks or with the PyTorch implementation behind
tiny.safetensors, and takes its gradients from jax.grad. Made with Python 3.11.7, jax and jaxlib 0.10.2, numpy 2.4.6,
safetensors 0.8.0.
"""

import argparse
import itertools
import json
import math
import platform
import sys

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
import safetensors
from safetensors.numpy import save_file

jax.config.update("jax_enable_x64", True)

TOLERANCE = 1e-6
BETA, INVARIANCE, VARIANCE, COVARIANCE = 0.001, 25.0, 25.0, 1.0
SEED = 11
CONFIG = {
    "image": 20, "patch": 5, "chans": 1, "dim": 24, "depth": 3, "heads": 2, "pdim": 16, "pdepth": 1,
    "batch": 3, "kc": 6, "kp": 4, "blocks": 3,
}
MLP_RATIO = 2  # 4 would make the file larger than 400 kB; the shapes tell readers
STEPS = {"lr": [0.0015, 0.0005, 0.001], "weight_decay": [0.9, 0.6, 0.4], "momentum": [0.8, 0.95, 0.99]}


# Networks. Parameters are a dictionary from the names of the public checkpoints (without the network's) to arrays.


def positions(width, grid):
    """[grid · grid, width]: column, then row; of each, sines, then cosines."""
    frequencies = 1 / 10000 ** (np.arange(width // 4) / (width / 4))
    rows, columns = np.divmod(np.arange(grid * grid), grid)
    angles = [np.outer(place, frequencies) for place in (columns, rows)]
    return np.concatenate([wave(angle) for angle in angles for wave in (np.sin, np.cos)], axis=1)


def normalised(x, eps):
    centred = x - x.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + eps)


def layer_norm(w, name, x):
    return normalised(x, 1e-6) * w[f"{name}.weight"] + w[f"{name}.bias"]


def linear(w, name, x):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def attention(w, name, x, heads):
    images, tokens, width = x.shape
    query, key, value = jnp.moveaxis(
        linear(w, f"{name}.qkv", x).reshape(images, tokens, 3, heads, width // heads), (2, 3), (0, 2))
    scores = jnp.exp(query @ jnp.swapaxes(key, -1, -2) / math.sqrt(width // heads))
    mixed = scores / scores.sum(-1, keepdims=True) @ value
    return linear(w, f"{name}.proj", jnp.swapaxes(mixed, 1, 2).reshape(x.shape))


def gelu(x):
    return x * (1 + jax.lax.erf(x / math.sqrt(2))) / 2


def transformer(w, name, depth, x, heads):
    for block in (f"{name}.{index}" for index in range(depth)):
        x = x + attention(w, f"{block}.attn", layer_norm(w, f"{block}.norm1", x), heads)
        x = x + linear(w, f"{block}.mlp.fc2", gelu(linear(w, f"{block}.mlp.fc1", layer_norm(w, f"{block}.norm2", x))))
    return x


def rows(x, indices):
    """Of each image's rows, those that its indices name."""
    return jnp.stack([image[chosen] for image, chosen in zip(x, indices)])


def encode(w, config, images, indices=None):
    """Features [B, N, D], or [B, K, D] of the patches that `indices` [B, K] keep."""
    grid, patch = config["image"] // config["patch"], config["patch"]
    patches = images.reshape(len(images), config["chans"], grid, patch, grid, patch)
    x = jnp.einsum("bcipjq,dcpq->bijd", patches, w["patch_embed.proj.weight"]) + w["patch_embed.proj.bias"]
    x = x.reshape(len(images), grid * grid, -1) + positions(config["dim"], grid).astype(x.dtype)
    if indices is not None:
        x = rows(x, indices)
    return layer_norm(w, "norm", transformer(w, "blocks", config["depth"], x, config["heads"]))


def predict(w, config, features, context, block):
    """Predictions [B, Kp, D] of one target block's patches from the features of the context."""
    grid, known = config["image"] // config["patch"], context.shape[1]
    table = jnp.asarray(positions(config["pdim"], grid), features.dtype)
    x = jnp.concatenate(
        [linear(w, "predictor_embed", features) + table[context], w["mask_token"] + table[block]], axis=1)
    x = transformer(w, "predictor_blocks", config["pdepth"], x, config["heads"])
    return linear(w, "predictor_proj", layer_norm(w, "predictor_norm", x)[:, known:])


# Loss.


def vicreg(x, y):
    """Invariance, variance and covariance of two views [n, d]."""

    def variance(z):
        return jnp.maximum(0, 1 - jnp.sqrt(z.var(0, ddof=1) + 1e-4)).mean() / 2

    def covariance(z):
        centred = z - z.mean(0)
        matrix = centred.T @ centred / (len(z) - 1)
        return ((matrix * (1 - np.eye(len(matrix), dtype=matrix.dtype))) ** 2).sum() / len(matrix)

    return ((x - y) ** 2).mean(), variance(x) + variance(y), covariance(x) + covariance(y)


def target_features(target, config, images):
    return normalised(encode(target, config, images), 1e-5)


def step_outputs(online, targets, config, batch):
    """Everything under `out.`, from the target encoder's normalised features."""
    context, blocks = batch["context_indices"], batch["block_indices"]
    out = {"target_features": targets}
    out["target_blocks"] = jnp.stack([rows(targets, block) for block in blocks])
    out["context_features"] = encode(online["encoder"], config, batch["images"], context)
    out["predictions"] = jnp.stack(
        [predict(online["predictor"], config, out["context_features"], context, block) for block in blocks])
    difference = out["predictions"] - out["target_blocks"]
    size = jnp.abs(difference)
    out["smooth_l1"] = jnp.where(size < 1, size**2 / 2, size - 0.5).mean()
    out["mse"] = (difference**2).mean()
    out["l1"] = size.mean()
    views = out["predictions"].mean(2)
    pairs = list(itertools.permutations(range(len(views)), 2))
    terms = [sum(term) / len(pairs) for term in zip(*(vicreg(views[i], views[j]) for i, j in pairs))]
    out["vicreg_invariance"], out["vicreg_variance"], out["vicreg_covariance"] = terms
    out["vicreg"] = INVARIANCE * terms[0] + VARIANCE * terms[1] + COVARIANCE * terms[2]
    out["loss"] = out["smooth_l1"] + BETA * out["vicreg"]
    return out


# Steps.


def decays(name, value):
    return value.ndim > 1 and not name.endswith("bias")


def adamw(weights, gradients, moments, count, lr, weight_decay):
    """Updates `weights` and `moments` in place; `count` counts from 1."""
    for name, gradient in gradients.items():
        first, second = moments.get(name, (0, 0))
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        moments[name] = first, second
        if decays(name, weights[name]):
            weights[name] = weights[name] * (1 - lr * weight_decay)
        update = first / (1 - 0.9**count) / (jnp.sqrt(second / (1 - 0.999**count)) + 1e-8)
        weights[name] = weights[name] - lr * update


def parameters(tensors, network):
    """The learned tensors of a network; the fixed positions are none."""
    return {
        name[len(network) + 1:]: value for name, value in tensors.items()
        if name.startswith(f"{network}.") and not name.endswith("pos_embed")
    }


def run(config, tensors):
    """What a golden file holds besides its inputs, by name; in the precision of `tensors`."""
    online = {network: parameters(tensors, network) for network in ("encoder", "predictor")}
    target = parameters(tensors, "target_encoder")
    batch = {name: tensors[name] for name in ("images", "context_indices", "block_indices")}

    def loss(online, targets):
        out = step_outputs(online, targets, config, batch)
        return out["loss"], out

    differentiate = jax.jit(jax.value_and_grad(loss, has_aux=True))
    grid, result, moments, losses = config["image"] // config["patch"], {}, {}, []
    for index, (lr, weight_decay, momentum) in enumerate(zip(*(tensors[f"steps.{name}"] for name in STEPS))):
        (value, out), gradients = differentiate(online, target_features(target, config, batch["images"]))
        losses.append(value)
        if index == 0:
            result |= {f"out.{name}": tensor for name, tensor in out.items()}
            result |= {f"grad.{part}.{name}": g for part in gradients for name, g in gradients[part].items()}
        for part, weights in online.items():
            adamw(weights, gradients[part], moments.setdefault(part, {}), index + 1, lr, weight_decay)
        target = {name: momentum * old + (1 - momentum) * online["encoder"][name] for name, old in target.items()}
    result["steps.loss"] = jnp.stack(losses)
    after = online | {"target_encoder": target}
    result |= {f"after.{part}.{name}": value for part in after for name, value in after[part].items()}
    table = positions(config["dim"], grid)[None]
    result |= {f"{part}.pos_embed": table for part in ("encoder", "target_encoder", "after.target_encoder")}
    result["predictor.predictor_pos_embed"] = positions(config["pdim"], grid)[None]
    return {name: np.asarray(value) for name, value in result.items()}


# Inputs.


def draw_networks(random, config):
    """Normal weights, large enough that every gradient matters and that predictions lie on both sides of the hinges.

    Queries are small and keys large: the gradient of the keys' biases is zero but for rounding, grows with the queries,
    and must stay well below AdamW's epsilon in float32 too, or the steps would make weights of the rounding.
    """
    tensors = {}

    def norm(name, width):
        tensors[f"{name}.weight"] = 1 + 0.3 * random.standard_normal(width)
        tensors[f"{name}.bias"] = 0.3 * random.standard_normal(width)

    def affine(name, *shape, scale=1.0):
        tensors[f"{name}.weight"] = random.standard_normal(shape) * scale / math.sqrt(math.prod(shape[1:]))
        tensors[f"{name}.bias"] = 0.3 * random.standard_normal(shape[0])

    def blocks(name, depth, width):
        for block in (f"{name}.{index}" for index in range(depth)):
            norm(f"{block}.norm1", width)
            affine(f"{block}.attn.qkv", 3 * width, width)
            scales = np.repeat([0.1, 3, 0.5], width)
            tensors[f"{block}.attn.qkv.weight"] *= scales[:, None]
            tensors[f"{block}.attn.qkv.bias"] *= scales
            affine(f"{block}.attn.proj", width, width, scale=0.5)
            norm(f"{block}.norm2", width)
            affine(f"{block}.mlp.fc1", MLP_RATIO * width, width)
            affine(f"{block}.mlp.fc2", width, MLP_RATIO * width)

    width, inner = config["dim"], config["pdim"]
    for encoder in ("encoder", "target_encoder"):
        affine(f"{encoder}.patch_embed.proj", width, config["chans"], config["patch"], config["patch"])
        blocks(f"{encoder}.blocks", config["depth"], width)
        norm(f"{encoder}.norm", width)
    affine("predictor.predictor_embed", inner, width)
    tensors["predictor.mask_token"] = 0.3 * random.standard_normal((1, 1, inner))
    blocks("predictor.predictor_blocks", config["pdepth"], inner)
    norm("predictor.predictor_norm", inner)
    affine("predictor.predictor_proj", width, inner, scale=3.0)
    return tensors


def draw_masks(random, config):
    """Square target blocks anywhere, and context patches among those that no block of the image covers."""
    grid, side = config["image"] // config["patch"], math.isqrt(config["kp"])
    context, blocks = [], []
    while len(context) < config["batch"]:
        corners = random.integers(grid - side + 1, size=(config["blocks"], 2))
        drawn = [[(y + i) * grid + x + j for i in range(side) for j in range(side)] for y, x in corners]
        free = np.setdiff1d(np.arange(grid * grid), drawn)
        if len(free) >= config["kc"]:
            context.append(np.sort(random.permutation(free)[:config["kc"]]))
            blocks.append(drawn)
    return {
        "context_indices": np.array(context, np.int32),
        "block_indices": np.ascontiguousarray(np.swapaxes(np.array(blocks, np.int32), 0, 1)),
    }


def draw(config, seed):
    """A file's inputs, as float32 and int32 hold them."""
    random = np.random.default_rng(seed)
    tensors = draw_networks(random, config)
    tensors["images"] = random.standard_normal((config["batch"], config["chans"], config["image"], config["image"]))
    tensors |= {f"steps.{name}": np.array(values) for name, values in STEPS.items()}
    return {name: value.astype(np.float32) for name, value in tensors.items()} | draw_masks(random, config)


# Files.


def widened(tensors):
    return {name: value.astype(np.float64) if value.dtype == np.float32 else value for name, value in tensors.items()}


def write(path):
    tensors = draw(CONFIG, SEED)
    tensors |= {name: value.astype(np.float32) for name, value in run(CONFIG, widened(tensors)).items()}
    modules = {"jax": jax, "jaxlib": jaxlib, "numpy": np, "safetensors": safetensors}
    versions = [f"Python {platform.python_version()}", *(f"{name} {m.__version__}" for name, m in modules.items())]
    metadata = {
        "config": json.dumps(CONFIG), "seed": str(SEED),
        "generator": f"make_step.py, float64, stored as float32; {', '.join(versions)}",
    }
    save_file(tensors, path, metadata)


def relative_error(actual, expected):
    """The largest difference over the largest magnitude; not a number if anything is not."""
    if actual.shape != expected.shape:
        return math.nan
    worst, largest = np.abs(actual - expected).max(), np.abs(expected).max()
    return worst / largest if largest > 0 else worst


def check(path):
    """Whether the file holds what its inputs give."""
    with safetensors.safe_open(path, "np") as file:
        config = json.loads(file.metadata()["config"])
        tensors = widened({name: file.get_tensor(name) for name in file.keys()})
    computed = run(config, tensors)
    inputs = {f"steps.{name}" for name in STEPS} | {"images", "context_indices", "block_indices"}
    for part in ("encoder", "predictor", "target_encoder"):
        inputs |= {f"{part}.{name}" for name in parameters(tensors, part)}
    strangers = set(tensors) ^ (inputs | set(computed))
    if strangers:
        print("missing or unknown:", ", ".join(sorted(strangers)))
    errors = {name: relative_error(computed[name], tensors[name]) for name in computed if name in tensors}
    for group in sorted({name.split(".")[0] for name in errors}):
        members = [name for name in errors if name.split(".")[0] == group]
        worst = max(members, key=lambda name: math.inf if math.isnan(errors[name]) else errors[name])
        print(f"{group:15} {len(members):3} tensors, largest relative error {errors[worst]:.1e} ({worst})")
    return not strangers and all(error <= TOLERANCE for error in errors.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", metavar="FILE", help="compare a golden step with what its inputs give")
    action.add_argument("--write", metavar="FILE", help="make the grey golden step")
    arguments = parser.parse_args()
    if arguments.write:
        write(arguments.write)
    elif not check(arguments.check):
        sys.exit(f"{arguments.check}: disagrees beyond {TOLERANCE}")


if __name__ == "__main__":
    main()
