#!/usr/bin/env python3
"""Times features of a folder of images by timm in PyTorch against `cjepa-exp embed`, by turns on the same cores and files.

    Tests/Performance/photographs.py photos
    Tests/Performance/compare_timm.py photos/train --models vit_small vit_base --threads 2 --rounds 3

Needs a release build of cjepa-exp. Makes a virtual environment with torch, torchvision and timm from PyPI in .build/timm at
the first call (a few GB). Each model is a vision transformer of timm without class token and with random weights, which
`embed` reads as timm saves them. timm runs in bfloat16 in its faster mode here, weights in bfloat16 or autocast, whichever
a short trial favours, in inference mode, in batches of 64 from a DataLoader with as many workers as do best (0, 1, or one
for each core), Pillow resizing to 256 and the central 224. Features of both are compared: the mean cosine must be above
0.999.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".build/timm"
SIZES = {"vit_tiny": (192, 12, 3), "vit_small": (384, 12, 6), "vit_base": (768, 12, 12), "vit_large": (1024, 24, 16)}


def make_model(name):
    import torch
    from timm.models.vision_transformer import VisionTransformer

    torch.manual_seed(0)
    width, depth, heads = SIZES[name]
    return VisionTransformer(
        img_size=224, patch_size=16, embed_dim=width, depth=depth, num_heads=heads, num_classes=0, class_token=False,
        global_pool="avg", fc_norm=False, weight_init="").eval()


def make_loader(folder, workers):
    import torch
    from torchvision import datasets, transforms

    view = transforms.Compose([
        transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
    return torch.utils.data.DataLoader(datasets.ImageFolder(folder, view), batch_size=64, num_workers=workers)


def encode(model, loader, mode, limit=None):
    """Features [n, D] in float32 and seconds; of the first `limit` images at least."""
    import torch

    start, parts, count = time.perf_counter(), [], 0
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=mode == "autocast"):
        for images, _ in loader:
            if mode == "weights":
                images = images.to(torch.bfloat16)
            parts.append(model(images).float())
            count += len(images)
            if limit and count >= limit:
                break
    return torch.cat(parts), time.perf_counter() - start


def run_timm(task):
    """Encodes the folder as `task` says; prints images, seconds and the mode, and keeps the features."""
    import numpy
    import torch

    torch.set_num_threads(task["threads"])
    model = make_model(task["model"])
    models = {"autocast": model, "weights": make_model(task["model"]).to(torch.bfloat16)}
    best = None
    for mode, candidate in models.items():
        for workers in sorted({0, 1, task["threads"]}):
            features, seconds = encode(candidate, make_loader(task["folder"], workers), mode, task["trial"])
            rate = len(features) / seconds
            if best is None or rate > best[0]:
                best = (rate, mode, workers)
    _, mode, workers = best
    features, seconds = encode(models[mode], make_loader(task["folder"], workers), mode)
    numpy.save(task["output"], features.numpy())
    print(json.dumps({"images": len(features), "seconds": seconds, "mode": mode, "workers": workers}))


def save_weights(name, path):
    from safetensors.torch import save_file

    save_file(make_model(name).state_dict(), path)


# --- By turns ----------------------------------------------------------------------------------------------------------


def python(function, *arguments):
    code = f"import runpy, sys; m = runpy.run_path({str(Path(__file__))!r}); m[{function!r}](*{list(arguments)!r})"
    result = subprocess.run([ENVIRONMENT / "bin/python", "-c", code], check=True, capture_output=True, text=True)
    return result.stdout


def prepare():
    if not (ENVIRONMENT / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
        subprocess.run(
            [ENVIRONMENT / "bin/pip", "install", "--quiet", "torch", "torchvision", "timm", "safetensors", "numpy"],
            check=True)
        (ENVIRONMENT / "ready").touch()


def cosine(first, second):
    code = (
        "import numpy, sys; a, b = (numpy.load(p).astype(float) for p in sys.argv[1:]); "
        "print(((a * b).sum(1) / numpy.linalg.norm(a, axis=1) / numpy.linalg.norm(b, axis=1)).mean())")
    result = subprocess.run(
        [ENVIRONMENT / "bin/python", "-c", code, first, second], check=True, capture_output=True, text=True)
    return float(result.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="images in class folders")
    parser.add_argument("--models", nargs="+", default=["vit_small", "vit_base"], choices=SIZES)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trial", type=int, default=128, help="images that choose timm's mode and workers")
    parser.add_argument("--program", default=ROOT / ".build/release/cjepa-exp")
    options = parser.parse_args()
    prepare()
    with tempfile.TemporaryDirectory() as scratch:
        for model in options.models:
            weights, theirs, ours = (f"{scratch}/{model}{end}" for end in (".safetensors", "-timm.npy", "-ours.npy"))
            python("save_weights", model, weights)
            rates = {"timm": [], "embed": []}
            for _ in range(options.rounds):
                task = {"model": model, "folder": str(options.folder), "threads": options.threads,
                        "trial": options.trial, "output": theirs}
                answer = json.loads(python("run_timm", task))
                rates["timm"].append(answer["images"] / answer["seconds"])
                command = [
                    options.program, "embed", weights, "--data", options.folder, "--output", ours, "--precision", "bf16",
                    "--threads", str(options.threads), "--force", "--json"]
                result = subprocess.run(command, check=True, capture_output=True, text=True)
                rates["embed"].append(json.loads(result.stdout)["images_per_second"])
            agreement = cosine(theirs, ours)
            medians = {name: statistics.median(values) for name, values in rates.items()}
            listed = {name: ", ".join(f"{value:.1f}" for value in values) for name, values in rates.items()}
            print(
                f"{model}: timm ({answer['mode']}, {answer['workers']} workers) {medians['timm']:.1f} images/s "
                f"({listed['timm']}); embed {medians['embed']:.1f} ({listed['embed']}); "
                f"ratio {medians['embed'] / medians['timm']:.2f}; cosine {agreement:.5f}", flush=True)
            if agreement < 0.999:
                sys.exit("the features differ: both must encode the same images with the same weights")


if __name__ == "__main__":
    main()
