"""The structure of torch models, read by lifting them, against that of the shipped texts of the same networks."""

from __future__ import annotations

import pytest
import torch

import archlab
from archlab.errors import LiftError
from archlab.lift.model_graph import model_graph

NAMES = (
    *("resnet18", "densenet121", "mobilenet_v3_large", "shufflenet_v2_x1_0", "squeezenet1_1", "convnext_tiny"),
    *("mnasnet1_0", "resnext50_32x4d"),
)


@pytest.mark.parametrize("name", NAMES)
def test_torchvisions_model_has_the_blocks_of_the_shipped_text(name: str):
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        model = torchvision.models.get_model(name).eval()
    graph = model_graph(model, [torch.empty(1, 3, 224, 224, device="meta")], name)
    shipped = archlab.structure(name)
    assert archlab.structure(graph).counts() == shipped.counts()
    assert archlab.diff(graph, name).equal


class TwoHeads(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.one, self.other = torch.nn.Conv2d(8, 4, 1), torch.nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        x = self.stem(x).relu()
        return {"one": self.one(x), "other": self.other(x)}


def test_all_outputs_of_a_model_are_in_its_graph():
    graph = model_graph(TwoHeads(), [torch.empty(2, 3, 8, 8)])
    assert [graph[name].shape for name in graph.outputs] == [(4, 8, 8), (2, 8, 8)]
    assert archlab.structure(graph).counts() == {"standard convolution": 2, "pointwise convolution": 1}


class Transformed(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.fft(x).real


def test_what_cannot_be_said_is_refused_by_name():
    with pytest.raises(LiftError, match="fft"):
        model_graph(Transformed(), [torch.empty(1, 3, 8, 8)])
