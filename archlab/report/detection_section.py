"""What a report shows of detectors: their data, the levels that its boxes fall on, the score's parts, and AP.

Details come from a result file, which anybody may have edited: what is not of the expected form is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archlab.detect.data_source import TRAIN
from archlab.detect.scores import DETECTION
from archlab.report.detection_pictures import Picture, found_picture, true_picture
from archlab.report.finalist_info import FinalistInfo
from archlab.report.objectives_and_costs import finite
from archlab.search.result import SearchResult
from archlab.search.shown_data import DataPart, DataSummary
from archlab.units import with_minus

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

    @property
    def idle(self) -> tuple[str, ...]:
        """The levels that no box is read from."""
        return tuple(level for level, share, _ in self.levels if not share)


@dataclass(frozen=True, slots=True)
class TableCell:
    """A number of a table; ``best`` where no other of its column is larger and one is smaller."""

    text: str
    best: bool = False


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Finalists by what is recorded of each.

    Attributes:
        title: the objective that reports it.
        rows: the finalist's rank, its name, and a cell for each column.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, str, tuple[TableCell, ...]], ...]


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
    parts: tuple[ScoreTable, ...]
    ap: tuple[ScoreTable, ...]
    ap_columns: int
    pictures: tuple[tuple[int, str, tuple[Picture, ...]], ...]
    objectives: tuple[str, ...]


def detection(result: SearchResult, infos: Sequence[FinalistInfo]) -> Detection | None:
    """Return what there is to show of a search for detectors; None of any other."""
    if result.data is None:
        return None
    names = tuple(dict.fromkeys(name for info in infos for name in info.finalist.details if _is_ours(name)))
    return Detection(
        result.data,
        classes(result.data),
        level_use(infos, names, result.data),
        tuple(_parts(infos, name) for name in names if any(_recorded(info, name, "parts") for info in infos)),
        tuple(average_precision(infos, name) for name in names if any(_recorded(info, name, "AP") for info in infos)),
        len(SIZES),
        pictures(infos, names, result.data),
        names,
    )


def classes(data: DataSummary) -> tuple[ClassRow, ...]:
    """Return the data's classes with their boxes."""
    total = max(_boxes(data.training), 1)
    counts = ((name, _count(data.training, name), _count(data.validation, name)) for name in data.classes)
    rows = (ClassRow(i, name, train, val, train / total) for i, (name, train, val) in enumerate(counts, start=1))
    return tuple(rows)[:MAX_CLASSES]


def level_use(infos: Sequence[FinalistInfo], names: Sequence[str], data: DataSummary) -> tuple[LevelUse, ...]:
    """Count how many boxes each pyramid level of the finalists has to serve; finalists alike in this stand together."""
    boxes = _boxes(data.training)
    ranks: dict[tuple[tuple[str, float, int], ...], list[int]] = {}
    for info in infos:
        shares = next((recorded for name in names if (recorded := _numbers(_recorded(info, name, "level use")))), {})
        if shares:
            clipped = {level: min(max(share or 0.0, 0.0), 1.0) for level, share in shares.items()}
            levels = tuple((level, share, round(share * boxes)) for level, share in clipped.items())[:MAX_COLUMNS]
            ranks.setdefault(levels, []).append(info.rank)
    return tuple(LevelUse(tuple(found), levels) for levels, found in ranks.items())


def average_precision(infos: Sequence[FinalistInfo], name: str) -> ScoreTable:
    """Return the AP of the finalists that ``name`` trained, by size and by class, from 0 to 1."""
    keys = ("AP", "AP by class")
    found = {info.rank: [_numbers(_recorded(info, name, key)) for key in keys] for info in infos}
    of_class = tuple(dict.fromkeys(key for _, by_class in found.values() for key in by_class))[:MAX_COLUMNS]
    values = [
        (info, [sizes.get(key) for key in SIZES] + [by_class.get(key) for key in of_class])
        for info in infos
        for sizes, by_class in [found[info.rank]]
        if sizes
    ]
    return _table(name, (*SIZES.values(), *of_class), values, "{:.3f}", marked=True)


def pictures(
    infos: Sequence[FinalistInfo], names: Sequence[str], data: DataSummary
) -> tuple[tuple[int, str, tuple[Picture, ...]], ...]:
    """Return the validation images with their true boxes, then with what the best trained finalists find."""
    true = [true_picture(i, example, data.classes) for i, example in enumerate(data.examples, start=1)]
    shown = [(0, "", tuple(picture for picture in true if picture))]
    for info in infos:
        found = next((recorded for name in names if isinstance(recorded := _recorded(info, name, "found"), list)), None)
        if found is None or info.graph is None or len(info.graph.input_shape) != 3 or len(shown) > PICTURED:
            continue
        size = info.graph.input_shape[1:]
        pairs = zip(true, found, strict=False)
        each = tuple(found_picture(picture, boxes, data.classes, size) for picture, boxes in pairs if picture)
        shown.append((info.rank, info.finalist.name, each))
    return tuple(row for row in shown if row[2])


def _parts(infos: Sequence[FinalistInfo], name: str) -> ScoreTable:
    found = [(info, _numbers(_recorded(info, name, "parts"))) for info in infos]
    columns = tuple(dict.fromkeys(key for _, parts in found for key in parts))[:MAX_COLUMNS]
    values = [
        (info, [finite(info.finalist.values.get(name)), *(parts.get(key) for key in columns)]) for info, parts in found
    ]
    return _table(name, ("score", *columns), values, "{:.4f}", marked=False)


def _table(
    title: str,
    columns: tuple[str, ...],
    values: Sequence[tuple[FinalistInfo, Sequence[float | None]]],
    form: str,
    marked: bool,
) -> ScoreTable:
    present = [[v for _, row in values if (v := row[i]) is not None] for i in range(len(columns))]
    best = [max(column) if marked and column and min(column) < max(column) else None for column in present]

    def cell(i: int, value: float | None) -> TableCell:
        return TableCell("–") if value is None else TableCell(with_minus(form.format(value)), value == best[i])

    rows = ((info.rank, info.finalist.name, tuple(cell(i, v) for i, v in enumerate(row))) for info, row in values)
    return ScoreTable(title, columns, tuple(rows))


def _boxes(part: DataPart) -> int:
    return sum(_count(part, name) for name in part.boxes)


def _count(part: DataPart, name: str) -> int:
    return min(max(part.boxes.get(name, 0), 0), MAX_COUNT)


def _is_ours(objective: str) -> bool:
    return objective.rpartition(":")[2] in (*DETECTION, TRAIN)


def _recorded(info: FinalistInfo, objective: str, key: str) -> Any:
    recorded = info.finalist.details.get(objective)
    return recorded.get(key) if isinstance(recorded, Mapping) else None


def _numbers(recorded: Any) -> dict[str, float | None]:
    return dict(_entries(recorded)) if isinstance(recorded, Mapping) else {}


def _entries(recorded: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    for key, value in recorded.items():
        yield str(key), finite(value)
