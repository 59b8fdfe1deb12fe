"""A study knows the code that judged it: changed code is refused with the difference, or accepted and told."""

from __future__ import annotations

import json
import shutil

import pytest

import archlab
from archlab.cli.tables import print_search
from archlab.errors import InputError
from archlab.report.search_page import render_report
from archlab.search.calibrate import calibrate
from archlab.search.result import CodeChange, read_result, to_json
from tests.search.conftest import TINY

VALUE = (
    "import helpers\n\ndef value(module, candidate, trial):\n    return helpers.scale() * candidate.cost['params']\n"
)


@pytest.fixture
def search(tmp_path, monkeypatch):
    """Searches in a folder of its own, with an objective that takes a factor from a file beside it."""
    monkeypatch.chdir(tmp_path)

    def run(trials=4, factor=1.0, value=VALUE, **options):
        (tmp_path / "mine.py").write_text(value, encoding="utf-8")
        (tmp_path / "helpers.py").write_text(f"def scale():\n    return {factor}\n", encoding="utf-8")
        goals = {"objective": "mine.py:value", **options}
        return archlab.search(archlab.parse(TINY), trials=trials, out="out", latency=False, **goals)

    return run


def test_a_search_whose_helper_was_edited_is_refused_and_nothing_is_judged(search, tmp_path):
    search()
    before = (tmp_path / "out" / "study.journal").read_bytes()
    with pytest.raises(InputError) as refused:
        search(trials=8, factor=2.0)
    assert str(refused.value) == (
        "the study 'tiny' in out/study.journal was judged by other code: helpers.py was changed\n"
        "  hint: put the old code back, choose another --study or --out, or resume with --accept-changed-code"
    )
    assert (tmp_path / "out" / "study.journal").read_bytes() == before
    assert len(search(trials=6).trials) >= 6, "the old code put back goes on"


def test_changed_code_that_is_accepted_is_told_from_which_trial_on(search, tmp_path, capsys):
    first = search()
    result = search(trials=8, factor=2.0, accept_changed_code=True)
    change = CodeChange(len(first.trials), "helpers.py was changed")
    assert result.stages[0].code_changes == (change,)
    scored = {t.number: t.values["mine.py:value"] / t.cost["params"] for t in result.trials if t.state == "scored"}
    assert {number: factor == 2.0 for number, factor in scored.items()} == {n: n >= change.trial for n in scored}
    assert read_result(tmp_path / "out" / "result.json").stages[0].code_changes == (change,)
    print_search(result, tmp_path)
    assert f"from trial {change.trial} of tiny on, other code judged: helpers.py was changed" in capsys.readouterr().out
    assert f"was changed</b> before trial {change.trial} of tiny: helpers.py was changed" in render_report(result)
    assert search(trials=8, factor=2.0).stages[0].code_changes == (change,), "accepted once, it is the study's code"


def test_code_that_gave_no_value_may_be_mended(search):
    broken = search(trials=2, value="def value(module, candidate, trial):\n    raise KeyError('no')\n")
    assert broken.counts()["failed"] == 2
    mended = search(trials=4)
    assert mended.counts()["scored"] == 2
    assert mended.stages[0].code_changes == ()


def test_a_later_stages_code_is_compared_before_the_first_trial(search, tmp_path):
    search(objective="params", then="mine.py:value", keep=2)
    before = (tmp_path / "out" / "study.journal").read_bytes()
    with pytest.raises(InputError, match=r"'tiny/2-value' in out/study\.journal was judged by other code: helpers\.py"):
        search(trials=30, objective="params", then="mine.py:value", keep=2, factor=3.0)
    assert (tmp_path / "out" / "study.journal").read_bytes() == before


def test_a_calibration_that_was_fitted_anew_is_changed_code(search, tiny_file, tmp_path):
    for cost in ("params", "macs"):
        calibrate(str(tiny_file), tmp_path / f"{cost}.json", objective=cost, trials=10)
    shutil.copy(tmp_path / "params.json", tmp_path / "fit.json")
    search(objective="fit.json")
    shutil.copy(tmp_path / "macs.json", tmp_path / "fit.json")
    with pytest.raises(InputError, match=r"judged by other code: fit\.json was changed"):
        search(trials=8, objective="fit.json")


def test_a_result_of_before_has_no_changes(search):
    data = json.loads(to_json(search()))
    assert data["stages"][0]["code_changes"] == []
