"""Draws all figures of an experiment: ``python -m cjepa_analysis results/ablation --table ablation.json``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import figures
from .experiment import Experiment, ResultsError
from .table import Table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m cjepa_analysis", description=__doc__)
    parser.add_argument("experiment", nargs="?", help="folder that `cjepa-exp run` made, results/EXPERIMENT")
    parser.add_argument("--table", help="JSON of `cjepa-exp table EXPERIMENT --format json`, for the bars")
    parser.add_argument("--metric", default="knn_20")
    parser.add_argument("--encoder", default="target", choices=["target", "context"])
    parser.add_argument("--map", default="pca", choices=["pca", "umap"])
    parser.add_argument("--output", default="figures", help="folder for the pictures")
    parser.add_argument("--format", default="png", choices=["png", "pdf", "svg"])
    arguments = parser.parse_args()
    if arguments.experiment is None and arguments.table is None:
        parser.error("give an experiment's folder, a table, or both")
    try:
        made = {}
        if arguments.table is not None:
            made["bars"] = figures.ablation_bars(Table(arguments.table), arguments.metric)
        if arguments.experiment is not None:
            experiment = Experiment(arguments.experiment)
            made["convergence"] = figures.convergence(experiment, arguments.metric, arguments.encoder)
            made["spectra"] = figures.spectra(experiment, arguments.encoder)
            made["maps"] = figures.embedding_maps(experiment, arguments.map, arguments.encoder)
        folder = Path(arguments.output)
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in made.items():
            path = folder / f"{name}.{arguments.format}"
            figure.savefig(path, dpi=150)
            print(path)
    except (ResultsError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 64
    return 0


if __name__ == "__main__":
    sys.exit(main())
