"""Detectors from the grammar: a feature pyramid and an RoI head on any backbone.

Nothing here imports torch before a name is used that needs it.
"""

from archlab.pyramid import Level, attach_neck, levels_of

__all__ = ["Level", "attach_neck", "levels_of"]
