"""What the source gives at sampled places: the same whether it was noted or is run again."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest
import torch

import archlab
from archlab.carry import carry
from archlab.carry.forward import BATCH, Forward, in_batches
from archlab.carry.originals import Originals
from archlab.carry.patches import at_places, of_first, read_by, sample_places
from archlab.carry.statistics import collect
from tests.carry.networks import images, space, trained

statistics = importlib.import_module("archlab.carry.statistics")


@pytest.mark.parametrize("name", ["residual", "depthwise", "cat"])
def test_a_walk_on_noted_values_is_that_on_values_run_again(name):
    source, target = (archlab.elaborate(space(name), {"width_mult": w}).graph for w in (1, 0.5))
    module, x = trained(source), images(source, 40)
    known = collect(module, source, x)
    assert set(known.given) == {node.name for node in source} & set(known.given) != set()
    noted, again = (
        carry(module, source, target, x, known=one).module.state_dict() for one in (known, replace(known, given={}))
    )
    assert all(torch.equal(noted[name], again[name]) for name in noted)


def test_of_the_first_images_the_places_are_those_that_were_noted():
    graph = archlab.elaborate(space("residual")).graph
    module, x = trained(graph), images(graph, 40)
    known = collect(module, graph, x, rows=500)
    name = next(iter(known.given))
    few = Originals(module, graph, x[:10], (), known, 500, 0)
    places = few.places(graph.shape_of(name))
    assert 0 < len(places[0]) < 500
    assert int(places[0].max()) < 10
    value = Forward(module, graph, x[:10], keep=[name]).run_to(name)
    torch.testing.assert_close(few.at(name, places), at_places(value, places))
    # Other images, or another sample, were not noted.
    for other, rows, seed in ((x[1:11], 500, 0), (x[:10], 400, 0), (x[:10], 500, 1)):
        assert not known.has_noted(other, rows, seed)
        places = Originals(module, graph, other, (), known, rows, seed).places(graph.shape_of(name))
        assert len(places[0]) == rows


def test_too_many_values_are_not_noted(monkeypatch):
    graph = archlab.elaborate(space("residual")).graph
    monkeypatch.setattr(statistics, "MOST_NOTED", 1e4)
    assert collect(trained(graph), graph, images(graph, 8)).given == {}


def test_places_in_batches_are_those_of_the_whole():
    graph = archlab.elaborate(archlab.parse("net x(input=2x9x7)\na: conv(4, 3, s=2)\n")).graph
    node = graph.nodes[0]
    x = images(graph, BATCH + 9)
    parts = in_batches(x)
    assert [len(part) for part in parts] == [BATCH, 9]
    assert all(part.is_contiguous(memory_format=torch.channels_last) for part in parts)
    for count in (len(x), 5):
        places = of_first(sample_places(len(x), node.shape, 300, 0), count)
        image, row, column = places
        assert torch.equal(at_places(parts, places), x[image, :, row, column])
        # What a convolution reads, times its weight, is what it gives.
        weight = torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(0))
        given = torch.nn.functional.conv2d(x, weight, stride=2, padding=1)
        products = read_by(node, parts, places).flatten(1) @ weight.flatten(1).T
        torch.testing.assert_close(products, given[image, :, row, column], rtol=1e-4, atol=1e-5)
