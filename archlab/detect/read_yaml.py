"""A YAML file that anybody may have written, or one sentence with the line of what is wrong in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from archlab.errors import InputError, quote
from archlab.reading import read_text

MOST_BYTES = 2**20


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """PyYAML's safe loader without aliases, by which a few lines can unfold to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(None, None, "aliases are not read", event.start_mark)
        return super().compose_node(parent, index)


def read_yaml(source: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises:
        InputError: the file cannot be read or holds no mapping; the message has file, line and rule.
    """
    try:
        data = yaml.load(read_text(source, MOST_BYTES), Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InputError(f"{source} is not YAML: {where}{error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{source} is not YAML: {quote(str(error))[1:-1]}") from error
    if not isinstance(data, dict):
        raise InputError(f"{source} is no description of YOLO data", hint="it needs train, val and names")
    return data
