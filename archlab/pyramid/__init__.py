"""Detectors as graphs, in closed form: the levels that a backbone gives, and the neck that goes onto them.

Nothing here imports torch. ``archlab.detect`` offers all of it, and the torch side.
"""

from archlab.pyramid.levels import Level, level_name, levels_of
from archlab.pyramid.neck import attach_neck, neck_nodes

__all__ = ["Level", "attach_neck", "level_name", "levels_of", "neck_nodes"]
