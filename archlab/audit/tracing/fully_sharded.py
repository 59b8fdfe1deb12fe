"""Models under FullyShardedDataParallel: whether what they hold tells what they are."""

from __future__ import annotations

import sys

from torch import nn

from archlab.errors import AuditError

_HOME = "torch.distributed.fsdp.fully_sharded_data_parallel"


def refuse_flattened(model: nn.Module) -> None:
    """Refuse a model whose parameters are flattened into one of each process's own, or are this process's part.

    Raises:
        AuditError: it is one; the message says what to audit instead.
    """
    home = sys.modules.get(_HOME)
    if home is None:
        return
    for path, module in model.named_modules():
        if not isinstance(module, home.FullyShardedDataParallel):
            continue
        place = f"its module {path}" if path else "it"
        hint = "audit the model before it is wrapped: the counts are the same"
        if not module._use_orig_params:
            said = f"{place} is wrapped in FullyShardedDataParallel, which holds its parameters as one flat tensor"
            raise AuditError(said, hint=hint)
        if module.world_size > 1:
            said = (
                f"{place} is wrapped in FullyShardedDataParallel, and this process has its own part of the parameters"
            )
            raise AuditError(said, hint=hint)
