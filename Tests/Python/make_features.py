"""Writes the same features in every format that `cjepa-exp diagnose` reads, and what numpy makes of them.

Called by DiagnoseCommandTests with a folder; needs Debian's python3-numpy and python3-h5py.
"""

import json
import struct
import sys
from pathlib import Path

import h5py
import numpy as np


def entropy_rank(values, epsilon):
    p = values / values.sum() + epsilon
    p = p[p > 0]
    return float(np.exp(-(p * np.log(p)).sum()))


def measures(z):
    """Every measure by its definition in METHOD's words, without any shared code."""
    z = np.asarray(z, dtype=np.float64)
    n, d = z.shape
    sigma = np.linalg.svd(z, compute_uv=False)
    centred = np.linalg.svd(z - z.mean(axis=0), compute_uv=False)
    eigenvalues = centred**2 / (n - 1)
    std = z.std(axis=0, ddof=1)
    unit = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
    gram = unit @ unit.T
    upper = np.triu_indices(n, 1)
    j = np.arange(1, d + 1)
    alpha = -np.polyfit(np.log(j), np.log(eigenvalues), 1, w=1 / np.sqrt(j))[0]
    return {
        "rankme": entropy_rank(sigma, 1e-7),
        "std_mean": std.mean(),
        "std_min": std.min(),
        "std_low_share": (std < 0.01 * np.median(std)).mean(),
        "normalised_std_mean": unit.std(axis=0, ddof=1).mean(),
        "mean_cosine": gram[upper].mean(),
        "mean_norm_ratio": np.linalg.norm(z.mean(axis=0)) / np.sqrt((z**2).sum(axis=1).mean()),
        "live_directions": (centred[: min(n - 1, d)] >= 0.01 * centred[0]).mean(),
        "effective_rank": entropy_rank(centred, 1e-7),
        "effective_rank_eigen": entropy_rank(eigenvalues, 1e-7),
        "participation_ratio": eigenvalues.sum() ** 2 / (eigenvalues**2).sum(),
        "nesum": eigenvalues.sum() / eigenvalues[0],
        "condition_number": sigma[0] / sigma[-1],
        "alpha_req": alpha,
        "uniformity": np.log(np.exp(-2 * (2 - 2 * gram[upper])).mean()),
    }


def lidar(views, delta=1e-4, epsilon=1e-8):
    views = np.asarray(views, dtype=np.float64)
    n, q, d = views.shape
    means = views.mean(axis=1)
    between = (means - means.mean(axis=0)).T @ (means - means.mean(axis=0)) / (n - 1)
    inner = (views - means[:, None]).reshape(-1, d)
    within = inner.T @ inner / (n * (q - 1)) + delta * np.eye(d)
    values, vectors = np.linalg.eigh(within)
    root = vectors / np.sqrt(values) @ vectors.T
    eigenvalues = np.clip(np.linalg.eigvalsh(root @ between @ root), 0, None)
    shifted = (eigenvalues + 1e-8) / (eigenvalues + 1e-8).sum()
    return entropy_rank(eigenvalues, epsilon), float(np.exp(-(shifted * np.log(shifted)).sum()))


def libraries(z):
    z = np.asarray(z, dtype=np.float64)
    n, d = z.shape
    sigma = np.linalg.svd(z, compute_uv=False)
    ratios = np.linalg.svd(z - z.mean(axis=0), compute_uv=False) ** 2
    ratios /= ratios.sum()
    tail = np.arange(5, min(100, d))
    j = tail + 1
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    std = unit.std(axis=0, ddof=1).mean()
    return {
        "rankme-paper RankMe": entropy_rank(sigma, 1e-7),
        "roy-vetterli effective rank": entropy_rank(sigma, 0),
        "stable-pretraining RankMe": entropy_rank(sigma, 1e-5),
        "reptrix get_rankme": entropy_rank(ratios, 1e-7),
        "reptrix get_alpha": -np.polyfit(np.log(j), np.log(ratios[tail]), 1, w=1 / np.sqrt(j))[0],
        "lightly std_of_l2_normalized": std,
        "lightly collapse level": max(0.0, 1 - np.sqrt(d) * std),
    }


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, (kind, shape, data) in tensors.items():
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))


def bfloat16(values):
    return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()


def main(folder):
    rng = np.random.default_rng(7)
    scale = 1 / np.arange(1, 13) ** 0.6
    # Multiples of 1/8 within ±16: the same numbers in every type, bfloat16 included.
    z = np.clip(np.round((rng.normal(size=(150, 12)) * scale * 2 + 0.5) * 8) / 8, -15.875, 15.875)
    z = (z.astype("<f4").view("<u4") & 0xFFFF0000).view("<f4")
    views = (rng.normal(size=(30, 1, 6)) + 0.4 * rng.normal(size=(30, 4, 6))).astype(np.float32)
    patches = (rng.normal(size=(40, 1, 8)) + 0.7 * rng.normal(size=(40, 9, 8))).astype(np.float32)

    for name, kind in [("half", "<f2"), ("single", "<f4"), ("double", "<f8"), ("big", ">f4")]:
        np.save(folder / f"{name}.npy", z.astype(kind))
    np.save(folder / "fortran.npy", np.asfortranarray(z.astype("<f8")))
    np.savez(folder / "stored.npz", features=z, labels=np.arange(150))
    np.savez_compressed(folder / "deflated.npz", features=z, labels=np.arange(150))
    with h5py.File(folder / "plain.h5", "w") as file:
        file["group/features"] = z
        file["labels"] = np.arange(150)
    with h5py.File(folder / "half.h5", "w") as file:
        file.create_dataset("features", data=z.astype(np.float16), compression="gzip", chunks=(50, 12))
    write_safetensors(
        folder / "single.safetensors",
        {"features": ("F32", z.shape, z.tobytes()), "labels": ("I64", (150,), np.arange(150).tobytes())},
    )
    write_safetensors(folder / "brain.safetensors", {"features": ("BF16", z.shape, bfloat16(z))})
    write_safetensors(folder / "half.safetensors", {"features": ("F16", z.shape, z.astype("<f2").tobytes())})
    np.save(folder / "views.npy", views)
    np.savez(folder / "patches.npz", patches)
    np.savez(folder / "several.npz", first=z, second=z[:, :3], third=views)
    np.save(folder / "integers.npy", np.arange(12).reshape(3, 4))
    np.save(folder / "huge.npy", np.array([[1.0, 2.0], [1e300, 4.0]]))
    broken = z.copy()
    broken[3, 4] = np.nan
    np.save(folder / "nan.npy", broken)
    np.save(folder / "tiny.npy", z.astype("<f8") / np.abs(z).max() * 1e-45)
    np.save(folder / "small.npy", z * np.float32(2.0**-100))
    np.save(folder / "close.npy", (views * np.float32(2.0**-70)))
    many = z.copy()
    many[10:50, 1] = np.inf
    many[20, 2] = np.nan
    np.save(folder / "many.npy", many)
    np.save(folder / "zeros.npy", np.zeros((20, 4), np.float32))
    np.save(folder / "one_row.npy", np.ones((1, 4), np.float32))
    np.save(folder / "one_column.npy", rng.normal(size=(50, 1)).astype(np.float32))
    np.save(folder / "few_rows.npy", np.random.default_rng(5).normal(size=(32, 768)).astype(np.float32))
    np.savez(folder / "structured.npz", features=z, meta=np.array([(1,)], dtype=[("id", "i4")]))
    with h5py.File(folder / "links.h5", "w") as file:
        file["a/features"] = z
        file["a/self"] = h5py.SoftLink("/a")
        file["nowhere"] = h5py.SoftLink("/none")
        file["elsewhere"] = h5py.ExternalLink("none.h5", "/")
    whole = bytearray((folder / "single.npy").read_bytes())
    endless = b"'shape': (9999999999, 9999999999), }"
    place = whole.index(b"'shape'")
    whole[place:place + len(endless)] = endless
    (folder / "endless.npy").write_bytes(whole)
    (folder / "cut.npy").write_bytes((folder / "single.npy").read_bytes()[:400])
    (folder / "cut.npz").write_bytes((folder / "deflated.npz").read_bytes()[:-60])
    (folder / "text.npy").write_text("no array")
    (folder / "empty.npz").write_bytes(b"")

    pooled = patches.astype(np.float64).mean(axis=1)
    residuals = patches - pooled[:, None]
    own, shifted = lidar(views)
    within = (residuals**2).sum(axis=2).mean() * 9 / 8
    between = np.trace(np.cov(pooled.T))
    expected = {
        "measures": measures(z),
        "libraries": libraries(z),
        "views": {"lidar": own, "stable-pretraining LiDAR": shifted},
        "patches": {
            "images": measures(pooled),
            "patches": measures(patches.reshape(-1, 8)),
            "within": measures(residuals.reshape(-1, 8)),
            "between_within_ratio": between / within,
        },
    }
    (folder / "expected.json").write_text(json.dumps(expected, default=float))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
