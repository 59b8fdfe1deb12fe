"""The RoI box head as nodes: features of each box, two fully connected layers, and what they predict of the box.

As torchvision's TwoMLPHead and FastRCNNPredictor (Lin et al. 2017, arXiv:1612.03144, section 4.2; Girshick 2015,
arXiv:1504.08083): logits of the background and the classes, and for each of them four offsets of the box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archlab.detector.grow import Grown
from archlab.detector.neck import BOX_HEAD
from archlab.detector.spec import DetectorSpec
from archlab.ir import BOXES, BOXES_SHAPE, Node, Shape

OUTPUTS = (f"{BOX_HEAD}.classes", f"{BOX_HEAD}.deltas")


def head_nodes(maps: Mapping[str, Shape], strides: Sequence[int], spec: DetectorSpec) -> tuple[Node, ...]:
    """Return the operators of ``spec``'s box head on the levels' ``maps``, the finest first, in running order.

    It puts out ``OUTPUTS``: (rois, classes + 1) logits and (rois, 4 (classes + 1)) offsets. The canonical side of
    ``spec`` is known.
    """
    grown = Grown(BOX_HEAD, {**maps, BOXES: BOXES_SHAPE})
    args = {"n": spec.size, "rois": spec.rois, "canonical": spec.canonical, "strides": tuple(strides)}
    if spec.pool == "roi_align":
        args |= {"sampling": spec.sampling, "aligned": int(spec.aligned)}
    x = grown.append(spec.pool, spec.pool, [*maps, BOXES], None, **args)
    x = grown.append("flatten", "flatten", [x])
    for n in (6, 7):  # called fc6 and fc7 since Fast R-CNN, after VGG-16's
        x = grown.append(f"fc{n}", "linear", [x], "uniform", n=spec.head_width)
        x = grown.append(f"act{n}", "relu", [x])
    grown.append("classes", "linear", [x], 0.01, n=spec.classes + 1)
    grown.append("deltas", "linear", [x], 0.001, n=4 * (spec.classes + 1))
    return tuple(grown.nodes)
