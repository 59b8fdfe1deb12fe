from __future__ import annotations

import dataclasses
import random

import pytest

import archlab
from archlab.elaborate import Interpreter, Random, load, network_of
from archlab.latency.backend import piece_of
from archlab.latency.predictor import Predictor
from archlab.latency.profile import Point
from archlab.resources import shipped_spaces
from tests.latency.profiles import by_hand, profile_here, setting_of

BACKENDS = ("torch", "onnxruntime")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_network_is_the_sum_of_its_kernels(backend):
    predictor = Predictor(profile_here(backend))
    for name in ("mobilenet_v2", "shufflenet_v1_g3", "detection"):
        network = network_of(name)
        assert predictor(network) == pytest.approx(by_hand(network, backend), rel=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_sum_over_shared_parts_is_that_over_the_whole_graph(backend):
    predictor = Predictor(profile_here(backend))
    interpreter, rng = Interpreter(load(archlab.load("mobile"))), random.Random(3)
    networks = [network_of(name) for name in shipped_spaces()] + [interpreter.network(Random(rng)) for _ in range(15)]
    for network in networks:
        whole = predictor.predict(network)
        assert predictor(network) == pytest.approx(whole.seconds, rel=1e-9), network.name
        assert sum(predictor.by_node(network.graph).values()) == pytest.approx(whole.seconds, rel=1e-9)


def test_a_measured_kernel_is_as_measured_and_the_interval_is_the_profiles_error():
    network = network_of("mobilenet_v1")
    kernels = dict.fromkeys(piece_of(network.graph, setting_of()).kernels)
    points = tuple(Point(kernel, 1e-3, 2e-3, 3e-3, 10**9) for kernel in kernels)
    predicted = Predictor(profile_here(error=0.25, points=points)).predict(network)
    assert predicted.seconds == pytest.approx(2e-3 * len(network.graph), rel=1e-6)
    assert predicted.low == pytest.approx(0.75 * predicted.seconds)
    assert predicted.high == pytest.approx(1.25 * predicted.seconds)
    assert predicted.measured == 1.0


def test_what_was_measured_in_one_network_counts_as_much_as_the_law():
    kernel = piece_of(network_of("mobilenet_v1").graph, setting_of()).kernels[0]
    profile = profile_here(points=(Point(kernel, 1.0, 1.0, 1.0, 1),))
    times = Predictor(profile).times
    assert times(kernel) == pytest.approx(times.expected(kernel) ** 0.5)
    assert times.is_measured(kernel)


def test_scale_and_overhead_bring_sums_to_wholes():
    network = network_of("resnet18")
    profile = dataclasses.replace(profile_here(), scale=2.0, overhead=1e-5)
    expected = 2 * by_hand(network) + 1e-5 * len(network.graph)
    assert Predictor(profile)(network) == pytest.approx(expected, rel=1e-9)


def test_cost_has_a_latency_where_something_predicts_it():
    assert archlab.cost("resnet18").latency is None
    assert "latency" not in archlab.cost("resnet18").as_dict()
    counted = archlab.cost("resnet18", latency=Predictor(profile_here()))
    assert counted.as_dict()["latency"] == counted.latency == pytest.approx(by_hand(network_of("resnet18")))


def test_a_kind_that_was_never_measured_takes_next_to_nothing():
    predictor = Predictor(dataclasses.replace(profile_here(), laws={}))
    assert predictor(network_of("resnet18")) == pytest.approx(1e-6 * len(network_of("resnet18").graph))
