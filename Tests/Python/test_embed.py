"""Reads every format that `cjepa-exp embed` writes and compares it with the values that were written.

Called by FeatureWriterTests with the folder of the files; needs Debian's python3-numpy and python3-h5py. With a folder of
packages behind it, those of Tests/Python/requirements-export.txt, these are used, and pyarrow reads Parquet.
"""

import csv
import json
import sys
from pathlib import Path

# In front of Debian's: pyarrow wants a newer NumPy than that.
sys.path[1:1] = sys.argv[2:]

import h5py
import numpy as np

ROWS, WIDTH = 100, 3
FEATURES = ((np.arange(ROWS * WIDTH) % 61).astype(np.float32) / 4 - 7).reshape(ROWS, WIDTH)
LABELS = np.arange(ROWS, dtype=np.int32) % 4 - 1
NAMES = [f"größe/{i}.png" if i % 7 == 0 else f"{i}.jpg" for i in range(ROWS)]
CLASSES = ["Katze", "chien, grand"]
ORIGIN = {"run": "a-s0", "pool": 'mean "x"'}


def check(features, labels, names):
    """Exact equality: the features are exact in every type."""
    np.testing.assert_array_equal(np.asarray(features, dtype=np.float32), FEATURES)
    np.testing.assert_array_equal(np.asarray(labels), LABELS)
    assert list(names) == NAMES, names


def read_h5(path, dtype):
    with h5py.File(path, "r") as file:
        assert file["features"].chunks is None and file["features"].compression is None
        # bfloat16 is opened as float32.
        assert file["features"].dtype == {"float16": np.float16}.get(dtype, np.float32), file["features"].dtype
        check(file["features"][()], file["labels"][()], file["names"].asstr()[()])
        assert list(file["label_names"].asstr()[()]) == CLASSES
        assert dict(file.attrs) == ORIGIN, dict(file.attrs)


def read_npz(path, dtype):
    with np.load(path, allow_pickle=False) as archive:
        assert sorted(archive.files) == ["features", "label_names", "labels", "names", "origin"], archive.files
        assert archive["features"].dtype == dtype and archive["labels"].dtype == np.int32
        check(archive["features"], archive["labels"], archive["names"])
        assert list(archive["label_names"]) == CLASSES
        assert json.loads(archive["origin"].item()) == ORIGIN


def read_npy(path, dtype):
    features = np.load(path, mmap_mode="r", allow_pickle=False)
    assert features.dtype == dtype
    with open(path.with_name(path.stem + "-images.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    check(features, [int(row["label"]) for row in rows], [row["name"] for row in rows])
    assert [row["label_name"] for row in rows[:4]] == ["-1", *CLASSES, "2"]


def read_safetensors(path, dtype):
    """By the format's definition: length, JSON header, bytes."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert header.pop("__metadata__") == ORIGIN | {"label_names": json.dumps(CLASSES, separators=(",", ":"))}
    tensors = {}
    position = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        assert begin == position, "a hole"
        position = end
        kind = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "I32": "<i4", "I64": "<i8", "U8": "u1"}[entry["dtype"]]
        # Aligned, as readers want it that look at a map of the file.
        assert (8 + length + begin) % np.dtype(kind).itemsize == 0, name
        tensors[name] = np.frombuffer(content[8 + length + begin : 8 + length + end], kind).reshape(entry["shape"])
    assert 8 + length + position == len(content)
    features = tensors["features"]
    if dtype == "bfloat16":
        features = (features.astype(np.uint32) << 16).view(np.float32)
    text, ends = tensors["names"].tobytes(), tensors["name_ends"]
    names = [text[a:b].decode() for a, b in zip([0, *ends], ends)]
    check(features, tensors["labels"], names)


def read_parquet(path, dtype):
    table = parquet.read_table(path)
    assert table.column_names == ["name", "label", "label_name", "f0", "f1", "f2"], table.column_names
    assert str(table.schema.field("f0").type) == {"float16": "halffloat", "float32": "float"}[dtype]
    features = np.stack([table[f"f{column}"].to_numpy() for column in range(WIDTH)], axis=1)
    check(features, table["label"].to_numpy(), table["name"].to_pylist())
    assert table["label_name"].to_pylist()[:4] == ["-1", *CLASSES, "2"]
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert metadata.items() >= ORIGIN.items(), metadata


folder = Path(sys.argv[1])
readers = {"h5": read_h5, "npz": read_npz, "npy": read_npy, "safetensors": read_safetensors}
if len(sys.argv) > 2:
    import pyarrow.parquet as parquet

    readers["parquet"] = read_parquet
for name, read in readers.items():
    files = sorted(folder.glob(f"*.{name}"))
    assert len(files) == (3 if name in ("h5", "safetensors") else 2), files
    for file in files:
        read(file, file.stem)
print("formats read:", *readers)
