"""The comparison table as ``cjepa-exp table --format json`` writes it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from .experiment import ResultsError


class Table:
    """Arms against metrics with intervals, differences from the baseline and floors."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            content = json.loads(self.path.read_text())
            self.experiment: str = content["experiment"]
            self.baseline: str = content["baseline"]
            self.columns: list[dict] = content["columns"]
            self._rows: list[dict] = content["rows"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResultsError(
                f"{self.path}: no comparison table ({error}); make one with `cjepa-exp table EXPERIMENT --format json "
                f"--output {self.path.name}`"
            ) from error

    @property
    def metrics(self) -> list[str]:
        return [column["name"] for column in self.columns]

    def frame(self, quantity: str = "statistics") -> pd.DataFrame:
        """A row for each row of the table and metric: kind, label, metric, n, mean, sd, half_width (95 %).

        ``quantity``: "statistics" of the values, or "difference" from the baseline, paired by seed.
        """
        rows = []
        for row in self._rows:
            for column, cell in zip(self.columns, row["cells"], strict=True):
                numbers = cell.get(quantity)
                if numbers is None:
                    continue
                rows.append(
                    {
                        "kind": row["kind"],
                        "label": row["label"],
                        "metric": column["name"],
                        "is_accuracy": column["is_accuracy"],
                        "n": numbers["n"],
                        "mean": numbers["mean"],
                        "sd": numbers.get("standard_deviation"),
                        "half_width": numbers.get("confidence_half_width"),
                    }
                )
        columns = ["kind", "label", "metric", "is_accuracy", "n", "mean", "sd", "half_width"]
        frame = pd.DataFrame(rows, columns=columns)
        return frame.astype({"mean": float, "sd": float, "half_width": float})

    def values(self) -> pd.DataFrame:
        """The value of every seed: label, metric, seed, value."""
        rows = [
            {"label": row["label"], "metric": column["name"], "seed": value["seed"], "value": value["value"]}
            for row in self._rows
            for column, cell in zip(self.columns, row["cells"], strict=True)
            for value in cell.get("values", [])
        ]
        return pd.DataFrame(rows, columns=["label", "metric", "seed", "value"])
