"""What an objective reports of a trial is told to whoever watches the search, as it is reported."""

from __future__ import annotations

from contextlib import contextmanager

from archlab.search.request import make_plan
from archlab.search.run import run_search
from tests.search.conftest import TINY


def test_a_report_is_told_with_its_trial_and_its_step(tmp_path, objective_file):
    said = []

    @contextmanager
    def watched(stage):
        yield lambda history, note: said.append((history.evaluated, note))

    (tmp_path / "tiny.arch").write_text(TINY, encoding="utf-8")
    objective = objective_file("trial.report(0.25, 100)\ntrial.report(1234567, 200)\nreturn 1.0")
    plan = make_plan(
        str(tmp_path / "tiny.arch"), objective=objective, trials=2, out=tmp_path / "out", latency=False, top=1
    )
    result = run_search(plan, watched)
    first, second = sorted(trial.number for trial in result.trials if trial.state == "scored")
    told = [one for one in said if "at step" in one[1]]
    assert told == [
        (0, f"trial {first} at step 100: 0.25"),
        (0, f"trial {first} at step 200: 1.235e+06"),
        (1, f"trial {second} at step 100: 0.25"),
        (1, f"trial {second} at step 200: 1.235e+06"),
    ]
