"""Latency in closed form: measured once per machine, kernel by kernel, and predicted for every candidate.

What measures or fits imports torch, ONNX Runtime or scikit-learn when it is called: a prediction needs none of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from archlab.latency.predictor import Predictor
from archlab.latency.profile import profile_of, read_profile_data
from archlab.latency.table import SCHEMA as TABLE_SCHEMA
from archlab.latency.table import TablePredictor, table_of

if TYPE_CHECKING:
    from archlab.ir import Graph
    from archlab.latency.backend import Setting
    from archlab.measured import Latency

__all__ = ["AnyPredictor", "Predictor", "TablePredictor", "advice", "measured_as", "read_predictor", "read_profile"]

AnyPredictor = Predictor | TablePredictor
"""What predicts latency: by a machine's profile, or by a table of some device."""


def read_predictor(path: str | Path) -> AnyPredictor:
    """Return what predicts latency by a file of ``archlab device profile`` or ``fit``, wherever it was made.

    Raises:
        InputError: the file cannot be read, or is not whole.
    """
    path = Path(path)
    data = read_profile_data(path)
    if data.get("schema") == TABLE_SCHEMA:
        return TablePredictor(table_of(data, path), path)
    return Predictor(profile_of(data, path), path)


def read_profile(path: str | Path, threads: int | None = None) -> AnyPredictor:
    """Return what predicts latency by a file; a profile must be of this machine, a table is of any device.

    Args:
        threads: on how many the latency is to be; None for the profile's own.

    Raises:
        InputError: as ``read_predictor``, or the profile is of another machine, backend version or thread count.
    """
    from archlab.latency.conditions import refuse_other_machine

    predictor = read_predictor(path)
    if isinstance(predictor, Predictor):
        refuse_other_machine(predictor.profile, path, threads)
    return predictor


def measured_as(graph: Graph, setting: Setting) -> Latency:
    """Return what a network takes for one image, measured as the networks of a profile of ``setting`` are.

    Raises:
        InputError, BuildError: as ``archlab.latency.timed.prepare``.
    """
    from archlab.latency.timed import prepare
    from archlab.nn.latency import on_threads, summary, warm_runs

    with on_threads(setting.threads):
        return summary(warm_runs(prepare(graph, setting).whole), setting.threads)


def advice(space: str) -> str:
    """Return the sentence for a search that has to time its candidates."""
    return (
        "latency is measured on every candidate, under whatever else runs here; "
        f"`archlab device profile --space {space} --out my-device.json` takes at most 3 minutes once, and with "
        "`--profile my-device.json` it is predicted"
    )
