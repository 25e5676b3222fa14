"""Sends the series of an experiment to Weights & Biases or MLflow while its runs train:
``python -m cjepa_analysis.follow results/ablation --to wandb``.

The runs need ``resources.json_lines: true``. What was sent is remembered in ``live/follow-wandb.json`` (or
``follow-mlflow.json``) of each run, so the command may be stopped and started again at any time.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from .experiment import Experiment, ResultsError, Run

#: Of these a run comes to more only where somebody starts it again.
ENDED = {"done", "collapsed", "failed"}
#: Bytes of a file that are read at once; a line has far fewer.
CHUNK = 1 << 20
#: Bytes before the place that was read last; where they have changed, so may everything.
TAIL = 64


@dataclass(frozen=True)
class Row:
    """Numbers of one step, by names like those of ``cjepa-exp export --metrics``: "steps/loss"."""

    table: str
    step: int
    values: dict[str, float]


class Sink(Protocol):
    """Where series go. A run is opened before its first rows and closed once it has ended."""

    #: "wandb"
    name: str
    #: Where exactly: what was sent to one place is not yet in another.
    place: str
    #: What it raises where it cannot be reached, or refuses something.
    errors: tuple[type[Exception], ...]

    def open(self, run: Run, configuration: dict[str, object], identifier: str | None) -> str:
        """Begins a run, or goes on with the one of that identifier; returns the identifier."""

    def send(self, run: Run, rows: list[Row]) -> None: ...

    def close(self, run: Run, status: str | None) -> None:
        """``status``: that of a run that has ended; None where it may go on later."""


class LiveLines:
    """The rows of ``live/metrics.jsonl`` that are new since the last look."""

    def __init__(self, path: Path, last: dict[str, int]):
        self.path = path
        #: The last step of each table that was read.
        self.last = last
        self._offset = 0
        self._tail = b""

    def rows(self) -> Iterator[Row]:
        """A run that resumes writes rows again that were read before; they are left out, as they have the same numbers
        (times apart)."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(self._offset - len(self._tail))
            if file.read(len(self._tail)) != self._tail:
                # Cut back, and perhaps written on: what is known is told by its step.
                self._offset, self._tail = 0, b""
                file.seek(0)
            while chunk := file.read(CHUNK):
                whole = chunk[: chunk.rfind(b"\n") + 1]
                if not whole:
                    if len(chunk) == CHUNK:
                        raise ResultsError(f"{self.path}: a line has more than {CHUNK} bytes; start the run again")
                    return
                self._offset += len(whole)
                self._tail = (self._tail + whole)[-TAIL:]
                file.seek(self._offset)
                for line in whole.splitlines():
                    row = self._row(line)
                    if row.step > self.last.get(row.table, -1):
                        self.last[row.table] = row.step
                        yield row

    def _row(self, line: bytes) -> Row:
        try:
            content = json.loads(line)
            table, step = str(content.pop("table")), int(content.pop("step"))
            # Not measured: null. Infinite: a text.
            values = {f"{table}/{name}": float(value) for name, value in content.items() if value is not None}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ResultsError(
                f"{self.path}: not a line that cjepa-exp wrote: {line[:80]!r}; `cjepa-exp run` writes the file anew "
                "when the run goes on, or move it away"
            ) from error
        return Row(table, step, values)


class RunFollower:
    """Brings one run to a sink."""

    def __init__(self, run: Run, sink: Sink):
        self.run, self.sink = run, sink
        self._memory = run.path / "live" / f"follow-{sink.name}.json"
        stored = self._stored()
        self._identifier: str | None = stored.get("run")
        self._ended: str | None = stored.get("ended")
        self._lines = LiveLines(run.path / "live" / "metrics.jsonl", stored.get("last", {}))
        self._is_open = False

    @property
    def has_lines(self) -> bool:
        return self._lines.path.exists()

    def step(self) -> bool:
        """Sends what is new; whether the run has ended."""
        # Before the rows: those of a run that has ended are all there.
        status = replace(self.run).status
        batch: list[Row] = []
        for row in self._lines.rows():
            batch.append(row)
            if len(batch) == 1000:
                self._send(batch)
                batch = []
        self._send(batch)
        if status not in ENDED:
            return False
        if self.has_lines and self._ended != status:
            self._open()
            self.sink.close(self.run, status)
            self._is_open = False
            self._ended = status
            self._remember()
        return True

    def stop(self) -> None:
        if self._is_open:
            self.sink.close(self.run, None)
            self._is_open = False

    def _open(self) -> None:
        if self._is_open:
            return
        self._identifier = self.sink.open(self.run, _configuration(self.run), self._identifier)
        self._is_open = True
        self._ended = None

    def _send(self, rows: list[Row]) -> None:
        if not rows:
            return
        if not self._is_open:
            self._open()
            if self._stored().get("run") != self._identifier:
                self._remember(last={})
        self.sink.send(self.run, rows)
        self._remember()

    def _stored(self) -> dict:
        try:
            stored = json.loads(self._memory.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise ResultsError(f"{self._memory}: is damaged; remove it to send everything again") from error
        return stored if stored.get("place") == self.sink.place else {}

    def _remember(self, last: dict[str, int] | None = None) -> None:
        content = {
            "place": self.sink.place, "run": self._identifier, "ended": self._ended,
            "last": self._lines.last if last is None else last,
        }
        partial = self._memory.with_name(self._memory.name + ".partial")
        partial.write_text(json.dumps(content, indent=2) + "\n")
        os.replace(partial, self._memory)


def _configuration(run: Run) -> dict[str, object]:
    """Every setting of a run under its name in a spec, "schedule.lr", from its plan: ``run.h5`` comes later."""
    path = run.path / "plan.json"
    try:
        content = json.loads(path.read_text())["run"]["configuration"]
    except (OSError, ValueError, KeyError) as error:
        raise ResultsError(f"{path}: cannot be read ({error}); `cjepa-exp run` writes it anew") from error
    flat: dict[str, object] = {}

    def visit(value: object, name: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                visit(inner, f"{name}.{key}" if name else key)
        else:
            flat[name] = value

    visit(content, "")
    return flat


def follow(
    experiment: Experiment, sink: Sink, *, interval: float = 10, once: bool = False,
    sleep: Callable[[float], None] = time.sleep, note: Callable[[str], None] = lambda text: None,
) -> None:
    """Follows all runs until each is done, collapsed or failed; with ``once`` sends what is there and returns."""
    runs = [RunFollower(run, sink) for run in experiment.runs]
    waiting = len(runs) + 1
    try:
        while True:
            going = [run for run in runs if not run.step()]
            if len(going) < waiting:
                waiting = len(going)
                note(f"{len(runs) - waiting} of {len(runs)} runs have ended")
            if once or not going:
                break
            sleep(interval)
    finally:
        for run in runs:
            run.stop()
    if not any(run.has_lines for run in runs):
        raise ResultsError(
            f"{experiment.folder}: no run has live/metrics.jsonl; set resources.json_lines: true in the spec, or send "
            "finished runs from the files of `cjepa-exp export --metrics`"
        )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cjepa_analysis.follow", description=__doc__)
    parser.add_argument("experiment", help="folder that `cjepa-exp run` made, results/EXPERIMENT")
    parser.add_argument("--to", required=True, choices=["wandb", "mlflow"])
    parser.add_argument("--project", help="W&B project or MLflow experiment; by default the experiment's name")
    parser.add_argument(
        "--offline", action="store_true",
        help="W&B: files for `wandb sync` in ./wandb; MLflow: the folder ./mlruns, whatever MLFLOW_TRACKING_URI says",
    )
    parser.add_argument("--interval", type=float, default=10, help="seconds between two looks (10)")
    parser.add_argument("--once", action="store_true", help="send what is there, and end")
    options = parser.parse_args(arguments)
    if not (math.isfinite(options.interval) and options.interval > 0):
        parser.error("--interval takes a number of seconds above 0")

    def note(text: str) -> None:
        print(text, file=sys.stderr)

    try:
        experiment = Experiment(options.experiment)
        from .sinks import make_sink

        sink = make_sink(options.to, options.project or experiment.name, offline=options.offline)
        try:
            follow(experiment, sink, interval=options.interval, once=options.once, note=note)
        except sink.errors as error:
            note(f"error: {sink.name}: {error}; the same command goes on from what was sent")
            return 1
    except KeyboardInterrupt:
        note("stopped; the same command goes on from here")
        return 130
    except (ResultsError, OSError) as error:
        note(f"error: {error}")
        return 64
    return 0


if __name__ == "__main__":
    sys.exit(main())
