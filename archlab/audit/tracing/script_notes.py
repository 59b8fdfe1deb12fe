"""What a pass cannot see of TorchScript: weights frozen into its graph, and operators that oneDNN runs whole."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

ONEDNN = "TorchScript has oneDNN run operators that cannot be seen: their arithmetic is not in the counts."
FROZEN = "A frozen TorchScript keeps weights as constants of its graph: they are not among the parameters."


def script_notes(model: nn.Module) -> Iterator[str]:
    """Yield what a reader must know of the scripts in ``model``."""
    for module in model.modules():
        if isinstance(module, torch.jit.ScriptModule) and hasattr(module, "inlined_graph"):
            graph = str(module.inlined_graph)
            if "mkldnn" in graph.lower():
                yield ONEDNN
            if "prim::Constant[value=<Tensor>]" in graph or "prim::Constant[value= Float" in graph:
                yield FROZEN
            return
