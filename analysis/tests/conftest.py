"""Trains experiments/smoke.spec once with the built program, whose path is in CJEPA_EXP."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def program() -> str:
    path = os.environ.get("CJEPA_EXP")
    if not path or not os.access(path, os.X_OK):
        pytest.fail("set CJEPA_EXP to the built program, as `make test-analysis` does")
    return path


@pytest.fixture(scope="session")
def results(program, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    subprocess.run(
        [program, "run", "experiments/smoke.spec", "--results", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="session")
def table_file(program, results) -> Path:
    path = results / "smoke.json"
    subprocess.run(
        [program, "table", "smoke", "--results", str(results), "--format", "json", "--output", str(path)],
        cwd=ROOT, check=True, capture_output=True,
    )
    return path
