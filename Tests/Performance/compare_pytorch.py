#!/usr/bin/env python3
"""Times the training step of the public I-JEPA code in PyTorch against `cjepa-exp bench`, by turns on one machine.

    Tests/Performance/compare_pytorch.py --models vit_small --precision float32 --rounds 2

Needs a release build of cjepa-exp. Makes a virtual environment with torch from PyPI in .build/pytorch at the first call
(a few GB). The step is written here after the public code's architecture (facebookresearch/ijepa: vision_transformer.py,
train.py): target encoder without gradient over all patches, LayerNorm of its output, context encoder on the visible
patches, predictor over context and mask tokens once per target block, smooth L1, AdamW with two groups, moving average.
Eager; bfloat16 by autocast, its best mode. Every step has the mask sizes of a step of `bench`, so both do the same work,
which is checked: torch's own FLOP counter must give the number that `bench` prints.
"""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".build/pytorch"
SIZES = {"vit_tiny": (192, 12, 3, 6), "vit_small": (384, 12, 6, 6), "vit_base": (768, 12, 12, 6)}
BLOCKS = 4


# --- The step in PyTorch ----------------------------------------------------------------------------------------------


def run_worker(task):
    """Takes the steps that `task` describes; prints seconds, peak memory and counted FLOPs as JSON."""
    import resource

    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(task["threads"])
    torch.manual_seed(0)
    width, depth, heads, predictor_depth = SIZES[task["model"]]
    predictor_width, image, patch = 384, task["image"], task["patch"]
    grid = image // patch

    def positions(columns):
        """Sine-cosine positions, [1, N, columns]: half of the columns for x, half for y."""
        rates = 10000 ** (-torch.arange(columns // 4) / (columns / 4))
        ys, xs = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
        parts = []
        for axis in (xs, ys):
            angles = axis.reshape(-1, 1) * rates
            parts += [angles.sin(), angles.cos()]
        return torch.cat(parts, dim=1).float().unsqueeze(0)

    class Attention(nn.Module):
        def __init__(self, size, heads):
            super().__init__()
            self.heads = heads
            self.qkv = nn.Linear(size, 3 * size)
            self.proj = nn.Linear(size, size)

        def forward(self, x):
            images, tokens, size = x.shape
            q, k, v = self.qkv(x).view(images, tokens, 3, self.heads, size // self.heads).permute(2, 0, 3, 1, 4)
            if task["attention"] == "fused":
                mixed = functional.scaled_dot_product_attention(q, k, v)
            else:
                weights = (q @ k.transpose(-2, -1)) * (size // self.heads) ** -0.5
                mixed = weights.softmax(dim=-1) @ v
            return self.proj(mixed.transpose(1, 2).reshape(images, tokens, size))

    class Block(nn.Module):
        def __init__(self, size, heads):
            super().__init__()
            self.norm1 = nn.LayerNorm(size, eps=1e-6)
            self.attention = Attention(size, heads)
            self.norm2 = nn.LayerNorm(size, eps=1e-6)
            self.fc1 = nn.Linear(size, 4 * size)
            self.fc2 = nn.Linear(4 * size, size)

        def forward(self, x):
            x = x + self.attention(self.norm1(x))
            return x + self.fc2(functional.gelu(self.fc1(self.norm2(x))))

    def chosen(x, indices):
        """Rows of x, [B, N, D], at the indices of each image, [B, K]."""
        return x.gather(1, indices.unsqueeze(-1).expand(-1, -1, x.shape[-1]))

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Conv2d(task["channels"], width, kernel_size=patch, stride=patch)
            self.register_buffer("positions", positions(width))
            self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
            self.norm = nn.LayerNorm(width, eps=1e-6)

        def forward(self, images, indices=None):
            x = self.embedding(images).flatten(2).transpose(1, 2) + self.positions
            if indices is not None:
                x = chosen(x, indices)
            for block in self.blocks:
                x = block(x)
            return self.norm(x)

    class Predictor(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Linear(width, predictor_width)
            self.mask_token = nn.Parameter(torch.zeros(1, 1, predictor_width))
            self.register_buffer("positions", positions(predictor_width))
            self.blocks = nn.ModuleList(Block(predictor_width, heads) for _ in range(predictor_depth))
            self.norm = nn.LayerNorm(predictor_width, eps=1e-6)
            self.projection = nn.Linear(predictor_width, width)

        def forward(self, context, context_indices, block_indices):
            images, visible = context.shape[:2]
            table = self.positions.expand(images, -1, -1)
            x = self.embedding(context) + chosen(table, context_indices)
            hidden = torch.cat([chosen(table, indices) for indices in block_indices]) + self.mask_token
            x = torch.cat([x.repeat(len(block_indices), 1, 1), hidden], dim=1)
            for block in self.blocks:
                x = block(x)
            return self.projection(self.norm(x)[:, visible:])

    encoder, predictor, target = Encoder(), Predictor(), Encoder()
    for network in (encoder, predictor):
        for parameter in network.parameters():
            if parameter.dim() > 1:
                nn.init.trunc_normal_(parameter, std=0.02)
    target.load_state_dict(encoder.state_dict())
    for parameter in target.parameters():
        parameter.requires_grad = False
    trained = [*encoder.parameters(), *predictor.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in trained if p.dim() > 1], "weight_decay": 0.04},
            {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0},
        ],
        lr=1e-5,
    )
    images = torch.randn(task["batch"], task["channels"], image, image)

    def indices(count):
        return torch.stack([torch.randperm(grid * grid)[:count].sort().values for _ in range(task["batch"])])

    def step(context_indices, block_indices):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=task["precision"] == "bf16"):
            with torch.no_grad():
                features = target(images)
                features = functional.layer_norm(features, (width,))
                targets = torch.cat([chosen(features, block) for block in block_indices])
            predictions = predictor(encoder(images, context_indices), context_indices, block_indices)
            loss = functional.smooth_l1_loss(predictions, targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            for online, averaged in zip(encoder.parameters(), target.parameters()):
                averaged.mul_(0.999).add_(0.001 * online)
        return float(loss)

    seconds, counted = [], []
    for number, (visible, hidden) in enumerate(task["masks"]):
        masks = (indices(visible), [indices(hidden) for _ in range(BLOCKS)])
        start = time.perf_counter()
        loss = step(*masks)
        if number >= task["warmup"]:
            seconds.append(time.perf_counter() - start)
        if not math.isfinite(loss):
            sys.exit(f"the loss is {loss}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if task["count"]:
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False) as counter:
            step(*masks)
        counted = counter.get_total_flops()
    print(json.dumps({"seconds": seconds, "peak_memory_bytes": peak, "flops": counted, "torch": torch.__version__}))


# --- The comparison ---------------------------------------------------------------------------------------------------


def python_with_torch():
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        print(f"making {ENVIRONMENT} with torch from PyPI", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    if subprocess.run([str(python), "-c", "import torch"], capture_output=True).returncode != 0:
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "torch", "numpy"], check=True)
    return python


def bench(arguments, model, image, patch, batch):
    command = [
        str(arguments.program), "bench", "--model", model, "--image", str(image), "--patch", str(patch),
        "--batch", str(batch), "--threads", str(arguments.threads), "--steps", str(arguments.steps),
        "--warmup", str(arguments.warmup), "--no-loader", "--json", *arguments.bench_options.split(),
    ]
    if arguments.precision != "float32":
        command += ["--precision", arguments.precision]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def torch_steps(arguments, python, task):
    command = [str(python), __file__, "--worker", json.dumps(task)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return json.loads(output.splitlines()[-1])


def compare(arguments, python, model, image, patch, batch):
    ours, theirs, report = [], [], None
    memory = {"ours": 0, "theirs": 0}
    for number in range(arguments.rounds):
        report = bench(arguments, model, image, patch, batch)
        masks = [(step["context_patches"], step["target_patches"]) for step in report["steps"]]
        task = {
            "model": model, "image": image, "patch": patch, "channels": 3, "batch": batch, "threads": arguments.threads,
            "precision": arguments.precision, "attention": arguments.attention, "warmup": arguments.warmup,
            "masks": [masks[0]] * arguments.warmup + masks, "count": number == 0,
        }
        other = torch_steps(arguments, python, task)
        ours += [step["seconds"] for step in report["steps"]]
        theirs += other["seconds"]
        memory["ours"] = max(memory["ours"], report["peak_memory_bytes"])
        memory["theirs"] = max(memory["theirs"], other["peak_memory_bytes"])
        if task["count"] and other["flops"] != report["steps"][-1]["flops"]:
            sys.exit(f"torch counts {other['flops']} FLOPs in a step, bench {report['steps'][-1]['flops']}")
    return {
        "model": model, "image": image, "patch": patch, "batch": batch, "precision": arguments.precision,
        "back_end": report["back_end"], "torch": other["torch"], "processor": report["processor"],
        "threads": arguments.threads, "steps": len(ours),
        "images_per_second": batch / statistics.median(ours),
        "best_images_per_second": batch / min(ours),
        "pytorch_images_per_second": batch / statistics.median(theirs),
        "pytorch_best_images_per_second": batch / min(theirs),
        "ratio": statistics.median(theirs) / statistics.median(ours),
        # What else the machine does slows steps and makes none faster.
        "best_ratio": min(theirs) / min(ours),
        "gemm_gigaflops_per_second": report["gemm_gigaflops_per_second"],
        "gigaflops_per_second": report["gigaflops_per_second"],
        "peak_memory_bytes": memory["ours"], "pytorch_peak_memory_bytes": memory["theirs"],
        "memory_ratio": memory["ours"] / memory["theirs"],
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / ".build/release/cjepa-exp", help="the built cjepa-exp")
    parser.add_argument(
        "--models", nargs="+", default=["vit_tiny", "vit_small", "vit_base", "vit_tiny:32:4:128"],
        help="model[:image:patch:batch]; 224:16:16 where not given")
    parser.add_argument("--precision", default="float32", choices=["float32", "bf16"])
    parser.add_argument("--attention", default="plain", choices=["plain", "fused"],
                        help="products and softmax as in the public code, or torch's fused attention")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5, help="timed steps of each round")
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--bench-options", default="", help="further options of cjepa-exp bench")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        run_worker(json.loads(arguments.worker))
        return
    if not Path(arguments.program).exists():
        sys.exit(f"{arguments.program} is not there: swift build -c release --product cjepa-exp")
    python = python_with_torch()
    results = []
    for name in arguments.models:
        model, *numbers = name.split(":")
        image, patch, batch = (int(number) for number in numbers) if numbers else (224, 16, 16)
        results.append(compare(arguments, python, model, image, patch, batch))
        print(f"{name} done", file=sys.stderr)
    if arguments.json:
        print(json.dumps(results, indent=1))
        return
    first = results[0]
    print(f"{first['processor']}, {arguments.threads} threads; {first['back_end']}; torch {first['torch']}, "
          f"{arguments.attention} attention; {platform.platform()}\n")
    print("| network | steps | cjepa-exp, images/s | PyTorch, images/s | ratio (of best) | memory | PyTorch | ratio |")
    print("| :------ | ----: | ------------------: | ----------------: | --------------: | -----: | ------: | ----: |")
    for r in results:
        print(f"| {r['model']}, {r['image']}²/{r['patch']}, batch {r['batch']}, {r['precision']} | {r['steps']} | "
              f"{r['images_per_second']:.2f} (best {r['best_images_per_second']:.2f}) | "
              f"{r['pytorch_images_per_second']:.2f} (best {r['pytorch_best_images_per_second']:.2f}) | "
              f"{r['ratio']:.2f} ({r['best_ratio']:.2f}) | "
              f"{r['peak_memory_bytes'] / 2**30:.2f} GiB | {r['pytorch_peak_memory_bytes'] / 2**30:.2f} GiB | "
              f"{r['memory_ratio']:.2f} |")


if __name__ == "__main__":
    main()
