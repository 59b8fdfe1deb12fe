"""Details: what an objective has to say of a network besides its value, such as AP by class."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

MAX_CHARACTERS = 16_384
"""Of an objective's details as JSON; more is dropped, since every trial's are kept in the study."""
MAX_DEPTH = 8


def tidy(details: Mapping[str, object]) -> dict[str, Any]:
    """Details as JSON data; what is not a finite number becomes null.

    Those that are no JSON, or too much of it, are replaced by the reason: an evaluation is not lost for its details.
    """
    try:
        plain: dict[str, Any] = _plain(details, 0)
        length = len(json.dumps(plain))
    except (TypeError, ValueError) as error:
        return {"dropped": str(error)[:200]}
    if length > MAX_CHARACTERS:
        return {"dropped": f"{length:,} characters of JSON, more than {MAX_CHARACTERS:,}"}
    return plain


def _plain(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if hasattr(value, "tolist"):  # numpy's and torch's
        return _plain(value.tolist(), depth + 1)
    raise TypeError(f"{type(value).__name__} is not JSON")
