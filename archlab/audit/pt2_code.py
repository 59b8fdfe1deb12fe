"""What in an exported program (``.pt2``) could run code when torch reads it, found before torch does.

A ``.pt2`` is a zip archive: a graph as JSON, weights as bytes, and example inputs as a pickle. Torch reads the pickle
by its restricted reader, and by Python's own where that fails; and it has several more ways to pickle a part. The graph
is no pickle, but torch evaluates some of what it says: see ``archlab.audit.pt2_graph``. What is found here is more than
torch writes by itself for an ordinary model.

The archive is read by torch's own reader of archives, which unpickles nothing, so that no two readers disagree.
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from archlab.audit.pt2_graph import code_in_graph
from archlab.errors import InputError, printable

_OLDER = ("version", "serialized_")
"""How the names begin that the format of torch 2.7 and before has, which torch falls back on."""

_PICKLED = ("custom_obj", "opaque_obj")
_SAMPLES = "data/sample_inputs/"
_WEIGHTS = ("data/weights/", "data/constants/")
_NATIVE = ("data/aotinductor/", "data/executorch/", "data/mtia/")

MOST_NAMED = 3


def refuse_code(path: Path) -> None:
    """Refuse an exported program that could run code when it is read.

    Raises:
        InputError: it has such parts, which the message names; or it is no archive that torch reads.
    """
    found = list(dict.fromkeys(code_in(path)))
    if found:
        named = "; ".join(printable(each)[:160] for each in found[:MOST_NAMED])
        more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        raise InputError(
            f"{printable(str(path))} has parts that can run code when they are read: {named}{more}",
            hint="if you trust where it is from, audit it with --trust",
        )


def code_in(path: Path) -> Iterator[str]:
    """Yield each part of the archive at ``path`` that could run code, with what it is.

    Raises:
        InputError: it is no archive that torch reads.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        raise InputError(f"{printable(str(path))} is no exported program: {error}") from error
    older = [entry.filename for entry in entries if entry.filename.startswith(_OLDER)]
    if older:
        yield from (f"{name} (the format of torch 2.7, all of it pickles)" for name in older)
        return
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED:
            yield f"{entry.filename} (compressed, which torch never writes)"
    try:
        yield from _in_records(path)
    except InputError:
        raise
    except Exception as error:  # torch's reader raises RuntimeError, and what JSON is made of is anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{printable(str(path))} is no exported program: {printable(reason)[:200]}") from error


def _in_records(path: Path) -> Iterator[str]:
    from torch.export.pt2_archive import PT2ArchiveReader

    with PT2ArchiveReader(str(path)) as archive:
        names = archive.get_file_names()
        if len({name.lower() for name in names}) < len(names):
            yield "parts of one name, of which either may be read"  # torch finds parts in small letters or capitals
        for name in names:
            yield from _in_record(name, archive.read_bytes)


def _in_record(name: str, read: Callable[[str], bytes]) -> Iterator[str]:
    known = name.lower()
    if known.startswith(_NATIVE):
        yield f"{name} (compiled code)"
    elif known.startswith(_SAMPLES):
        if not _is_plain(read(name)):
            yield f"{name} (a pickle of more than tensors and numbers)"
    elif known.startswith(_WEIGHTS) and known.endswith(".pt"):
        yield f"{name} (a pickle)"
    elif known.startswith(_WEIGHTS) and known.endswith(".json"):
        yield from _in_config(name, json.loads(read(name)))
    elif known.startswith("models/"):
        yield from (f"{name} ({each})" for each in code_in_graph(json.loads(read(name))))


def _in_config(name: str, config: dict[str, Any]) -> Iterator[str]:
    """Yield the pickles among the payloads that a list of weights or constants names."""
    for key, payload in config["config"].items():
        if payload["use_pickle"] or str(payload["path_name"]).startswith(_PICKLED):
            yield f"{name.rpartition('/')[0]}/{payload['path_name']} (the pickle of {key})"


def _is_plain(content: bytes) -> bool:
    """Return whether torch's restricted reader, which calls nothing but what makes tensors, can read a pickle."""
    import torch

    if not content:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles that it does not expect
            torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception:  # it raises UnpicklingError, and whatever else broken pickles bring about
        return False
    return True
