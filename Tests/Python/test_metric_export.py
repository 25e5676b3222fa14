"""Reads what `cjepa-exp export` wrote with the programs that it is for: pyarrow, tensorboard, h5py and silx.

Called by MetricExportTests with the folder of the exports; needs Tests/Python/requirements-export.txt.
"""

import math
import sys
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as parquet
from silx.io import nxdata
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader


def read_parquet(folder):
    steps = parquet.read_table(folder / "parquet" / "steps.parquet")
    assert steps.column_names == ["run", "arm", "seed", "step", "loss", "step_seconds"], steps.column_names
    assert steps["arm"].to_pylist() == ["ijepa"] * 3 + ['c"jepa, x'] * 2
    assert steps["seed"].to_pylist() == [0, 0, 0, 1, 1]
    loss = steps["loss"].to_pylist()
    assert loss[:3] == [1, 0.5, 1 / 3] and math.isnan(loss[3]) and loss[4] == -math.inf, loss
    large = parquet.ParquetFile(folder / "large.parquet")
    assert large.num_row_groups == 2
    assert large.metadata.metadata[b"key"] == b"value"
    table = large.read()
    rows = 65_536 + 10
    assert table.num_rows == rows and table.num_columns == 22
    assert table["text"][rows - 1].as_py() == f"größe {(rows - 1) % 7}"
    np.testing.assert_array_equal(table["integer"].to_numpy(), np.arange(rows) - 5)
    np.testing.assert_array_equal(table["d19"].to_numpy(), np.arange(rows) / 20)
    embeddings = parquet.read_table(folder / "embeddings.parquet")
    assert embeddings.column_names == ["index", "label", "label_name", "f0", "f1"]
    assert embeddings["label_name"].to_pylist() == ["Ankle boot", "T-shirt/top"]
    assert embeddings["f1"].to_numpy().dtype == np.float32
    np.testing.assert_array_equal(embeddings["f1"].to_numpy(), np.array([-1.5, 1e-30], dtype=np.float32))


def read_tensorboard(folder):
    runs = sorted(path.name for path in (folder / "tensorboard").iterdir())
    assert runs == ['c"jepa, x-s1-5e6f7a8b', "ijepa-s0-1a2b3c4d"], runs
    log = folder / "tensorboard" / "ijepa-s0-1a2b3c4d"
    # Every record with a right checksum: the file's version, two evaluations, three steps.
    assert sum(1 for _ in RawEventFileLoader(str(next(log.iterdir()))).Load()) == 6
    events = EventAccumulator(str(log), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()["scalars"]
    assert sorted(tags) == ["evaluation/target/knn_20", "steps/loss", "steps/step_seconds"], tags
    loss = events.Scalars("steps/loss")
    assert [event.step for event in loss] == [1, 2, 3]
    np.testing.assert_array_equal([event.value for event in loss], np.float32([1, 0.5, 1 / 3]))
    assert [event.wall_time for event in loss] == [1_700_000_002, 1_700_000_003, 1_700_000_004]


def read_live(folder):
    # Two files: what the first has after step 2 is dropped.
    assert len(list((folder / "live").iterdir())) == 2
    events = EventAccumulator(str(folder / "live"), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("steps/loss")] == [(1, 1), (2, 2), (3, 30), (4, 40)]


def read_matrix(folder):
    with h5py.File(folder / "demo" / "matrix.h5", "r") as file:
        assert file.attrs["experiment"] == "demo" and file.attrs["baseline"] == "ijepa"
        assert sorted(file["runs"]) == ["ijepa-s0-aaaabbbb", "vicreg-s1-ccccdddd"]
        assert isinstance(file.get("runs/ijepa-s0-aaaabbbb", getlink=True), h5py.ExternalLink)
        np.testing.assert_allclose(file["runs/vicreg-s1-ccccdddd/steps/loss"][()], [1, 1 / 2, 1 / 3])
        assert file["arms/vicreg/seed_1"].attrs["seed"] == 1
        np.testing.assert_array_equal(file["summary/seed"][()], [0, 1])
        np.testing.assert_allclose(file["summary/evaluation/target/knn_20"][()], [0.8, 0.8])
        assert "cosine" in file["summary/evaluation/target/knn_20"].attrs["convention"]


def read_nxdata(folder):
    with h5py.File(folder / "demo" / "ijepa-s0-aaaabbbb" / "run.h5", "r") as file:
        # What silx opens first, and each series as a curve over its steps.
        default = nxdata.get_default(file)
        assert default is not None and default.is_curve, default
        for group, signal, axis in [("steps", "loss", [1, 2, 3]), ("evaluation/target", "knn_20", [0, 3])]:
            data = nxdata.NXdata(file[group])
            assert data.is_valid and data.is_curve, (group, data.issues)
            assert data.signal_dataset_name == signal, data.signal_dataset_name
            np.testing.assert_array_equal(data.axes[0], axis)


def main(folder):
    readers = {
        "parquet": read_parquet, "tensorboard": read_tensorboard, "live": read_live, "matrix": read_matrix,
        "nxdata": read_nxdata,
    }
    for read in readers.values():
        read(folder)
    print("read:", *readers)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
