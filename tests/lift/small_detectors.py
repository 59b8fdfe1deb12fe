"""torchvision's detectors on a backbone of two levels, small enough to run in a moment."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torchvision.models.detection import FCOS, FasterRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.ssd import SSD
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelP6P7


def layer(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def pyramid(extra: nn.Module | None = None) -> nn.Module:
    torch.manual_seed(0)
    body = nn.Sequential(OrderedDict(stem=layer(3, 4), fine=layer(4, 6), coarse=layer(6, 10)))
    return BackboneWithFPN(body, {"fine": "0", "coarse": "1"}, [6, 10], 32, extra)


def pool(size: int) -> nn.Module:
    return MultiScaleRoIAlign(["0", "1"], size, 2)


def faster_rcnn() -> nn.Module:
    anchors = AnchorGenerator(((32,), (64,), (128,)), ((1.0,),) * 3)
    return FasterRCNN(pyramid(), 5, rpn_anchor_generator=anchors, box_roi_pool=pool(3))


def mask_rcnn() -> nn.Module:
    anchors = AnchorGenerator(((32,), (64,), (128,)), ((1.0,),) * 3)
    return MaskRCNN(
        pyramid(), 5, rpn_anchor_generator=anchors, box_roi_pool=pool(3), mask_roi_pool=pool(4), min_size=100
    )


def retinanet() -> nn.Module:
    return RetinaNet(pyramid(LastLevelP6P7(32, 32)), 5)


def fcos() -> nn.Module:
    return FCOS(pyramid(), 5)


class Levels(nn.Module):
    """A backbone without a neck; its first level is scaled by its norm, as SSD's is."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = layer(3, 8), layer(8, 12)

    def forward(self, x):
        x = self.fine(x)
        return OrderedDict([("0", nn.functional.normalize(x)), ("1", self.coarse(x))])


def ssd() -> nn.Module:
    torch.manual_seed(0)
    return SSD(Levels(), DefaultBoxGenerator([[2], [2]]), (32, 32), 5)
