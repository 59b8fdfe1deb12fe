"""A backbone of the grammar in torchvision's Faster R-CNN, its boxes read by archlab's RoI operators."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, cast

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from archlab.detector import DetectorSpec, attach_detector, is_detector, neck_strides, spec_of, without_head
from archlab.elaborate import Network
from archlab.errors import InputError
from archlab.ir import Graph
from archlab.nn import build, part_of
from archlab.roi import MultiScaleRoIAlign

RATIOS = (0.5, 1.0, 2.0)
_LAYERS = {"fc6": "box_head.fc6", "fc7": "box_head.fc7", "classes": "box_predictor.cls_score",
           "deltas": "box_predictor.bbox_pred"}  # fmt: skip


def torchvision_model(
    network: Network | Graph | fx.GraphModule,
    classes: int | None = None,
    spec: DetectorSpec | None = None,
    *,
    pool: Literal["roi_align", "roi_pool"] | None = None,
    anchor_scale: float = 8,
    seed: int = 0,
    **options: Any,
) -> nn.Module:
    """Return a ``torchvision.models.detection.FasterRCNN`` on a network, in training mode; nothing is downloaded.

    Backbone and neck are those of ``network``. Boxes are read by ``archlab.roi.MultiScaleRoIAlign`` with the strides of
    the graph. The proposal network has one anchor size per level, ``anchor_scale`` times its stride, in the ratios 1:2,
    1:1 and 2:1 (Lin et al. 2017, arXiv:1612.03144, section 4.1: 8), and one level more, every second pixel of the
    coarsest. The box head starts as archlab's where that has as many classes.

    Args:
        network: a network or graph, which gets the neck and head of ``spec``; or the module of a detector, whose
            weights are used and shared.
        classes: classes of objects, the background not counted; by default those of ``spec``.
        spec: neck and head, by default those that ``network`` has, or ``DetectorSpec()``.
        pool: RoI align or RoI pooling, in place of that in ``spec``.
        seed: of the weights; the proposal network's too.
        options: further arguments of FasterRCNN. Unless ``min_size`` and ``max_size`` are given, images are resized to
            fit into the network's input.

    Raises:
        InputError: torchvision is not installed, or ``network`` is a module without a neck.
        ElaborationError: the backbone does not give the levels.
    """
    try:
        from torchvision.models.detection import FasterRCNN
        from torchvision.models.detection.anchor_utils import AnchorGenerator
        from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
        from torchvision.ops import MultiScaleRoIAlign as TorchvisionPooler
    except ImportError as error:
        raise InputError("Faster R-CNN needs torchvision", hint="pip install 'archlab[zoo]'") from error
    module, spec = _detector(network, spec, seed)
    spec = dataclasses.replace(spec, pool=pool or spec.pool, classes=classes or spec.classes)
    graph: Graph = module.meta["graph"]
    strides = neck_strides(graph)
    names = list(strides)
    sizes = [anchor_scale * stride for stride in (*strides.values(), 2 * max(strides.values()))]
    height, width = graph.input_shape[1:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = FasterRCNN(
            Pyramid(part_of(module, without_head(graph)), names, spec.width),
            rpn_anchor_generator=AnchorGenerator([(size,) for size in sizes], [RATIOS] * len(sizes)),
            box_head=TwoMLPHead(spec.width * spec.size[0] * spec.size[1], spec.head_width),
            box_predictor=FastRCNNPredictor(spec.head_width, spec.classes + 1),
            box_roi_pool=TorchvisionPooler(names, list(spec.size), spec.sampling),
            **{"min_size": min(height, width), "max_size": max(height, width), **options},
        )
    # FasterRCNN takes no pooler but its own, which ours stands in for.
    model.roi_heads.box_roi_pool = pooler(spec, strides)
    _start(model.roi_heads, module)
    return cast(nn.Module, model)


def detector_module(model: nn.Module, graph: Graph) -> fx.GraphModule:
    """Return the module of a detector's ``graph`` with the weights of the Faster R-CNN that was made of it.

    It takes images and boxes: what the proposal network has learnt stays in ``model.rpn``.
    """
    module = build(graph)
    state = dict(cast(Any, model).backbone.body.state_dict())
    for ours, theirs in _LAYERS.items():
        layer = cast(Any, model).roi_heads.get_submodule(theirs)
        state |= {f"box_head.{ours}.{key}": tensor for key, tensor in layer.state_dict().items()}
    module.load_state_dict(state)
    return module.eval()


class Pyramid(nn.Module):
    """Backbone and neck as torchvision wants them: maps by name, and one more level for the proposals."""

    def __init__(self, body: fx.GraphModule, names: list[str], width: int) -> None:
        super().__init__()
        self.body = body
        self.names = names
        self.out_channels = width

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return the levels of (N, C, H, W) images by name, the finest first, and ``pool``."""
        maps = self.body(x)
        levels = dict(zip(self.names, maps if isinstance(maps, tuple) else (maps,), strict=True))
        return {**levels, "pool": functional.max_pool2d(levels[self.names[-1]], 1, stride=2)}


def pooler(spec: DetectorSpec, strides: dict[str, int]) -> MultiScaleRoIAlign:
    """Return the module that reads the boxes of ``spec`` from maps by name."""
    return MultiScaleRoIAlign(
        list(strides),
        spec.size,
        spec.sampling,
        canonical_scale=spec.canonical,
        strides=list(strides.values()),
        aligned=spec.aligned,
        mode="avg" if spec.pool == "roi_align" else "caffe",
    )


def _detector(
    network: Network | Graph | fx.GraphModule, spec: DetectorSpec | None, seed: int
) -> tuple[fx.GraphModule, DetectorSpec]:
    """Return the module of backbone and neck, with a box head unless it was given as a module, and its spec."""
    if isinstance(network, fx.GraphModule):
        graph = network.meta.get("graph")
        if graph is None or not is_detector(graph):
            raise InputError("the module has no neck", hint="give the network, or build the graph of attach_neck")
        return network, spec_of(graph, spec or DetectorSpec())
    graph = network.graph if isinstance(network, Network) else network
    spec = spec or (spec_of(graph) if is_detector(graph) else DetectorSpec())
    graph = attach_detector(graph, spec)
    return build(graph, seed), spec_of(graph, spec)


@torch.no_grad()
def _start(heads: nn.Module, module: fx.GraphModule) -> None:
    """Start torchvision's box head with the weights of archlab's, for each layer where their shapes are the same."""
    state = module.state_dict()
    for ours, theirs in _LAYERS.items():
        for key, tensor in heads.get_submodule(theirs).named_parameters():
            found = state.get(f"box_head.{ours}.{key}")
            if found is not None and found.shape == tensor.shape:
                tensor.copy_(found)
