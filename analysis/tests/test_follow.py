"""The follower sends each point of each run once, whatever happens to its files in between."""

import json
import os
import struct

import pytest

from cjepa_analysis import Experiment, ResultsError, follow
from cjepa_analysis.follow import LiveLines


class Recorder:
    """Keeps what it is sent: [(run, identifier, name, step, value)]."""

    name, place, errors = "recorder", "here", ()

    def __init__(self):
        self.points, self.opened, self.closed, self.running = [], [], [], {}

    def open(self, run, configuration, identifier):
        self.opened.append((run.name, identifier, configuration))
        self.running[run.name] = identifier or f"id-{run.name}"
        return self.running[run.name]

    def send(self, run, rows):
        identifier = self.running[run.name]
        self.points += [(identifier, name, row.step, value) for row in rows for name, value in row.values.items()]

    def close(self, run, status):
        del self.running[run.name]
        self.closed.append((run.name, status))


def row(step, table="steps", **values):
    return json.dumps({"step": step, "table": table, **values}) + "\n"


class Tree:
    """An experiment of two runs, as the program leaves it while they train."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        self.runs = {"a-s0-11111111": ("a", 0), "b-s1-22222222": ("b", 1)}
        entries = [
            {"directory_name": name, "arm": arm, "seed": seed, "differences": {}, "configuration_hash": name[-8:]}
            for name, (arm, seed) in self.runs.items()
        ]
        record = {
            "format_version": 1, "name": "demo", "question": "", "expected": "", "baseline": "a", "arms": ["a", "b"],
            "runs": entries,
        }
        (folder / "experiment.json").write_text(json.dumps(record))
        for name in self.runs:
            self.run(name).mkdir()
            configuration = {"schedule": {"lr": 0.001}, "training": {"steps": 4}, "data": {"folder": None}}
            (self.run(name) / "plan.json").write_text(json.dumps({"run": {"configuration": configuration}}))
            self.status(name, "running")

    def run(self, name):
        return self.folder / name

    def status(self, name, status):
        (self.run(name) / "state.json").write_text(json.dumps({"status": status}))

    def lines(self, name, text, mode="a"):
        live = self.run(name) / "live"
        live.mkdir(exist_ok=True)
        if mode == "w":
            # As the program does: another file takes its place.
            (live / "new").write_text(text)
            os.replace(live / "new", live / "metrics.jsonl")
        else:
            with (live / "metrics.jsonl").open("a") as file:
                file.write(text)

    def end(self):
        for name in self.runs:
            self.status(name, "done")


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "results" / "demo")


def test_rows_are_sent_as_they_come_until_all_runs_have_ended(tree):
    sink, (a, b) = Recorder(), tree.runs
    tree.lines(a, row(0, "evaluation/target", knn_20=0.1))
    rounds = []

    def sleep(seconds):
        rounds.append(seconds)
        if len(rounds) == 1:
            tree.lines(a, row(1, loss=2.0, lr=None) + row(2, loss="inf") + '{"step":3,"tab')
            tree.lines(b, row(1, loss=5.0))
            tree.status(b, "failed")
        elif len(rounds) == 2:
            tree.lines(a, 'le":"steps","loss":0.5}\n')
            tree.status(a, "done")

    follow.follow(Experiment(tree.folder), sink, interval=7, sleep=sleep)
    assert rounds == [7, 7]
    assert sink.points == [
        (f"id-{a}", "evaluation/target/knn_20", 0, 0.1), (f"id-{a}", "steps/loss", 1, 2.0),
        (f"id-{a}", "steps/loss", 2, float("inf")), (f"id-{b}", "steps/loss", 1, 5.0),
        (f"id-{a}", "steps/loss", 3, 0.5),
    ]
    assert sink.opened[0][2] == {"schedule.lr": 0.001, "training.steps": 4, "data.folder": None}
    assert sink.closed == [(b, "failed"), (a, "done")]


def test_a_follower_that_starts_again_sends_nothing_twice(tree):
    a, b = tree.runs
    tree.lines(a, row(1, loss=1.0) + row(2, loss=2.0))
    first, second, third, elsewhere = (Recorder() for _ in range(4))
    follow.follow(Experiment(tree.folder), first, once=True)
    assert first.closed == [(a, None)]
    tree.lines(a, row(2, "evaluation/target", knn_20=0.5) + row(3, loss=3.0))
    tree.end()
    follow.follow(Experiment(tree.folder), second)
    assert [point[1:] for point in second.points] == [("evaluation/target/knn_20", 2, 0.5), ("steps/loss", 3, 3.0)]
    assert second.opened[0][:2] == (a, f"id-{a}") and second.closed == [(a, "done")]
    follow.follow(Experiment(tree.folder), third)
    assert not third.opened and not third.points
    elsewhere.place = "there"
    follow.follow(Experiment(tree.folder), elsewhere)
    assert len(elsewhere.points) == 4 and elsewhere.opened[0][1] is None


@pytest.mark.parametrize("grown", [0, 200])
def test_points_of_a_run_that_resumed_are_not_doubled(tree, grown):
    a, _ = tree.runs
    sink = Recorder()
    tree.lines(a, "".join(row(step, loss=float(step), seconds=0.1) for step in range(1, 41)))

    def sleep(_):
        # Back to step 20 and on: other times, so that lines are of other lengths.
        kept = "".join(row(step, loss=float(step), seconds=0.1) for step in range(1, 21))
        again = "".join(row(step, loss=float(step), seconds=0.123) for step in range(21, 43 + grown))
        tree.lines(a, kept + again, mode="w")
        tree.end()

    follow.follow(Experiment(tree.folder), sink, sleep=sleep)
    steps = [point[2] for point in sink.points if point[1] == "steps/loss"]
    assert steps == list(range(1, 43 + grown))


def test_points_are_sent_again_where_sending_failed(tree):
    a, _ = tree.runs
    tree.lines(a, "".join(row(step, loss=1.0) for step in range(1, 1501)))

    class Failing(Recorder):
        def send(self, run, rows):
            if self.points:
                raise ConnectionError("no network")
            super().send(run, rows)

    first, second = Failing(), Recorder()
    with pytest.raises(ConnectionError):
        follow.follow(Experiment(tree.folder), first, once=True)
    follow.follow(Experiment(tree.folder), second, once=True)
    assert [point[2] for point in first.points + second.points] == list(range(1, 1501))
    assert second.opened[0][1] == f"id-{a}"


def test_what_cannot_be_followed_is_named(tree, capsys):
    a, _ = tree.runs
    tree.end()
    with pytest.raises(ResultsError, match="resources.json_lines: true"):
        follow.follow(Experiment(tree.folder), Recorder())
    tree.lines(a, "not JSON\n")
    with pytest.raises(ResultsError, match=r"metrics\.jsonl: not a line"):
        list(LiveLines(tree.run(a) / "live" / "metrics.jsonl", {}).rows())
    assert follow.main([str(tree.folder / "nothing"), "--to", "wandb"]) == 64
    assert "experiment.json" in capsys.readouterr().err


def write_and_follow(tree, to):
    """Two visits while the runs train, and one when they have ended."""
    a, b = tree.runs
    command = [str(tree.folder), "--to", to, "--offline", "--once"]
    tree.lines(a, row(0, "evaluation/target", knn_20=0.25) + row(1, loss=2.0, lr=None))
    tree.lines(b, row(1, loss=9.0))
    assert follow.main(command) == 0
    tree.lines(a, row(2, loss=1.5) + row(2, "evaluation/target", knn_20=0.5))
    assert follow.main(command) == 0
    tree.end()
    assert follow.main(command) == 0
    assert follow.main(command) == 0
    return a, b


def test_mlflow_holds_every_point_once(tree, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    # Set by --offline too, but then for the process.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    a, b = write_and_follow(tree, "mlflow")
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("demo")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {a, b}
    history = {
        name: [(metric.step, metric.value) for metric in client.get_metric_history(runs[a].info.run_id, name)]
        for name in runs[a].data.metrics
    }
    assert history == {"evaluation/target/knn_20": [(0, 0.25), (2, 0.5)], "steps/loss": [(1, 2.0), (2, 1.5)]}
    assert runs[a].info.status == "FINISHED" and runs[a].data.tags["status"] == "done"
    assert runs[b].data.params["schedule.lr"] == "0.001" and runs[b].data.params["arm"] == "b"
    assert runs[b].data.tags["seed"] == "1"


def offline_records(path):
    """The records of a file of W&B: those of LevelDB's logs, in blocks of 32 KiB, behind a header of 7 bytes."""
    data, place, content = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
        _, length, kind = struct.unpack_from("<IHB", data, place)
        content += data[place + 7 : place + 7 + length]
        place += 7 + length
        # Whole, or the last part.
        if kind in (1, 4):
            yield content
            content = b""


def test_wandb_holds_every_point_once(tree, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    from wandb.proto import wandb_internal_pb2

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    for variable in ["WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"]:
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    a, b = write_and_follow(tree, "wandb")
    identifier = json.loads((tree.run(a) / "live" / "follow-wandb.json").read_text())["run"]
    points, names, configuration = [], set(), {}
    # One file for each visit; `wandb sync` joins those of one identifier.
    for path in sorted((tmp_path / "wandb").glob("offline-run-*/*.wandb")):
        for data in offline_records(path):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            if record.HasField("run"):
                names.add((record.run.run_id == identifier, record.run.display_name, record.run.run_group))
                for item in record.run.config.update:
                    configuration[item.key] = json.loads(item.value_json)
            if record.HasField("history") and path.stem == f"run-{identifier}":
                content = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
                points.append({key: value for key, value in content.items() if not key.startswith("_")})
    assert names == {(True, a, "a"), (False, b, "b")}
    assert configuration["schedule.lr"] == 0.001
    assert points == [
        {"step": 0, "evaluation/target/knn_20": 0.25}, {"step": 1, "steps/loss": 2.0},
        {"step": 2, "steps/loss": 1.5, "evaluation/target/knn_20": 0.5},
    ]
