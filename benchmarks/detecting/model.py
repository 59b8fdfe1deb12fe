"""The detector that the study trains: torchvision's Faster R-CNN on a backbone and neck of archlab's, and small."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.ops import MultiScaleRoIAlign as TorchvisionPooler

from archlab.detect import attach_neck, levels_of
from archlab.ir import Graph
from archlab.nn import build
from archlab.roi import MultiScaleRoIAlign

NECK, HEAD, POOLED = 32, 128, 7
LEVELS = ("p2", "p3", "p4", "p5")


class _Pyramid(nn.Module):
    def __init__(self, graph: Graph, seed: int) -> None:
        super().__init__()
        self.body = build(attach_neck(graph, NECK, LEVELS), seed=seed)
        self.out_channels = NECK

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        return OrderedDict(zip(LEVELS, self.body(x), strict=True))


def detector(graph: Graph, classes: int, seed: int, pooling: str = "avg") -> nn.Module:
    """Build Faster R-CNN on ``graph``; ``pooling`` is an RoI mode of archlab: ``avg`` aligns, ``caffe`` rounds."""
    strides = [level.stride for level in levels_of(graph) if level.name in LEVELS]
    _, height, width = graph.input_shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pyramid = _Pyramid(graph, seed)
        model = FasterRCNN(
            pyramid,
            min_size=height,
            max_size=width,
            _skip_resize=True,
            image_mean=[0.0] * 3,
            image_std=[1.0] * 3,
            rpn_anchor_generator=AnchorGenerator(
                tuple((4 * stride,) for stride in strides), ((0.5, 1.0, 2.0),) * len(strides)
            ),
            rpn_pre_nms_top_n_train=128,
            rpn_pre_nms_top_n_test=128,
            rpn_post_nms_top_n_train=100,
            rpn_post_nms_top_n_test=100,
            rpn_batch_size_per_image=64,
            box_batch_size_per_image=32,
            box_roi_pool=TorchvisionPooler(list(LEVELS), POOLED, 2),
            box_head=TwoMLPHead(NECK * POOLED**2, HEAD),
            box_predictor=FastRCNNPredictor(HEAD, classes + 1),
        )
    model.roi_heads.box_roi_pool = MultiScaleRoIAlign(list(LEVELS), POOLED, 2, strides=strides, mode=pooling)
    channels_last: nn.Module = model.to(memory_format=torch.channels_last)
    return channels_last
