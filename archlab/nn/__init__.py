"""The torch side of a network: its module, fvcore's count of it, and its latency on this machine."""

from archlab.nn.fvcore_recount import recount
from archlab.nn.latency import measure
from archlab.nn.module import build, part_of

__all__ = ["build", "measure", "part_of", "recount"]
