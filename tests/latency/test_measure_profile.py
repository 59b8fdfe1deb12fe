"""Measuring: interrupted and taken up again, refused on a busy machine, and judged on held-out networks."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from archlab.elaborate import Interpreter, Random, load
from archlab.errors import BuildError, InputError
from archlab.grammar import parse
from archlab.latency import measure_profile
from archlab.latency.backend import Setting, piece_of
from archlab.latency.gather import Carrier, KernelRuns, run_carrier, spread_of
from archlab.latency.laws import work_of
from archlab.latency.measure_profile import make_profile
from archlab.latency.predictor import Predictor
from archlab.latency.profile import read_profile_data, write_profile

SPACE = load(
    parse(
        "net tiny(input=3x32x32)\nstem: conv({8, 16, 24, 32}, 3, s=2)\n"
        "body: repeat([1..4], separable({8, 16, 24, 32, 48}, k={3, 5}))\nhead: gap -> fc(10)\n"
    )
)


def true_seconds(kernel):
    work = work_of(kernel)
    return 2e-6 + 1e-11 * work[1] + 1e-9 * work[3]


def carried(network, setting, noise=0.0, extra=1.25):
    """What ``run_carrier`` would find on a machine where kernels follow a law, and wholes take a quarter more."""
    counts = Counter(piece_of(network.graph, setting).kernels)
    kernels = tuple(KernelRuns(k, n, (true_seconds(k),) * (2 * n)) for k, n in counts.items())
    whole = extra * sum(true_seconds(k) * n for k, n in counts.items())
    return Carrier(network.name, tuple(whole * (1 + noise * i) for i in range(6)), kernels)


@pytest.fixture
def runs(monkeypatch):
    """The networks that are run, with ``carried`` in place of a run."""
    ran = []

    def run(network, setting):
        ran.append(network)
        return carried(network, setting)

    monkeypatch.setattr(measure_profile, "run_carrier", run)
    monkeypatch.setattr(measure_profile, "MOST", {True: 12, False: 12})
    return ran


def test_a_machine_that_follows_a_law_is_predicted_exactly(runs, tmp_path):
    profile = make_profile(SPACE, Setting("torch"), tmp_path / "p.json")
    assert len(runs) == 12
    assert profile.space == "tiny"
    assert profile.accuracy.networks == 12
    assert profile.accuracy.error < 0.01
    assert profile.scale == pytest.approx(1.25, rel=0.01)
    other = Interpreter(SPACE).network(Random(random.Random(99)))
    expected = 1.25 * sum(true_seconds(k) for k in piece_of(other.graph, Setting("torch")).kernels)
    assert Predictor(profile)(other) == pytest.approx(expected, rel=0.03)


def test_what_was_interrupted_goes_on(runs, tmp_path, monkeypatch):
    out = tmp_path / "p.json"
    whole = make_profile(SPACE, Setting("torch"), out)
    names = [network.digest for network in runs]
    runs.clear()
    run = measure_profile.run_carrier

    def interrupted(network, setting):
        if len(runs) == 7:
            raise KeyboardInterrupt
        return run(network, setting)

    monkeypatch.setattr(measure_profile, "run_carrier", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_profile(SPACE, Setting("torch"), out)
    monkeypatch.setattr(measure_profile, "run_carrier", run)
    again = make_profile(SPACE, Setting("torch"), out)
    assert again.points == whole.points
    assert [network.digest for network in runs] == names, "nothing is measured twice"
    assert list(tmp_path.iterdir()) == [], "what was measured so far is gone once the profile is whole"


def test_what_was_measured_otherwise_is_not_taken_up(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(measure_profile, "SECONDS", {True: 0.0, False: -1.0})
    with pytest.raises(InputError, match="only 0 networks of tiny could be measured, and a profile needs 10"):
        make_profile(SPACE, Setting("torch"), tmp_path / "p.json")
    assert runs == []


def test_a_noisy_machine_is_refused_with_its_spread(tmp_path, monkeypatch):
    monkeypatch.setattr(measure_profile, "run_carrier", lambda n, s: carried(n, s, noise=0.3))
    monkeypatch.setattr(measure_profile, "MOST", {True: 12, False: 12})
    with pytest.raises(InputError, match=r"too noisy: the runs of a network spread by 43 % .* at most 20 %") as caught:
        make_profile(SPACE, Setting("torch"), tmp_path / "p.json")
    assert "load" in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_cannot_be_run_is_left_out(tmp_path, monkeypatch):
    ran = []

    def run(network, setting):
        ran.append(network)
        if len(ran) == 3:
            raise BuildError("there is no ONNX for the operator opaque")
        return carried(network, setting)

    monkeypatch.setattr(measure_profile, "run_carrier", run)
    monkeypatch.setattr(measure_profile, "MOST", {True: 12, False: 12})
    said = []
    profile = make_profile(SPACE, Setting("torch"), tmp_path / "p.json", said.append)
    assert profile.accuracy.networks == 11
    assert "there is no ONNX for the operator opaque" in said


def test_a_general_profile_has_detectors_among_its_networks():
    for backend, every in (("torch", True), ("onnxruntime", False)):
        networks = measure_profile.networks_for(None, Setting(backend, block=16 if backend == "onnxruntime" else 0))
        first = [next(networks).name for _ in range(10)]
        assert first == ["general"] * 9 + (["detection"] if every else ["general"])


def test_the_spread_by_hand():
    runs = Carrier("n", (1.0, 2.0, 3.0, 4.0, 5.0), ())
    assert spread_of([runs]) == pytest.approx((4 - 2) / 3)


@pytest.mark.parametrize("backend", ["torch", "onnxruntime"])
def test_a_real_network_is_timed_kernel_by_kernel(backend):
    if backend == "onnxruntime":
        pytest.importorskip("onnxruntime")
    network = Interpreter(SPACE).network(lambda hole: hole.default)
    setting = measure_profile.block_of(Setting(backend))
    carrier = run_carrier(network, setting)
    kernels = Counter(piece_of(network.graph, setting).kernels)
    named = {c.kernel for c in carrier.kernels}
    assert {k.kind for k in kernels} - {k.kind for k in named} <= {"flatten"}
    assert {c.kernel: c.count for c in carrier.kernels} == {k: kernels[k] for k in named}
    assert all(min(c.seconds) >= 0 for c in carrier.kernels)
    assert len(carrier.whole) == 6
    assert min(carrier.whole) > 0


def test_a_profile_as_a_file_is_what_was_made(runs, tmp_path):
    profile = make_profile(SPACE, Setting("torch"), tmp_path / "p.json")
    write_profile(tmp_path / "p.json", profile)
    assert len(read_profile_data(tmp_path / "p.json")["kernels"]) == len(profile.points)


def test_onnx_runtime_on_a_graphics_card_is_refused():
    with pytest.raises(InputError, match="of the processor in float32, not cuda in float16"):
        Setting("onnxruntime", "cuda", 1, "float16")
