"""The proof of carried weights on tiny images: cuts, their rows, fine-tuning, and the record that is made of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from archlab.nn import build
from archlab.train import find_images, load_part, save_weights
from benchmarks.carry import Bench, cut_all, tune_all
from benchmarks.carry_bases import BASES, Base, Parts
from benchmarks.carry_cuts import LEAST_USED, uniform, with_statistics
from benchmarks.carry_peers import macs_of, widths_of
from benchmarks.carry_record import beside, in_place_of, record_of, rows_of
from benchmarks.carry_rows import (
    FINE_TUNED,
    RIGHT_AFTER,
    Rows,
    against_targets,
    agreement,
    best_rate,
    complete,
    fine_tuned,
)
from tests.train.drawn import folders

TINY = Base(
    "tiny",
    "net tiny(input=3x8x8)\na: conv({w}, 3) -> residual(conv({m}, 3) -> conv({w}, 3, act=none)) -> gap -> fc(3)\n",
    {"w": 16, "m": 16}, "fashion_mnist", 20, ("flip",),
)  # fmt: skip


@pytest.fixture
def bench(tmp_path):
    data = folders(tmp_path / "data", 12)
    source = find_images(data)
    training = load_part(source, "train", (3, 8, 8))
    held_out, test = (
        load_part(source, name, (3, 8, 8), normalisation=training.normalisation) for name in ("val", "test")
    )
    module = build(TINY.graph(), 0).eval()
    save_weights(module, tmp_path / "weights.pt")
    trained = with_statistics(TINY, module, tmp_path / "weights.pt", Parts(source, data, training, held_out, test))
    return Bench(trained, 0, TINY.steps, tmp_path, Rows(tmp_path / "rows.jsonl"))


def test_cuts_are_measured_once_tuned_and_recorded(bench):
    methods = ("base", "uniform_plain", "uniform_walk")
    for _ in range(2):
        cut_all(bench, "0.5", methods)
    assert [row["method"] for row in bench.rows.all()] == list(methods)
    tune_all(bench, "0.5", 0.1, FINE_TUNED)
    tuned = [(row["method"], row["rate"]) for row in bench.rows.find(kind="tuned")]
    assert tuned == [
        ("uniform_plain", 0.05),
        ("uniform_plain", 0.01),
        ("scratch", 0.1),
        ("uniform_walk", 0.05),
        ("uniform_walk", 0.01),
    ]
    found = record_of(bench.rows.all())
    right = found["right_after"]["tiny"]["0.5"]
    assert set(right) == set(methods)
    assert set(found["fine_tuned_tenth"]["tiny"]["0.5"]) == {
        "uniform_plain",
        "uniform_walk",
        "scratch",
    }
    assert right["base"]["macs"] == 1
    assert LEAST_USED / 2 <= right["uniform_walk"]["macs"] <= 0.5
    assert found["fine_tuned"] == {}
    assert "residual, seed 0, 0.5 of the MACs, fine-tuned: everything" in found["missing"]


def test_rows_of_a_base_that_is_trained_anew_take_the_place_of_the_older_ones(tmp_path):
    kept = [
        {"kind": "cut", "base": "mobile", "seed": 0, "accuracy": 0.1},
        {"kind": "cut", "base": "mobile", "seed": 1, "accuracy": 0.2},
        {"kind": "cut", "base": "residual", "seed": 0, "accuracy": 0.3},
    ]
    place = tmp_path / "mobile-0"
    place.mkdir()
    (place / "trained.json").write_text('{"by": "archlab.train", "steps": 5, "cpu_seconds": 1.5}')
    (place / "rows.jsonl").write_text('{"kind": "cut", "base": "mobile", "seed": 0, "accuracy": 0.9}\n')
    (place / "draws.jsonl").write_text('{"draw": 0, "gram": 0.5}\n')
    here = rows_of(tmp_path)
    assert [row["kind"] for row in here] == ["trained", "cut", "draw"]
    accuracies = [row["accuracy"] for row in in_place_of(kept, here) if row["kind"] == "cut"]
    assert accuracies == [0.9, 0.2, 0.3]
    found = record_of([row for row in here if row["kind"] == "trained"])
    assert found["bases"]["mobile"]["trainings"] == {"0": {"by": "archlab.train", "steps": 5, "cpu_seconds": 1.5}}


def test_a_base_without_rows_stands_as_it_was_recorded():
    older = record_of([row("base", 0.9), row("archlab", 0.8)])
    older["missing"] = ["residual, seed 1: something", "mobile, seed 0: something"]
    trained = {"kind": "trained", "base": "mobile", "seed": 0, "by": "archlab.train", "steps": 5, "cpu_seconds": 1.5}
    rows = [{**row("base", 0.7), "base": "mobile"}, trained]
    found = beside(record_of(rows), older, {"mobile"})
    assert found["right_after"]["residual"] == older["right_after"]["residual"]
    assert found["targets"]["residual"] == older["targets"]["residual"]
    assert found["right_after"]["mobile"]["0.5"]["base"]["accuracy"] == 0.7
    assert found["bases"]["mobile"]["trainings"]["0"]["steps"] == 5
    assert found["missing"][0] == "residual, seed 1: something"
    assert "mobile, seed 0: something" not in found["missing"]
    assert all(line.startswith("mobile, ") for line in found["missing"][1:])


def test_a_base_measured_again_keeps_what_compares_within_an_older_training_of_it():
    older = record_of([row("base", 0.9), row("archlab", 0.8)])
    older |= {"fine_tuned_tenth": {"residual": {"0.5": {}}}, "agreement": {"residual": {"draws": 20}}}
    older["fine_tuned"] = {"residual": {"0.5": {"archlab": {}}}}
    found = beside(record_of([row("base", 0.7)]), older, {"residual"})
    assert list(found["right_after"]["residual"]["0.5"]) == ["base"]
    assert found["fine_tuned"] == {}
    assert found["fine_tuned_tenth"] == older["fine_tuned_tenth"]
    assert found["agreement"] == older["agreement"]


def test_a_failure_is_recorded_until_the_cut_is_there():
    failure = {"kind": "failed", "base": "residual", "seed": 0, "budget": "0.5", "method": "fastnas", "said": "no"}
    assert [one["method"] for one in record_of([row("base", 0.9), failure])["failed"]] == ["fastnas"]
    assert record_of([row("base", 0.9), failure, row("fastnas", 0.8)])["failed"] == []


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
@pytest.mark.parametrize("share", [0.5, 0.3])
def test_a_uniform_cut_uses_nearly_all_of_its_budget(base, share):
    widths = uniform(base, share)
    assert LEAST_USED * share <= base.macs(widths) / base.macs() <= share
    assert all(1 <= width <= base.widths[name] for name, width in widths.items())


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
def test_the_widths_and_macs_of_a_module_are_read_from_its_layers(base):
    widths = uniform(base, 0.4)
    module = build(base.graph(widths))
    assert widths_of(module, base) == widths
    assert macs_of(module, torch.zeros(1, *base.graph().input_shape)) == base.macs(widths)
    assert widths_of(build(replace(TINY).graph()), base) is None


def row(method, accuracy, kind="cut", **more):
    return {"kind": kind, "base": "residual", "seed": 0, "budget": "0.5", "method": method, "accuracy": accuracy,
            "held_out": accuracy, "images": 100, "macs": 0.5, "cpu_seconds": 9.0, "said": "", **more}  # fmt: skip


def tuning(training, rate, accuracy, held_out, kept):
    return row("archlab", accuracy, "tuned", share=0.05, training=training, rate=rate, held_out=held_out, kept=kept)


def test_the_rate_is_the_better_by_held_out_images_of_the_first_seed():
    rows = [
        tuning(0, 0.05, 0.9, 0.7, 0.9),
        tuning(0, 0.01, 0.6, 0.8, 0.65),
        tuning(1, 0.01, 0.8, 0.5, 0.85),
    ]
    assert best_rate(rows) == 0.01
    own = fine_tuned(rows, 0.05)["residual"]["0.5"]["archlab"]
    assert (own["accuracy"], own["without_keeping"], own["trainings"], own["rates"]) == (0.75, 0.7, 2, [0.01])
    assert own["standard_error"] == pytest.approx((0.75 * 0.25 / 100) ** 0.5, abs=1e-5)
    assert own["spread"] == pytest.approx(0.14142, abs=1e-5)


def test_a_method_counts_when_both_rates_were_seen():
    first = [tuning(0, 0.05, 0.9, 0.7, 0.9), row("archlab", 0.8)]
    assert complete(first) == [first[1]]
    both = [*first, tuning(0, 0.01, 0.6, 0.8, 0.65)]
    assert complete(both) == both


def test_targets_are_held_against_what_was_measured():
    rows = [row("base", 0.9), row("archlab", 0.895), row("torch_pruning", 0.7), row("fastnas", 0.85)]
    found = against_targets(record_of(rows)["right_after"], {})["residual"]["0.5"]
    assert (found["right_after_lost"], found["right_after_lost_at_most"]) == (0.5, 0.7)
    assert (found["right_after_ahead"], found["right_after_ahead_at_least"]) == (4.5, 3.0)
    assert "fine_tuned_lost" not in found


def test_what_other_seeds_of_the_base_gave_is_not_compared():
    rows = [row("base", 0.9), row("archlab", 0.88), row("base", 0.94, seed=1), row("fastnas", 0.5, seed=1)]
    rows.append(row("fastnas", 0.8))
    after = record_of(rows)["right_after"]
    own = after["residual"]["0.5"]
    assert (own["base"]["accuracy"], own["base"]["of_seeds"]) == (0.9, {"0": 0.9, "1": 0.94})
    found = against_targets(after, {})["residual"]["0.5"]
    assert (found["right_after_lost"], found["right_after_ahead"]) == (2.0, 8.0)


def test_what_was_not_measured_is_said():
    there = [row(method, 0.5) for method in RIGHT_AFTER if method != "fastnas"]
    said = record_of(there)["missing"]
    assert said[0] == "residual, seed 0, 0.5 of the MACs, right after the cut: fastnas"
    assert len(said) == 4 * 2 * 2 * 2


def test_agreement_is_of_orders():
    rows = [{"gram": -i, "walk": i, "fine_tuned": 0.8 + i / 100, "macs": 1.0} for i in range(20)]
    found = agreement(rows)
    assert found["gram"]["kendall"] == -1
    assert found["walk"] == {"kendall": 1.0, "interval": [1.0, 1.0]}
