"""An experiment's folder: ``experiment.json`` and one folder with ``run.h5`` for each run."""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  registers the zstd filter of matrices
import numpy as np
import pandas as pd
import xarray as xr

from . import seal

FORMAT_VERSION = 1


class ResultsError(Exception):
    """Results that cannot be used; the text names the file and what to do."""


class DamagedResults(ResultsError):
    """A file that does not match its checksum. Its run counts as missing; the others are unaffected."""


@dataclass(frozen=True)
class Run:
    """One run of the matrix. Files are opened for each question, so they may be replaced in between."""

    path: Path
    arm: str
    seed: int
    differences: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def file(self) -> Path:
        return self.path / "run.h5"

    @cached_property
    def status(self) -> str:
        """planned, running, interrupted, failed, done…"""
        state = self.path / "state.json"
        return json.loads(state.read_text())["status"] if state.exists() else "planned"

    def open(self) -> h5py.File:
        """The HDF5 file, for everything that the methods below do not cover; compared with its checksum first."""
        if not self.file.exists():
            raise ResultsError(f"{self.file}: the run has stored nothing yet; train it with `cjepa-exp run`")
        try:
            data, verified = seal.read(self.file)
        except seal.Damaged as error:
            raise DamagedResults(
                f"{self.file} is damaged: {error}; put back a copy, or train the run again with `cjepa-exp rerun "
                f"{self.path}`"
            ) from error
        if not verified:
            warnings.warn(
                "written by an earlier version without a checksum, read unverified: " + str(self.file), stacklevel=2)
        # The very bytes that were compared, also where a running worker replaces the file meanwhile.
        file = h5py.File(io.BytesIO(data), "r")
        version = file.attrs.get("format_version")
        if version != FORMAT_VERSION:
            file.close()
            raise ResultsError(
                f"{self.file}: format version {version}, this package reads {FORMAT_VERSION}; "
                "use the package of the revision that wrote it"
            )
        return file

    @cached_property
    def configuration(self) -> dict:
        """Every setting, with defaults filled in."""
        with self.open() as file:
            return json.loads(file["configuration"][()])

    @cached_property
    def provenance(self) -> dict[str, object]:
        with self.open() as file:
            return dict(file["provenance"].attrs)

    def tables(self) -> list[str]:
        """Names of the stored tables: "steps", "evaluation/target"…"""
        names: list[str] = []

        def visit(name: str, item: object) -> None:
            if isinstance(item, h5py.Group) and "columns" in item.attrs:
                names.append(name)

        with self.open() as file:
            file.visititems(visit)
        return sorted(names)

    def table(self, name: str) -> pd.DataFrame:
        """A table with one row per step or evaluation. ``attrs`` of the frame hold each column's unit and convention."""
        with self.open() as file:
            if name not in file or "columns" not in file[name].attrs:
                raise ResultsError(f"{self.file}: there is no table {name}; there are {', '.join(self.tables())}")
            group = file[name]
            columns = [_text(column) for column in group.attrs["columns"]]
            frame = pd.DataFrame({column: group[column][:] for column in columns})
            frame.attrs = {
                column: {key: _text(value) for key, value in group[column].attrs.items() if key in ("unit", "convention")}
                for column in columns
            }
        frame["step"] = frame["step"].astype(int)
        return frame

    def singular_values(self, encoder: str = "target") -> xr.DataArray:
        """[step, index] of every evaluation, descending."""
        with self.open() as file:
            group = file[f"evaluation/{encoder}"]
            values = group["singular_values"][:]
            steps = group["step"][:].astype(int)
        return xr.DataArray(
            values,
            dims=("step", "index"),
            coords={"step": steps, "index": np.arange(1, values.shape[1] + 1)},
            name="singular_values",
        )

    def embedding_steps(self, encoder: str = "target") -> list[int]:
        with self.open() as file:
            group = file.get(f"embeddings/{encoder}")
            return sorted(int(name.removeprefix("step_")) for name in group) if group is not None else []

    def embeddings(self, encoder: str = "target", step: int | None = None) -> xr.DataArray:
        """Features [image, feature] of the test images, with label and place in the split as coordinates.

        ``step``: training step; none: the last that is stored.
        """
        steps = self.embedding_steps(encoder)
        chosen = steps[-1] if step is None and steps else step
        if chosen not in steps:
            raise ResultsError(f"{self.file}: no embeddings of the {encoder} encoder at step {step}; there are {steps}")
        with self.open() as file:
            features = file[f"embeddings/{encoder}/step_{chosen}"][:]
            labels = file["embeddings/labels"][:]
            indices = file["embeddings/indices"][:]
        return xr.DataArray(
            features,
            dims=("image", "feature"),
            coords={"label": ("image", labels), "index": ("image", indices)},
            attrs={"arm": self.arm, "seed": self.seed, "encoder": encoder, "step": chosen},
            name="embeddings",
        )


class Experiment:
    """All runs of an experiment, in the order of its matrix."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        record = self.folder / "experiment.json"
        if not record.exists():
            raise ResultsError(f"{record}: there is none; give the folder that `cjepa-exp run` made, results/EXPERIMENT")
        content = json.loads(record.read_text())
        if content["format_version"] != FORMAT_VERSION:
            raise ResultsError(f"{record}: format version {content['format_version']}, this package reads {FORMAT_VERSION}")
        self.name: str = content["name"]
        self.question: str = content["question"]
        self.expected: str = content["expected"]
        self.baseline: str = content["baseline"]
        self.arms: list[str] = content["arms"]
        self.runs = [
            Run(self.folder / entry["directory_name"], entry["arm"], entry["seed"], entry["differences"])
            for entry in content["runs"]
        ]

    def __repr__(self) -> str:
        return f"Experiment({self.name!r}, {len(self.arms)} arms, {len(self.runs)} runs, {len(self.done)} done)"

    @cached_property
    def done(self) -> list[Run]:
        """Runs that are done; one whose file is damaged is left out with a warning."""
        return [run for run in self.runs if run.status == "done" and self._is_whole(run)]

    @staticmethod
    def _is_whole(run: Run) -> bool:
        try:
            run.open().close()
        except DamagedResults as error:
            warnings.warn(str(error), stacklevel=3)
            return False
        return True

    def run(self, arm: str, seed: int | None = None) -> Run:
        """The arm's run of a seed, or its first that is done."""
        runs = [run for run in self.done if run.arm == arm and seed in (None, run.seed)]
        if not runs:
            raise ResultsError(f"{self.folder}: no finished run of {arm}" + ("" if seed is None else f" with seed {seed}"))
        return runs[0]

    def frame(self, table: str = "evaluation/target") -> pd.DataFrame:
        """One table of all finished runs, one below the other, with the columns arm, seed and run before it."""
        frames = []
        for run in self.done:
            if table not in run.tables():
                continue
            frame = run.table(table)
            frame.insert(0, "run", run.name)
            frame.insert(0, "seed", run.seed)
            frame.insert(0, "arm", pd.Categorical([run.arm] * len(frame), categories=self.arms, ordered=True))
            frames.append(frame)
        if not frames:
            raise ResultsError(f"{self.folder}: no finished run holds the table {table}")
        attributes = frames[0].attrs
        for frame in frames:
            frame.attrs = {}
        result = pd.concat(frames, ignore_index=True)
        result["arm"] = pd.Categorical(result["arm"], categories=self.arms, ordered=True)
        result.attrs = attributes
        return result

    def steps(self) -> pd.DataFrame:
        """Training steps of all finished runs."""
        return self.frame("steps")

    def evaluation(self, encoder: str = "target") -> pd.DataFrame:
        """Evaluations of all finished runs; the row with step 0 is the initialisation."""
        return self.frame(f"evaluation/{encoder}")

    def dataset(self, table: str = "evaluation/target") -> xr.Dataset:
        """One table as arrays [arm, seed, step]; NaN where a run or a row is missing."""
        frame = self.frame(table).drop(columns="run")
        frame["arm"] = frame["arm"].astype(str)
        dataset = frame.set_index(["arm", "seed", "step"]).to_xarray()
        return dataset.reindex(arm=[arm for arm in self.arms if arm in dataset["arm"].values])


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
