"""Loads every format that `cjepa-exp export` writes and compares it with the values that were written.

Called by EmbeddingExportTests with the folder of the exports; needs Debian's python3-numpy and python3-h5py.
"""

import csv
import json
import sys
from pathlib import Path

import h5py
import numpy as np

FEATURES = np.array(
    [[0, -1.5], [1 / 3, 1e-30], [3e30, np.nan], [16_777_215, -0.1]], dtype=np.float32
)
LABELS = np.array([0, 9, 3, 12], dtype=np.int32)
INDICES = np.array([0, 7, 8, 499], dtype=np.int32)
NAMES = ["T-shirt/top", "Ankle boot", "Dress", "12"]


def check(features, labels, indices):
    """Exact equality: every format carries float32 without loss."""
    np.testing.assert_array_equal(np.asarray(features, dtype=np.float32), FEATURES)
    np.testing.assert_array_equal(np.asarray(labels), LABELS)
    np.testing.assert_array_equal(np.asarray(indices), INDICES)


def read_npz(path):
    with np.load(path, allow_pickle=False) as archive:
        assert sorted(archive.files) == ["features", "indices", "labels"], archive.files
        assert archive["features"].dtype == np.float32 and archive["features"].shape == (4, 2)
        assert archive["labels"].dtype == np.int32
        check(archive["features"], archive["labels"], archive["indices"])


def read_hdf5(path):
    with h5py.File(path, "r") as file:
        assert file["features"].dtype == np.float32 and file["features"].shape == (4, 2)
        # No filter: readable without plug-ins.
        assert file["features"].compression is None
        check(file["features"][()], file["labels"][()], file["indices"][()])
        assert file.attrs["run"] == "ijepa-s0-1a2b3c4d", dict(file.attrs)
        assert file.attrs["encoder"] == "target" and file.attrs["step"] == 100
        names = list(file.attrs["label_names"])
        assert names[9] == "Ankle boot"


def read_npy(path):
    check(*(np.load(path / f"{name}.npy", allow_pickle=False) for name in ["features", "labels", "indices"]))


def read_safetensors(path):
    """By the format's definition: length, JSON header, bytes."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert header.pop("__metadata__") == {
        "experiment": "demo", "run": "ijepa-s0-1a2b3c4d", "encoder": "target", "step": "100", "split": "test"
    }
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        dtype = {"F32": "<f4", "I32": "<i4"}[entry["dtype"]]
        tensors[name] = np.frombuffer(content[begin:end], dtype).reshape(entry["shape"])
    assert tensors["features"].shape == (4, 2)
    check(tensors["features"], tensors["labels"], tensors["indices"])


def read_csv(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label_name"] for row in rows] == NAMES
    features = [[np.float32(row["f0"]), np.float32(row["f1"])] for row in rows]
    check(features, [int(row["label"]) for row in rows], [int(row["index"]) for row in rows])


def read_tsv(path):
    vectors = [line.split("\t") for line in (path / "vectors.tsv").read_text().splitlines()]
    metadata = [line.split("\t") for line in (path / "metadata.tsv").read_text().splitlines()]
    assert metadata[0] == ["label_name", "label", "index"]
    assert [row[0] for row in metadata[1:]] == NAMES
    check(
        [[np.float32(value) for value in row] for row in vectors],
        [int(row[1]) for row in metadata[1:]],
        [int(row[2]) for row in metadata[1:]],
    )


def main(folder):
    # Parquet needs pyarrow: test_metric_export.py.
    readers = {
        "npz": read_npz,
        "npy": read_npy,
        "hdf5": read_hdf5,
        "csv": read_csv,
        "tsv": read_tsv,
        "safetensors": read_safetensors,
    }
    for name, read in readers.items():
        read(folder / f"embeddings.{name}")
    print("formats read:", *readers)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
