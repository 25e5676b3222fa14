"""The kinds of figures that the paper draws: convergence, ablation bars, spectra, maps of embeddings.

Every function returns a matplotlib figure and saves nothing.
"""

from __future__ import annotations

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from .experiment import Experiment, ResultsError
from .table import Table


def _colors(names: list[str]) -> dict[str, object]:
    colors = matplotlib.colormaps["tab10" if len(names) <= 10 else "tab20"]
    return {name: colors(index % colors.N) for index, name in enumerate(names)}


def _legend(figure: Figure, axis) -> None:
    figure.legend(*axis.get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize="small")


def convergence(experiment: Experiment, metric: str = "knn_20", encoder: str = "target") -> Figure:
    """A metric over training steps: mean over seeds, and the range of the seeds as a band."""
    frame = experiment.evaluation(encoder)
    if metric not in frame:
        raise ResultsError(f"{experiment.folder}: no metric {metric}; there are {', '.join(frame.columns[4:])}")
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    colors = _colors(experiment.arms)
    for arm, rows in frame.groupby("arm", observed=True):
        seeds = rows.groupby("step")[metric]
        mean = seeds.mean()
        axis.plot(mean.index, mean, color=colors[arm], label=arm, marker="." if len(mean) < 20 else None)
        if rows["seed"].nunique() > 1:
            axis.fill_between(mean.index, seeds.min(), seeds.max(), color=colors[arm], alpha=0.15, linewidth=0)
    axis.set_xlabel("step")
    axis.set_ylabel(f"{metric}, {encoder} encoder")
    _legend(figure, axis)
    return figure


def ablation_bars(table: Table, metric: str = "knn_20") -> Figure:
    """The mean of each arm with its 95 % interval and every seed's value; floors as lines."""
    frame = table.frame()
    frame = frame[frame["metric"] == metric]
    if frame.empty:
        raise ResultsError(f"{table.path}: no metric {metric}; there are {', '.join(table.metrics)}")
    factor = 100 if frame["is_accuracy"].iloc[0] else 1
    arms = frame[frame["kind"] == "arm"]
    values = table.values()
    figure = Figure(figsize=(7, 0.35 * len(arms) + 1.4), layout="constrained")
    axis = figure.subplots()
    places = np.arange(len(arms))[::-1]
    colors = ["tab:gray" if label == table.baseline else "tab:blue" for label in arms["label"]]
    axis.barh(places, factor * arms["mean"], color=colors, alpha=0.6)
    # A single seed has a value but no interval.
    known = arms["half_width"].notna().to_numpy()
    axis.errorbar(
        factor * arms["mean"][known], places[known], xerr=factor * arms["half_width"][known], fmt="none",
        ecolor="black", capsize=3,
    )
    for place, label in zip(places, arms["label"], strict=True):
        seeds = values[(values["label"] == label) & (values["metric"] == metric)]["value"]
        axis.plot(factor * seeds, np.full(len(seeds), place), "k.", markersize=4)
    for style, (_, floor) in zip(("--", ":", "-."), frame[frame["kind"] != "arm"].iterrows(), strict=False):
        axis.axvline(factor * floor["mean"], color="black", linestyle=style, linewidth=1, label=floor["label"])
    axis.set_yticks(places, arms["label"])
    axis.set_xlabel(f"{metric}{', %' if factor == 100 else ''}; bars: mean, whiskers: 95 % interval, points: seeds")
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize="small", loc="best")
    return figure


def spectra(experiment: Experiment, encoder: str = "target") -> Figure:
    """Singular values of the features at the last evaluation over the largest, one line per run."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    colors = _colors(experiment.arms)
    seen: set[str] = set()
    for run in experiment.done:
        values = run.singular_values(encoder).dropna("step", how="all")
        if values.sizes["step"] == 0:
            continue
        last = values.isel(step=-1)
        label = None if run.arm in seen else run.arm
        seen.add(run.arm)
        axis.semilogy(last["index"], last / last[0], color=colors[run.arm], label=label, linewidth=1)
    axis.set_xlabel("index")
    axis.set_ylabel("singular value / largest")
    _legend(figure, axis)
    return figure


def _plane(features: np.ndarray, method: str) -> np.ndarray:
    """Two coordinates for each row."""
    if method == "pca":
        centred = features - features.mean(axis=0)
        left, values, _ = np.linalg.svd(centred, full_matrices=False)
        plane = left[:, :2] * values[:2]
        return np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))
    if method == "umap":
        try:
            import umap
        except ImportError as error:
            raise ResultsError("UMAP is not installed; `pip install umap-learn`, or choose pca") from error
        return umap.UMAP(random_state=0).fit_transform(features)
    raise ResultsError(f"no map is called {method}; there are pca and umap")


def embedding_map(embeddings: xr.DataArray, method: str = "pca", axis=None) -> Figure:
    """Embeddings [image, feature] in two dimensions, coloured by label. ``method``: "pca" or "umap" (seeded)."""
    figure = axis.figure if axis is not None else Figure(figsize=(5, 5), layout="constrained")
    axis = axis if axis is not None else figure.subplots()
    plane = _plane(embeddings.to_numpy(), method)
    axis.scatter(plane[:, 0], plane[:, 1], c=embeddings["label"], cmap="tab10", s=6, linewidths=0)
    axis.set_title("{arm} s{seed}, step {step}".format(**embeddings.attrs), fontsize="small")
    axis.set_xticks([])
    axis.set_yticks([])
    return figure


def embedding_maps(experiment: Experiment, method: str = "pca", encoder: str = "target") -> Figure:
    """One map for each arm, of its first finished run."""
    arms = [arm for arm in experiment.arms if any(run.arm == arm for run in experiment.done)]
    runs = [run for run in (experiment.run(arm) for arm in arms) if run.embedding_steps(encoder)]
    if not runs:
        raise ResultsError(f"{experiment.folder}: no finished run has stored embeddings of the {encoder} encoder")
    columns = min(4, len(runs))
    rows = -(-len(runs) // columns)
    figure = Figure(figsize=(3 * columns, 3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, run in zip(axes, runs, strict=False):
        embedding_map(run.embeddings(encoder), method, axis)
    for axis in axes[len(runs):]:
        axis.set_visible(False)
    return figure
