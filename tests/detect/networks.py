"""Detectors small enough to be scored in a test."""

from __future__ import annotations

from archlab import elaborate, parse
from archlab.ir import Graph

BACKBONE = """net small(input=3x64x64)
stem: conv(8, s=2)
stage1: conv(8, s=2)
stage2: conv(16, s=2)
stage3: conv(16, s=2)
"""
DETECTOR = BACKBONE + "detect: fpn(8) -> roi_align(3, sampling=2) -> box_head(16, classes=3)\n"


def graph_of(text: str = DETECTOR) -> Graph:
    """The graph of a network without holes."""
    return elaborate(parse(text)).graph
