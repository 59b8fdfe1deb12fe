"""Seconds that the detection score of one candidate takes at 256x256 on two threads, and where they go."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

import archlab
from archlab.detect.attach import detector_for
from archlab.detect.scores import score_detector
from archlab.detect.shapes import drawn_shapes
from archlab.detect.short_training import BATCH, STEPS, short_training
from archlab.detect.short_training import PER_IMAGE as TRAINED_BOXES
from archlab.detect.untrained import IMAGES, PER_IMAGE, looks
from archlab.elaborate import elaborate
from archlab.ir import Graph
from archlab.nn import build
from benchmarks.machine import machine, versions

SIZE, THREADS, BOXES, RUNS = (256, 256), 2, 128, 5


def measure() -> dict[str, Any]:
    """Return the default network of the shipped detection space, on drawn shapes."""
    torch.set_num_threads(THREADS)
    data = drawn_shapes(64, SIZE, 0)
    graph = detector_for(elaborate(archlab.load("detection")).graph, data)
    began = time.perf_counter()
    score_detector("detection", graph, data, 0)
    whole = time.perf_counter() - began
    began = time.perf_counter()
    looks(graph, data, 0)
    looking = time.perf_counter() - began
    return {
        "versions": versions("torch"),
        "machine": machine(),
        "threads": THREADS,
        "macs": sum(node.macs for node in graph),
        "detection_seconds": round(whole, 2),
        "of_which_probe_features": round(looking, 2),
        "short_training": {"steps": STEPS, "batch": BATCH, "boxes_an_image": TRAINED_BOXES, **_shares(graph, data)},
        "probe": {"images": IMAGES, "boxes_an_image": PER_IMAGE},
        "forward_of_one_image_with_128_boxes": _forward(graph),
    }


def _forward(graph: Graph) -> dict[str, float]:
    """Return median milliseconds of one forward, and the share of the RoI operator."""
    module = build(graph).eval().to(memory_format=torch.channels_last)
    image = torch.randn(1, 3, *SIZE).contiguous(memory_format=torch.channels_last)
    corner = torch.rand(BOXES, 2) * 160
    rois = torch.cat([torch.zeros(BOXES, 1), corner, corner + 16 + 80 * torch.rand(BOXES, 2)], dim=1)
    times = []
    with torch.no_grad():
        module(image, rois)
        for _ in range(4 * RUNS):
            began = time.perf_counter()
            module(image, rois)
            times.append(time.perf_counter() - began)
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            module(image, rois)
    return {"milliseconds": round(1000 * statistics.median(times), 2), "roi_share": _share(profiler, "roi_align")}


def _shares(graph: Graph, data: Any) -> dict[str, float]:
    """Return the shares of a short training's CPU time: the RoI operator forward and backward, and convolutions."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        began = time.perf_counter()
        short_training(graph, data, 0)
        seconds = time.perf_counter() - began
    return {
        "seconds": round(seconds, 2),
        "roi_share": _share(profiler, "archlab::roi_align"),
        "convolution_share": _share(profiler, "convolution", "conv2d"),
        "norm_share": _share(profiler, "batch_norm"),
    }


def _share(profiler: Any, *names: str) -> float:
    """Return the share of the outermost operators' time in those whose name holds one of ``names``."""
    total = picked = 0.0
    for event in profiler.events():
        if event.cpu_parent is None:
            total += event.cpu_time_total
        inside = any(name in event.name for name in names)
        parent = event.cpu_parent
        if inside and not (parent is not None and any(name in parent.name for name in names)):
            picked += event.cpu_time_total
    return round(picked / total, 3) if total else 0.0
