"""What a report says of detectors: their data, the levels that its boxes fall on, the score's parts, and AP.

Details come from a result file, which anybody may have edited: what is not of the expected form is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archlab.detect.names import DETECTION, TRAIN
from archlab.report.finalists import FinalistInfo
from archlab.report.measures import finite
from archlab.report.pictures import Picture, found_picture, true_picture
from archlab.search.result import DataPart, DataSummary, SearchResult

SIZES = {"ap": "AP", "ap50": "AP50", "ap75": "AP75", "small": "small", "medium": "medium", "large": "large"}
MAX_COLUMNS, MAX_CLASSES, MAX_COUNT = 40, 100, 10**12
PICTURED = 2
"""The best trained finalists, whose predictions are drawn."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class of the data: its boxes in training and validation, and their share of the training's."""

    label: int
    name: str
    training: int
    validation: int
    share: float


@dataclass(frozen=True, slots=True)
class LevelUse:
    """Shares of the training data's boxes by pyramid level, alike in the finalists of these ranks."""

    ranks: tuple[int, ...]
    levels: tuple[tuple[str, float, int], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of a table; ``best`` where no other of its column is larger and one is smaller."""

    text: str
    best: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Finalists by what is said of each.

    Attributes:
        title: the objective that says it.
        rows: the finalist's rank, its name, and a cell for each column.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, str, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class Detection:
    """All that the section shows.

    Attributes:
        ap_columns: how many columns of ``ap`` are not classes.
        pictures: first, with rank 0, those of the truth; then by finalist its rank, name and pictures.
        objectives: whose details are shown here.
    """

    data: DataSummary
    classes: tuple[ClassRow, ...]
    level_use: tuple[LevelUse, ...]
    parts: tuple[Table, ...]
    ap: tuple[Table, ...]
    ap_columns: int
    pictures: tuple[tuple[int, str, tuple[Picture, ...]], ...]
    objectives: tuple[str, ...]


def detection(result: SearchResult, infos: Sequence[FinalistInfo]) -> Detection | None:
    """What there is to show of a search for detectors; None of any other."""
    if result.data is None:
        return None
    names = tuple(dict.fromkeys(name for info in infos for name in info.finalist.details if _is_ours(name)))
    return Detection(
        result.data,
        classes(result.data),
        level_use(infos, names, result.data),
        tuple(_parts(infos, name) for name in names if any(_said(info, name, "parts") for info in infos)),
        tuple(average_precision(infos, name) for name in names if any(_said(info, name, "AP") for info in infos)),
        len(SIZES),
        pictures(infos, names, result.data),
        names,
    )


def classes(data: DataSummary) -> tuple[ClassRow, ...]:
    """The data's classes with their boxes."""
    total = max(_boxes(data.training), 1)
    counts = ((name, _count(data.training, name), _count(data.validation, name)) for name in data.classes)
    rows = (ClassRow(i, name, train, val, train / total) for i, (name, train, val) in enumerate(counts, start=1))
    return tuple(rows)[:MAX_CLASSES]


def level_use(infos: Sequence[FinalistInfo], names: Sequence[str], data: DataSummary) -> tuple[LevelUse, ...]:
    """How many boxes each pyramid level of the finalists has to serve; finalists alike in this stand together."""
    boxes = _boxes(data.training)
    ranks: dict[tuple[tuple[str, float, int], ...], list[int]] = {}
    for info in infos:
        shares = next((said for name in names if (said := _numbers(_said(info, name, "level use")))), {})
        if shares:
            clipped = {level: min(max(share or 0.0, 0.0), 1.0) for level, share in shares.items()}
            levels = tuple((level, share, round(share * boxes)) for level, share in clipped.items())[:MAX_COLUMNS]
            ranks.setdefault(levels, []).append(info.rank)
    return tuple(LevelUse(tuple(found), levels) for levels, found in ranks.items())


def average_precision(infos: Sequence[FinalistInfo], name: str) -> Table:
    """AP of the finalists that ``name`` trained, by size and by class, from 0 to 1."""
    said = {
        info.rank: (_numbers(_said(info, name, "AP")), _numbers(_said(info, name, "AP by class"))) for info in infos
    }
    of_class = tuple(dict.fromkeys(key for _, by_class in said.values() for key in by_class))[:MAX_COLUMNS]
    values = [
        (info, [sizes.get(key) for key in SIZES] + [by_class.get(key) for key in of_class])
        for info in infos
        for sizes, by_class in [said[info.rank]]
        if sizes
    ]
    return _table(name, (*SIZES.values(), *of_class), values, "{:.3f}", marked=True)


def pictures(
    infos: Sequence[FinalistInfo], names: Sequence[str], data: DataSummary
) -> tuple[tuple[int, str, tuple[Picture, ...]], ...]:
    """The validation images with their true boxes, then with what the best trained finalists find."""
    true = [true_picture(i, example, data.classes) for i, example in enumerate(data.examples, start=1)]
    shown = [(0, "", tuple(picture for picture in true if picture))]
    for info in infos:
        found = next((said for name in names if isinstance(said := _said(info, name, "found"), list)), None)
        if found is None or info.graph is None or len(info.graph.input_shape) != 3 or len(shown) > PICTURED:
            continue
        size = info.graph.input_shape[1:]
        pairs = zip(true, found, strict=False)
        each = tuple(found_picture(picture, boxes, data.classes, size) for picture, boxes in pairs if picture)
        shown.append((info.rank, info.finalist.name, each))
    return tuple(row for row in shown if row[2])


def _parts(infos: Sequence[FinalistInfo], name: str) -> Table:
    said = [(info, _numbers(_said(info, name, "parts"))) for info in infos]
    columns = tuple(dict.fromkeys(key for _, parts in said for key in parts))[:MAX_COLUMNS]
    values = [
        (info, [finite(info.finalist.values.get(name)), *(parts.get(key) for key in columns)]) for info, parts in said
    ]
    return _table(name, ("score", *columns), values, "{:.4f}", marked=False)


def _table(
    title: str,
    columns: tuple[str, ...],
    values: Sequence[tuple[FinalistInfo, Sequence[float | None]]],
    form: str,
    marked: bool,
) -> Table:
    present = [[v for _, row in values if (v := row[i]) is not None] for i in range(len(columns))]
    best = [max(column) if marked and column and min(column) < max(column) else None for column in present]

    def cell(i: int, value: float | None) -> Cell:
        return Cell("–") if value is None else Cell(form.format(value).replace("-", "−"), value == best[i])

    rows = ((info.rank, info.finalist.name, tuple(cell(i, v) for i, v in enumerate(row))) for info, row in values)
    return Table(title, columns, tuple(rows))


def _boxes(part: DataPart) -> int:
    return sum(_count(part, name) for name in part.boxes)


def _count(part: DataPart, name: str) -> int:
    return min(max(part.boxes.get(name, 0), 0), MAX_COUNT)


def _is_ours(objective: str) -> bool:
    return objective.rpartition(":")[2] in (*DETECTION, TRAIN)


def _said(info: FinalistInfo, objective: str, key: str) -> Any:
    said = info.finalist.details.get(objective)
    return said.get(key) if isinstance(said, Mapping) else None


def _numbers(said: Any) -> dict[str, float | None]:
    return dict(_entries(said)) if isinstance(said, Mapping) else {}


def _entries(said: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    for key, value in said.items():
        yield str(key), finite(value)
