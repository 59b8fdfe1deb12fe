"""RegNets from their rule are torchvision's, and timm's where torchvision has none."""

from __future__ import annotations

import dataclasses
import doctest

import pytest
import timm
import torch
import torchvision.models as tv

import archlab
from archlab.errors import InputError
from archlab.exchange import regnet as regnet_module
from archlab.exchange.regnet import REGNETS, RegNet, regnet
from archlab.lift.copy_weights import copy_weights
from archlab.nn import build

OF_TORCHVISION = sorted(name for name in REGNETS if hasattr(tv, name))
# timm rounds widths to groups as the paper does.
OF_TIMM = {
    "regnet_x_200mf": "regnetx_002", "regnet_x_600mf": "regnetx_006", "regnet_x_4_0gf": "regnetx_040",
    "regnet_x_6_4gf": "regnetx_064", "regnet_x_12gf": "regnetx_120", "regnet_y_200mf": "regnety_002",
    "regnet_y_600mf": "regnety_006", "regnet_y_4_0gf": "regnety_040", "regnet_y_6_4gf": "regnety_064",
    "regnet_y_12gf": "regnety_120",
}  # fmt: skip


@pytest.fixture
def reference(monkeypatch):
    """Makes a reference without its weights; its numbers are still worked out on the CPU."""

    def on_cpu(owner: object, name: str) -> None:
        function = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *args, **kwargs: _on_cpu(function, args, kwargs))

    on_cpu(tv.regnet.BlockParams, "from_init_params")
    on_cpu(timm.models.regnet.RegNet, "_get_stage_args")

    def make(name: str) -> torch.nn.Module:
        with torch.device("meta"):
            return timm.create_model(OF_TIMM[name]) if name in OF_TIMM else getattr(tv, name)()

    return make


def _on_cpu(function, args, kwargs):
    with torch.device("cpu"):
        return function(*args, **kwargs)


def test_the_docstrings_examples_hold():
    assert doctest.testmod(regnet_module).failed == 0


def test_torchvision_and_timm_together_have_every_rule():
    assert {*OF_TORCHVISION, *OF_TIMM} == set(REGNETS)
    assert len(OF_TORCHVISION) == 14


@pytest.mark.parametrize("name", sorted(REGNETS))
def test_a_rule_yields_the_reference(name, reference):
    """Every parameter's shape in order of size, hence the count; and the MACs, which torchvision documents."""
    network = archlab.elaborate(regnet(REGNETS[name], name))
    shapes = sorted(shape for node in network.graph for shape in node.weights.values())
    assert shapes == sorted(tuple(p.shape) for p in reference(name).parameters())
    if name in OF_TORCHVISION:
        weights = tv.get_model_weights(name).IMAGENET1K_V1.meta
        assert archlab.cost(network).params == weights["num_params"]
        assert round(archlab.cost(network).macs / 1e9, 3) == weights["_ops"]


@pytest.mark.parametrize(
    ("name", "params", "macs"), [("regnet_x_200mf", "2.7", "200"), ("regnet_y_200mf", "3.2", "200")]
)
def test_the_smallest_are_those_of_the_papers_tables(name, params, macs):
    total = archlab.cost(archlab.elaborate(regnet(REGNETS[name], name)))
    assert f"{total.params / 1e6:.1f}" == params
    assert f"{round(total.macs / 1e8) * 100}" == macs


@pytest.mark.parametrize("name", ["regnet_y_800mf", "regnet_x_8gf"])
def test_it_takes_the_references_weights(name):
    graph = archlab.elaborate(regnet(REGNETS[name], name)).graph
    copy_weights(getattr(tv, name)(), build(graph))


def test_the_shipped_networks_are_their_rules():
    for name in ("regnet_x_400mf", "regnet_y_400mf"):
        assert archlab.elaborate(regnet(REGNETS[name])).digest == archlab.elaborate(archlab.load(name)).digest


def test_the_papers_rounding_and_torchvisions():
    rule = REGNETS["regnet_x_400mf"]
    assert rule.stages()[-1] == (400, 12)
    assert dataclasses.replace(rule, paper=True).stages()[-1] == (384, 12)


def test_the_rule_is_a_search_space():
    arch = regnet(REGNETS["regnet_x_400mf"])
    half = archlab.elaborate(arch, archlab.Fixed({"width_mult": 0.5, "stage3.depth_mult": 1.5}))
    assert 0 < archlab.cost(half).macs < archlab.cost(archlab.elaborate(arch)).macs


@pytest.mark.parametrize("change", [{"w0": 20}, {"wa": -1.0}, {"wm": 1.0}, {"depth": 0}, {"group_width": 0}])
def test_numbers_outside_the_design_space_are_refused(change):
    with pytest.raises(InputError, match="no RegNet has w0"):
        RegNet(**(dataclasses.asdict(REGNETS["regnet_x_400mf"]) | change)).stages()
