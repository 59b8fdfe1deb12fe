"""The result of a search as data: what ``result.json`` holds, and all that a report is made from."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from archlab.decoding import MisfitError, decode
from archlab.elaborate import Value
from archlab.errors import InputError
from archlab.measured import Latency, Predicted, Recount
from archlab.reading import read_json
from archlab.search.compared import Baseline, HoleShare, Neighbours
from archlab.search.shown_data import DataSummary
from archlab.shown import Tabled, short

if TYPE_CHECKING:
    from torch.fx import GraphModule

SCHEMA = "archlab.search/1"
MAX_BYTES = 256 * 2**20
"""The largest result that is read; ten thousand trials take some ten million bytes."""
State = Literal["scored", "over_budget", "repeated", "failed", "pruned"]


@dataclass(frozen=True, slots=True)
class Objective:
    """What is searched for: a score to maximise, or a cost to minimise."""

    name: str
    direction: Literal["maximize", "minimize"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a noisy objective of a network is worth, beside the value that it was selected by.

    Attributes:
        value: the mean of its evaluations with other seeds, shrunk towards the surrogate; without any, what the
            surrogate expects of it, its value taken in.
        low, high: what holds the true value in 19 of 20 cases, as far as the surrogate's own assumptions do.
        noise: the standard deviation of one evaluation, as far as it is known.
        again: the evaluations with other seeds.
        ranks: whether it ranks in the place of the value.
    """

    value: float
    low: float
    high: float
    noise: float = 0.0
    again: tuple[float, ...] = ()
    ranks: bool = True


@dataclass(frozen=True, slots=True)
class Trial:
    """One draw of the space.

    Attributes:
        number: its number in the study.
        state: ``scored``; ``over_budget`` by what is counted, or against a rule of the text or of the user's own, which
            ``reason`` names, and so never built; ``repeated``, the same network as trial ``repeat_of``; ``failed`` for
            ``reason``; ``pruned`` by the objective.
        draws: the value of every hole, by name.
        cost: params, macs, other, activations, memory, and latency in seconds where it was measured or predicted.
        values: the objectives' values by name; empty unless scored.
        digest: of the network's graph; None where it was not needed.
        seconds: how long it took, in all stages.
        details: what each objective recorded besides its value, by its name; JSON data.
        again: by objective the values of its evaluations with other seeds, in later stages by the same objective.
        reached: the last stage that evaluated it; where it is scored and that stage failed, ``reason`` has the cause.
    """

    number: int
    state: State
    draws: dict[str, Value]
    cost: dict[str, float]
    values: dict[str, float] = field(default_factory=dict)
    digest: str | None = None
    reason: str | None = None
    repeat_of: int | None = None
    seconds: float = 0.0
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    reached: int = 1
    again: dict[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CodeChange:
    """A change of the code that judges a stage: from which of its trials on, and which files differ, in words."""

    trial: int
    files: str


@dataclass(frozen=True, slots=True)
class SearchStage:
    """A stage of a search: what it judged by, how many came in, how they ended, and what that cost.

    Attributes:
        name: of its Optuna study.
        objectives: names of what it judged by.
        candidates: how many networks came in: in the first stage those that it evaluated, in a later one those that
            the stage before let through.
        survivors: how many went on to the next stage or, from the last, became finalists.
        seconds: of evaluation, of all workers together.
        code_changes: of a user's code between the runs that resumed it; values before and after are not alike.
    """

    name: str
    objectives: tuple[str, ...]
    candidates: int
    scored: int
    pruned: int
    failed: int
    survivors: int
    seconds: float
    code_changes: tuple[CodeChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Finalist:
    """One of the best candidates.

    Attributes:
        trial: its trial's number.
        name: the network's name, as in its text.
        file: the ``.arch`` file beside the result, relative to it.
        text: the network's canonical text, without holes.
        cost, values, details: as of its trial; values of every stage.
        variants: trials of networks that differ from it only in what no objective of the last stage sees.
        predicted: its latency by a profile, where there was one; ``latency`` is then measured as the profile says.
        estimates: by objective of the last stage what it is worth behind its noise, where there is anything to say.
        kept: its trained weights, files relative to the result: "" is the network's, ``rpn`` a detector's proposals'.
        seed: of its weights where it was not trained.
        folder: where the result is; None for a result that is in no file.
    """

    trial: int
    name: str
    file: str
    text: str
    cost: dict[str, float]
    values: dict[str, float]
    recount: Recount | None = None
    latency: Latency | None = None
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    predicted: Predicted | None = None
    estimates: dict[str, Estimate] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    variants: tuple[int, ...] = ()
    folder: Path | None = field(default=None, compare=False, repr=False)

    @property
    def weights(self) -> Path | None:
        """The file of its trained weights; None where it was not trained, or was by a worker without this folder."""
        return self.folder / self.kept[""] if self.folder is not None and "" in self.kept else None

    def build(self) -> GraphModule:
        """Return the network with its trained weights, in evaluation; one that was not trained as ``archlab.build``.

        Of a detector it takes images and boxes; ``archlab.detect.torchvision_model`` makes it a Faster R-CNN.

        Raises:
            InputError: the file of weights is gone, or is another network's.
        """
        from archlab.search.trained_finalist import build_finalist

        return build_finalist(self.text, self.weights, self.seed)


@dataclass(frozen=True, slots=True, repr=False)
class SearchResult(Tabled):
    """Everything that a search found.

    It prints as its finalists; ``frame`` and ``to_csv`` write it by ``trial`` or ``finalist``, ``to_html`` as a report.

    Attributes:
        space: the space's name; ``space_text`` its canonical text.
        command: the command line or call that made it.
        budgets: upper limits by metric; ``floors`` are lower ones, and ``units`` those of a user's own metrics.
        relative_budgets: those that were given relative to the space's default draw: the share; of a lower limit
            with ``>=`` behind the metric.
        rules: the user's own filters.
        objectives: of all stages, the last stage's first, as finalists are ranked by it.
        stages: in order; a search without ``then`` has one.
        smallest: cost of the smallest network that was found.
        baselines: what stands beside the finalists; of a result of an earlier version there are none.
        neighbours: of the first finalists, what each hole decides of the closed-form objectives.
        shares: by objective that is no closed form, what each hole decides of reaching its best values.
        interrupted: whether it ended before its trials were done, and why.
        data: of a search for detectors.
    """

    space: str
    space_text: str
    command: str
    seed: int
    sampler: str
    versions: dict[str, str]
    machine: str
    budgets: dict[str, float]
    objectives: tuple[Objective, ...]
    trials: tuple[Trial, ...]
    finalists: tuple[Finalist, ...]
    smallest: dict[str, float]
    stages: tuple[SearchStage, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    neighbours: tuple[Neighbours, ...] = ()
    shares: dict[str, tuple[HoleShare, ...]] = field(default_factory=dict)
    started: str = ""
    seconds: float = 0.0
    interrupted: str | None = None
    data: DataSummary | None = None
    relative_budgets: dict[str, float] = field(default_factory=dict)
    floors: dict[str, float] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    units: dict[str, str] = field(default_factory=dict)
    schema: str = SCHEMA

    view = "archlab.report.show_search"

    def __repr__(self) -> str:
        return short(self, self.space, f"{len(self.trials):,} trials", f"{len(self.finalists):,} finalists")

    def counts(self) -> dict[str, int]:
        """How many draws there were of each state, in the order of ``State``."""
        return {state: sum(t.state == state for t in self.trials) for state in get_args(State)}


def to_json(result: SearchResult) -> str:
    """Return the result as JSON text, the same for the same result."""
    data = dataclasses.asdict(result)
    for finalist in data["finalists"]:
        del finalist["folder"]  # whoever reads the file knows where it is
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_result(path: Path) -> SearchResult:
    """Read the result in a file.

    Raises:
        InputError: the file cannot be read, is broken or cut off, or is of another version.
    """
    way_out = "run the same `archlab search` again: it resumes its study and writes the result again"
    try:
        data = read_json(path, dict, MAX_BYTES)
    except InputError as error:
        raise InputError(error.message, hint=error.hint or way_out) from error
    if data.get("schema") != SCHEMA:
        found = repr(data.get("schema"))[:60]
        raise InputError(f"{path} is not a result of this version: its schema is {found}, not {SCHEMA!r}", hint=way_out)
    data.pop("importance", None)  # of earlier versions: shares of variance, which summed to anything
    try:
        result = decode(SearchResult, data, "result")
    except MisfitError as error:
        raise InputError(f"{path} is not a whole result file: {error}", hint=way_out) from error
    assert isinstance(result, SearchResult)
    finalists = tuple(dataclasses.replace(finalist, folder=path.parent) for finalist in result.finalists)
    return dataclasses.replace(result, finalists=finalists)
