"""`dbt build` as it is, from the root: models, data tests and the unit tests of every rule."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_dbt_build_alone_passes_with_every_unit_test(published, tmp_path):
    finished = subprocess.run(
        [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "build"],
        cwd=ROOT,
        env=os.environ
        | {
            "MOBILAKE_HOME": str(published.home),
            "DBT_TARGET_PATH": str(tmp_path),
            "DBT_LOG_PATH": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    results = json.loads((tmp_path / "run_results.json").read_text())["results"]
    assert {one["status"] for one in results} <= {"success", "pass"}
    kinds = [one["unique_id"].split(".")[0] for one in results]
    assert kinds.count("unit_test") >= 28
    assert kinds.count("test") >= 70
