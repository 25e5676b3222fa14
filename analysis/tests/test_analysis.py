"""What the package reads agrees with what the program says, and every figure can be drawn."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from cjepa_analysis import DamagedResults, Experiment, ResultsError, Table, figures

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def experiment(results):
    return Experiment(results / "smoke")


def test_every_run_of_the_matrix_is_there(experiment):
    assert len(experiment.done) == len(experiment.runs) > 1
    assert experiment.baseline in experiment.arms
    assert {run.arm for run in experiment.runs} == set(experiment.arms)


def test_the_last_evaluation_is_the_tables_number(experiment, table_file):
    table = Table(table_file)
    values = table.values().set_index(["label", "metric", "seed"])["value"]
    evaluation = experiment.evaluation()
    last = evaluation[evaluation["step"] == evaluation.groupby("run")["step"].transform("max")]
    assert len(last) == len(experiment.done)
    for _, row in last.iterrows():
        assert row["knn_20"] == pytest.approx(values[row["arm"], "knn_20", row["seed"]], abs=1e-12)
    means = table.frame().set_index(["label", "metric"])["mean"]
    for arm, rows in last.groupby("arm", observed=True):
        assert rows["knn_20"].mean() == pytest.approx(means[arm, "knn_20"], abs=1e-12)


def test_steps_are_complete_and_carry_their_conventions(experiment):
    steps = experiment.steps()
    for _, rows in steps.groupby("run"):
        assert list(rows["step"]) == list(range(1, len(rows) + 1))
    assert np.isfinite(steps["loss"]).all()
    assert steps.attrs["step_seconds"]["unit"] == "s"
    assert steps.attrs["prediction_loss"]["convention"]


def test_arrays_hold_the_frames_numbers(experiment):
    frame, dataset = experiment.evaluation(), experiment.dataset()
    assert list(dataset["arm"].values) == experiment.arms
    for _, row in frame.iterrows():
        cell = dataset["rankme"].sel(arm=row["arm"], seed=row["seed"], step=row["step"])
        assert float(cell) == row["rankme"]


def test_embeddings_give_the_stored_spectrum(experiment):
    run = experiment.run(experiment.baseline)
    features = run.embeddings()
    assert features.sizes["image"] == features["label"].size == features["index"].size
    spectrum = np.linalg.svd(features.to_numpy().astype(float), compute_uv=False)
    stored = run.singular_values().sel(step=features.attrs["step"])
    np.testing.assert_allclose(stored, spectrum[: stored.size], rtol=1e-3, atol=1e-4 * spectrum[0])


def test_what_is_missing_is_named(experiment, tmp_path):
    with pytest.raises(ResultsError, match="no table nothing"):
        experiment.runs[0].table("nothing")
    with pytest.raises(ResultsError, match="no finished run of nobody"):
        experiment.run("nobody")
    with pytest.raises(ResultsError, match="at step 77"):
        experiment.runs[0].embeddings(step=77)
    with pytest.raises(ResultsError, match=r"experiment\.json"):
        Experiment(tmp_path)
    broken = tmp_path / "table.json"
    broken.write_text("{")
    with pytest.raises(ResultsError, match="cjepa-exp table"):
        Table(broken)
    with pytest.raises(ResultsError, match="no metric"):
        figures.convergence(experiment, "nothing")


def test_a_run_of_another_format_is_refused(experiment, tmp_path):
    import h5py

    folder = tmp_path / "run"
    folder.mkdir()
    with h5py.File(folder / "run.h5", "w") as file:
        file.attrs["format_version"] = 99
    run = type(experiment.runs[0])(folder, "a", 0)
    with pytest.raises(ResultsError, match="format version 99"):
        run.open()


def test_a_damaged_run_is_left_out_with_a_warning(results, tmp_path):
    folder = tmp_path / "smoke"
    shutil.copytree(results / "smoke", folder)
    whole = Experiment(folder)
    damaged = whole.runs[0].file
    data = bytearray(damaged.read_bytes())
    for place in (3, 30, len(data) // 2):
        data[place] ^= 1
        damaged.write_bytes(data)
        data[place] ^= 1
        experiment = Experiment(folder)
        with pytest.raises(DamagedResults, match="rerun"):
            experiment.runs[0].open()
        with pytest.warns(UserWarning, match="is damaged"):
            assert [run.name for run in experiment.done] == [run.name for run in whole.runs[1:]]
        assert set(experiment.steps()["run"]) == {run.name for run in whole.runs[1:]}


def test_a_run_without_a_checksum_is_read_with_a_warning(results, tmp_path):
    folder = tmp_path / "smoke"
    shutil.copytree(results / "smoke", folder)
    run = Experiment(folder).runs[0]
    sealed = run.table("steps")
    # What an earlier version wrote is the same without the first block.
    run.file.write_bytes(run.file.read_bytes()[512:])
    with pytest.warns(UserWarning, match="unverified"):
        assert run.table("steps").equals(sealed)


def test_the_shipped_tables_draw():
    shipped = sorted((ROOT / "results" / "tables").glob("*.json"))
    assert shipped
    for path in shipped:
        figure = figures.ablation_bars(Table(path), "knn_20")
        assert len(figure.axes[0].patches) == len(arms_of(path))


def arms_of(path):
    return [row for row in json.loads(path.read_text())["rows"] if row["kind"] == "arm"]


def test_the_command_draws_every_figure(results, table_file, tmp_path):
    command = [
        sys.executable, "-m", "cjepa_analysis", str(results / "smoke"), "--table", str(table_file), "--output",
        str(tmp_path / "figures"),
    ]
    done = subprocess.run(command, cwd=ROOT / "analysis", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written = [Path(line) for line in done.stdout.split()]
    assert [path.stem for path in written] == ["bars", "convergence", "spectra", "maps"]
    for path in written:
        assert path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5_000
    wrong = subprocess.run(command[:3] + ["/nonexistent"], cwd=ROOT / "analysis", capture_output=True, text=True)
    assert wrong.returncode == 64
    assert "experiment.json" in wrong.stderr


NOTEBOOK = ROOT / "analysis" / "notebooks" / "experiment.ipynb"


def kinds(notebook):
    """For each code cell, the kinds of its outputs: "stream", "text/plain", "image/png"…"""
    return [
        sorted(kind for output in cell.outputs for kind in output.get("data", {output.output_type: None}))
        for cell in notebook.cells if cell.cell_type == "code"
    ]


def printed(notebook):
    """What cells print: words of the spec, which are the same on every machine."""
    return [
        output.text for cell in notebook.cells if cell.cell_type == "code"
        for output in cell.outputs if output.output_type == "stream" and output.name == "stdout"
    ]


def test_the_notebook_runs_as_it_is_and_gives_the_committed_outputs(results, table_file, tmp_path):
    """Where the README puts it: beside results/smoke, with the package installed and not in the working directory."""
    shutil.copytree(results / "smoke", tmp_path / "results" / "smoke")
    shutil.copy(table_file, tmp_path / "results" / "smoke" / "table.json")
    folder = tmp_path / "analysis" / "notebooks"
    folder.mkdir(parents=True)
    shutil.copy(NOTEBOOK, folder)
    command = [
        sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute", "--inplace",
        str(folder / NOTEBOOK.name),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(folder / NOTEBOOK.name, as_version=4)
    committed = nbformat.read(NOTEBOOK, as_version=4)
    assert kinds(executed) == kinds(committed)
    assert printed(executed) == printed(committed)
    assert sum(kind == "image/png" for cell in kinds(committed) for kind in cell) == 4


def test_the_committed_notebook_is_executed_whole_and_small():
    committed = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
    assert NOTEBOOK.stat().st_size < 400_000
