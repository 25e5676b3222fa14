#!/usr/bin/env python3
"""Weights in the hands of those who use them: torch, transformers, timm, safetensors.

    weight_clients.py make FOLDER [SIZE]        writes weights of random networks, images, and their features
    weight_clients.py check FOLDER              reads what cjepa-exp has written there, and compares features
    weight_clients.py resample FOLDER           writes positions that timm has resampled

Run by ClientTests in Tests/PretrainedWeightsTests. Networks have the sizes of the public code (SIZE: tiny, small, base,
large, huge) on images of 32×32 pixels with patches of 8, or "odd", which is smaller and has heads of 16.
"""

import json
import math
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

# Width, blocks, heads.
SIZES = {
    "odd": (64, 3, 4), "tiny": (192, 12, 3), "small": (384, 12, 6), "base": (768, 12, 12), "large": (1024, 24, 16),
    "huge": (1280, 32, 16),
}
IMAGE, PATCH = 32, 8
GRID = IMAGE // PATCH
TOLERANCE = 1e-5


def declare_vision_operators():
    """Lets torchvision be imported beside a torch without CUDA, for which PyPI's has no operators; timm wants its
    transforms alone, but at import it refers to two operators."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library
    return None


# Held as long as the program runs, as torch wants it.
VISION_OPERATORS = declare_vision_operators()


# --- The network of the public I-JEPA code, by its parameters' names ---------------------------------------------------


def positions(width, rows=GRID, columns=GRID):
    """Sine-cosine table [1, N, width]: the first half for the column, the second for the row."""
    rates = 10000.0 ** (-torch.arange(width // 4, dtype=torch.float64) / (width / 4))
    ys, xs = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    parts = []
    for axis in (xs, ys):
        angles = axis.reshape(-1, 1) * rates
        parts += [angles.sin(), angles.cos()]
    return torch.cat(parts, dim=1).float().unsqueeze(0)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        count, tokens, width = x.shape
        qkv = self.qkv(x).reshape(count, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        scores = qkv[0] @ qkv[1].transpose(-2, -1) * (width // self.heads) ** -0.5
        return self.proj((scores.softmax(dim=-1) @ qkv[2]).transpose(1, 2).reshape(count, tokens, width))


class MLP(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = MLP(width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbedding(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.proj = nn.Conv2d(3, width, kernel_size=PATCH, stride=PATCH)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class Encoder(nn.Module):
    def __init__(self, width, depth, heads):
        super().__init__()
        self.patch_embed = PatchEmbedding(width)
        self.pos_embed = nn.Parameter(positions(width), requires_grad=False)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x):
        x = self.patch_embed(x) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class Predictor(nn.Module):
    def __init__(self, width, inner, depth, heads):
        super().__init__()
        self.predictor_embed = nn.Linear(width, inner)
        self.mask_token = nn.Parameter(0.02 * torch.randn(1, 1, inner))
        self.predictor_pos_embed = nn.Parameter(positions(inner), requires_grad=False)
        self.predictor_blocks = nn.ModuleList([Block(inner, heads) for _ in range(depth)])
        self.predictor_norm = nn.LayerNorm(inner, eps=1e-6)
        self.predictor_proj = nn.Linear(inner, width)


def randomize(network):
    """Random values everywhere, norms and biases included, so that nothing can be mistaken for anything else."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "pos_embed" in name:
                continue
            if parameter.dim() > 1:
                parameter.normal_(0, 1 / math.sqrt(parameter[0].numel()))
            else:
                parameter.normal_(1 if "norm" in name and name.endswith("weight") else 0, 0.1)
    return network.eval()


def wrapped(network):
    """A state dictionary as DistributedDataParallel has it."""
    return {"module." + name: value for name, value in network.state_dict().items()}


# --- Weights that cjepa-exp reads --------------------------------------------------------------------------------------


def timm_network(size, **arguments):
    import timm

    width, depth, heads = SIZES[size]
    return timm.create_model(
        "vit_small_patch16_224", pretrained=False, class_token=False, global_pool="avg", fc_norm=False, num_classes=0,
        img_size=IMAGE, patch_size=PATCH, embed_dim=width, depth=depth, num_heads=heads, **arguments)


def face_network(size, kind="IJepaModel"):
    import transformers

    width, depth, heads = SIZES[size]
    config = transformers.IJepaConfig(
        hidden_size=width, num_hidden_layers=depth, num_attention_heads=heads, intermediate_size=4 * width,
        image_size=IMAGE, patch_size=PATCH, layer_norm_eps=1e-6, num_labels=5)
    network = getattr(transformers, kind)(config)
    return randomize(network)


def make(folder, size):
    torch.manual_seed(1)
    width, depth, heads = SIZES[size]
    images = torch.randn(3, 3, IMAGE, IMAGE)
    features = {}

    def record(name, values):
        features[name] = values.detach().float().contiguous()

    with torch.no_grad():
        # The public code's checkpoint: two encoders that differ, and what training keeps beside them.
        encoder, target = randomize(Encoder(width, depth, heads)), randomize(Encoder(width, depth, heads))
        predictor = randomize(Predictor(width, max(width // 2, 32), 2, heads))
        checkpoint = {
            "encoder": wrapped(encoder), "predictor": wrapped(predictor), "target_encoder": wrapped(target),
            "opt": {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(2, 2)}}, "param_groups": [{"lr": 0.1}]},
            "scaler": {"scale": 65536.0, "growth_factor": 2.0}, "epoch": 3, "loss": 0.25, "batch_size": 8,
            "world_size": 2, "lr": 1e-3,
        }
        torch.save(checkpoint, folder / "ijepa.pth.tar")
        torch.save(checkpoint, folder / "ijepa-old.pth.tar", _use_new_zipfile_serialization=False)
        record("ijepa.target_encoder", target(images))
        record("ijepa.encoder", encoder(images))
        torch.save(target.state_dict(), folder / "state_dict.pth")
        # Views of one storage, transposed: legal, and met in the wild.
        transposed = {name: value.t().contiguous().t() if value.dim() == 2 else value
                      for name, value in target.state_dict().items()}
        torch.save({"model": transposed}, folder / "transposed.pth")
        for name, type in (("half", torch.float16), ("bfloat16", torch.bfloat16), ("double", torch.float64)):
            narrow = {key: value.to(type) for key, value in target.state_dict().items()}
            torch.save(narrow, folder / f"{name}.pth")
            copy = Encoder(width, depth, heads)
            copy.load_state_dict({key: value.float() for key, value in narrow.items()})
            record(name, copy.eval()(images))

        timm_model = randomize(timm_network(size))
        timm_model.pos_embed.normal_(0, 0.5)
        save_file(timm_model.state_dict(), folder / "timm.safetensors")
        torch.save({"state_dict": timm_model.state_dict(), "epoch": 1, "arch": "vit"}, folder / "timm.pth")
        record("timm", timm_model.forward_features(images))

        model = face_network(size)
        model.embeddings.position_embeddings.normal_(0, 0.5)
        model.save_pretrained(folder / "hf")
        record("hf", model(images).last_hidden_state)
        model.save_pretrained(folder / "hf-shards", max_shard_size="200KB" if size == "odd" else "5MB")
        classifier = face_network(size, "IJepaForImageClassification")
        classifier.save_pretrained(folder / "hf-classes")
        record("hf-classes", classifier.ijepa(images).last_hidden_state)
    save_file({"images": images, **features}, folder / "features.safetensors")
    (folder / "size.json").write_text(json.dumps({"width": width, "depth": depth, "heads": heads}))


# --- Weights that cjepa-exp wrote ----------------------------------------------------------------------------------------


def agree(name, ours, theirs):
    difference = (ours - theirs).abs().max().item()
    print(f"{name}: {difference:.2e}")
    # Written so that a NaN fails.
    assert difference <= TOLERANCE * max(1.0, theirs.abs().max().item()), f"{name}: features differ by {difference}"


def check(folder):
    import timm
    import transformers

    sizes = json.loads((folder / "size.json").read_text())
    width, depth, heads = sizes["width"], sizes["depth"], sizes["heads"]
    images = load_file(folder / "features.safetensors")["images"]
    ours = load_file(folder / "ours.safetensors")
    with torch.no_grad():
        model = transformers.IJepaModel.from_pretrained(folder / "written-hf").eval()
        assert model.config.layer_norm_eps == 1e-6 and model.config.num_attention_heads == heads
        agree("hf", ours["features"], model(images).last_hidden_state)
        processor = transformers.AutoImageProcessor.from_pretrained(folder / "written-hf")
        assert list(processor.image_mean) == [0.5, 0.25, 0.125], processor.image_mean

        network = timm.create_model("local-dir:" + str(folder / "written-timm"), pretrained=True).eval()
        assert network.blocks[0].attn.num_heads == heads
        agree("timm", ours["features"], network.forward_features(images))

        for name in ("written-ijepa.pth.tar", "written-state.pth"):
            loaded = torch.load(folder / name, map_location="cpu", weights_only=True)
            if "ijepa" in name:
                for key in ("encoder", "target_encoder", "epoch", "opt", "scaler", "loss", "batch_size", "world_size", "lr"):
                    assert key in loaded, key
                loaded = {key.removeprefix("module."): value for key, value in loaded["target_encoder"].items()}
            encoder = Encoder(width, depth, heads)
            encoder.load_state_dict(loaded)
            agree(name, ours["features"], encoder.eval()(images))
        # timm reads the public code's form too, from the context encoder.
        filtered = timm.models.vision_transformer.checkpoint_filter_fn(
            torch.load(folder / "written-ijepa.pth.tar", weights_only=True), network)
        network.load_state_dict(filtered)


def resample(folder):
    from timm.layers import resample_abs_pos_embed

    torch.manual_seed(2)
    table = torch.randn(1, 6 * 6, 12)
    tensors = {"6x6": table[0]}
    for rows, columns in ((4, 4), (9, 9), (6, 3), (14, 5), (1, 1), (6, 6)):
        made = resample_abs_pos_embed(table, new_size=[rows, columns], old_size=[6, 6], num_prefix_tokens=0)
        tensors[f"{rows}x{columns}"] = made[0].contiguous()
    save_file(tensors, folder / "resampled.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    command, folder = sys.argv[1], Path(sys.argv[2])
    if command == "make":
        make(folder, sys.argv[3] if len(sys.argv) > 3 else "odd")
    else:
        {"check": check, "resample": resample}[command](folder)
    print("OK")
