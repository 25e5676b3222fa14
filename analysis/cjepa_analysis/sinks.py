"""Where ``follow`` sends series: Weights & Biases and MLflow. Neither is needed for anything else here."""

from __future__ import annotations

import os
import re
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from .experiment import ResultsError, Run

if TYPE_CHECKING:
    from .follow import Row, Sink


def make_sink(name: str, project: str, *, offline: bool) -> Sink:
    """Raises ResultsError where the package is not installed."""
    try:
        return WandbSink(project, offline=offline) if name == "wandb" else MlflowSink(project, offline=offline)
    except ImportError as error:
        raise ResultsError(
            f"{name} cannot be imported ({error}); install it: pip install -r analysis/requirements-follow.txt"
        ) from error


class WandbSink:
    """One W&B run for each run, in groups by arm. Logging in, proxies and the like are W&B's own settings."""

    name = "wandb"

    def __init__(self, project: str, *, offline: bool = False):
        import wandb

        self._wandb = wandb
        self.errors = (wandb.Error,)
        self._project = project
        self._mode = "offline" if offline else None
        self._runs: dict[str, object] = {}
        self.place = f"{project}, offline" if offline else project

    def open(self, run: Run, configuration: dict[str, object], identifier: str | None) -> str:
        identifier = identifier or uuid.uuid4().hex[:12]
        opened = self._wandb.init(
            project=self._project, id=identifier, resume="allow", name=run.name, group=run.arm, mode=self._mode,
            config={**configuration, "arm": run.arm, "seed": run.seed},
            # Several runs at once, each by itself.
            reinit="create_new",
        )
        # W&B counts calls, and drops what belongs to a step before its last. Curves are over this column instead.
        opened.define_metric("step")
        opened.define_metric("*", step_metric="step")
        self._runs[run.name] = opened
        return identifier

    def send(self, run: Run, rows: list[Row]) -> None:
        merged: list[dict[str, float]] = []
        for row in rows:
            if not merged or merged[-1]["step"] != row.step:
                merged.append({"step": row.step})
            merged[-1].update(row.values)
        for values in merged:
            self._runs[run.name].log(values)

    def close(self, run: Run, status: str | None) -> None:
        opened = self._runs.pop(run.name)
        if status is not None:
            opened.summary["status"] = status
        opened.finish(exit_code=1 if status == "failed" else 0)


class MlflowSink:
    """One MLflow run for each run. Where it goes is MLflow's own setting, MLFLOW_TRACKING_URI."""

    name = "mlflow"
    #: What MLflow's servers take in one call.
    most_metrics, most_parameters, longest_parameter = 1000, 100, 6000

    def __init__(self, project: str, *, offline: bool = False):
        import mlflow

        self.errors = (mlflow.MlflowException,)
        if offline:
            # MLflow 3 opens folders only on request; `mlflow migrate-filestore` makes a database of one.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            mlflow.set_tracking_uri(Path("mlruns").resolve().as_uri())
        self._client = mlflow.MlflowClient()
        self._project = project
        self._runs: dict[str, str] = {}
        self.place = f"{project}, {mlflow.get_tracking_uri()}"

    def open(self, run: Run, configuration: dict[str, object], identifier: str | None) -> str:
        from mlflow.entities import Param

        if identifier is not None:
            self._client.update_run(identifier, status="RUNNING")
            self._runs[run.name] = identifier
            return identifier
        found = self._client.get_experiment_by_name(self._project)
        experiment = found.experiment_id if found else self._client.create_experiment(self._project)
        created = self._client.create_run(
            experiment, run_name=run.name, tags={"arm": run.arm, "seed": str(run.seed)}
        ).info.run_id
        parameters = [
            Param(name, str(value)[: self.longest_parameter])
            for name, value in {**configuration, "arm": run.arm, "seed": run.seed}.items()
        ]
        for start in range(0, len(parameters), self.most_parameters):
            self._client.log_batch(created, params=parameters[start : start + self.most_parameters])
        self._runs[run.name] = created
        return created

    def send(self, run: Run, rows: list[Row]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [
            # Characters that MLflow takes.
            Metric(re.sub(r"[^\w\-. /]", "_", name), value, now, row.step)
            for row in rows
            for name, value in row.values.items()
        ]
        for start in range(0, len(metrics), self.most_metrics):
            self._client.log_batch(self._runs[run.name], metrics=metrics[start : start + self.most_metrics])

    def close(self, run: Run, status: str | None) -> None:
        identifier = self._runs.pop(run.name)
        if status is not None:
            self._client.set_tag(identifier, "status", status)
            self._client.set_terminated(identifier, "FAILED" if status == "failed" else "FINISHED")
