"""A user's request for a search, checked and made into a plan: by the command line and from Python alike.

The cheap checks come first, and torch is imported after them: most mistakes are reported at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.budget_text import limits_in, parse_budget, relative_budgets
from archlab.cost import METRICS, Budget, part_names
from archlab.detect.data_source import TRAIN
from archlab.detect.training_plan import TRAIN_STEPS, TrainingPlan, find_init, names_of_augmentations
from archlab.elaborate import Interpreter, Space, alike_options, architecture_of, load, network_of
from archlab.elaborate.space import MAX_NODES
from archlab.errors import InputError, did_you_mean
from archlab.grammar import unparse, with_input
from archlab.grammar.ast import Architecture
from archlab.latency import AnyPredictor, advice, read_profile
from archlab.search.candidate import UserObjective
from archlab.search.choices import HEARTBEAT, KEEP, MAX_DEATHS, PRUNERS, SAMPLER, SAMPLERS
from archlab.search.counter import Counter
from archlab.search.detection_data import default_objective
from archlab.search.keep_rule import KeepRule, parse_keep
from archlab.search.own_code import OwnRules, load_rules
from archlab.search.plan import Note, Plan, Stage, training_suffix
from archlab.search.tasks import find_task, report_data, with_class_count
from archlab.train.settings import Device
from archlab.units import parse_duration

if TYPE_CHECKING:
    from archlab.search.objective import Goal

MOST_RATE = 1e3
"""Of a training: what is above it is a slip of the pen."""

Objectives = str | UserObjective | Iterable[str | UserObjective]
"""One objective or several, each a name or a function."""


def make_plan(
    space: str | Architecture,
    *,
    budget: Iterable[str] = (),
    require: str | Iterable[str] = (),
    objective: Objectives | None = None,
    then: Objectives = (),
    keep: str | int | Iterable[str | int] = (),
    replicates: int = 0,
    data: str | Path | None = None,
    val: str | Path | None = None,
    classes: str | Iterable[str] | None = None,
    train_top: int | None = None,
    train_steps: int = TRAIN_STEPS,
    train_batch: int | None = None,
    train_rate: float | None = None,
    train_augment: str | Iterable[str] = (),
    init: str | Path | None = None,
    init_net: str | None = None,
    input: str | None = None,
    pruner: str | None = None,
    trials: int = 60,
    timeout: float | str | None = None,
    trial_timeout: float | str | None = None,
    max_deaths: int = MAX_DEATHS,
    keep_going: bool = False,
    retry_failed: bool = False,
    accept_changed_code: bool = False,
    seed: int = 0,
    sampler: str = SAMPLER,
    top: int = 5,
    out: str | Path | None = None,
    study: str | None = None,
    storage: str | None = None,
    workers: int = 1,
    heartbeat: int = HEARTBEAT,
    latency: bool = True,
    profile: str | Path | None = None,
    threads: int = 1,
    device: Device = "auto",
    max_nodes: int = MAX_NODES,
    note: Note | None = None,
    command: str | None = None,
) -> Plan:
    """Make the plan of a search from what a user asks for; ``archlab.search`` describes the arguments.

    Args:
        command: what to record as the command that made the result.

    Raises:
        InputError: an argument cannot be used.
        ArchlabError: the space's text is not an architecture.
    """
    architecture = with_input(architecture_of(space), input)
    first = _listed(objective or ()) or [default_objective(architecture)]
    later, shares = _listed(then), [keep] if isinstance(keep, str | int) else list(keep)
    if train_top is not None:
        shares = [*shares, *[KEEP] * (len(later) - len(shares)), train_top]
        later = [*later, TRAIN]
    named = [item for item in [*first, *later] if isinstance(item, str)]
    training = _training(train_steps, train_batch, train_rate, train_augment, init, init_net, named)
    task = find_task(architecture, data, val, seed, training, named, classes)
    loaded = load(with_class_count(architecture, task) if task else architecture, max_nodes)
    _refuse_unknown("sampler", sampler, SAMPLERS)
    if pruner is not None:
        _refuse_unknown("pruner", pruner, PRUNERS)
    budget = list(budget)
    relative = relative_budgets(budget)
    predictor = read_profile(Path(profile), threads) if profile is not None else None
    keeps = _keeps(shares, len(later))
    seconds, each = _seconds(timeout), _seconds(trial_timeout)
    from archlab.search.objective import parse_goals, trains

    goals = parse_goals(first, task)
    goals += tuple(goal for item in later for goal in parse_goals([item], task))
    _refuse_local_functions(goals, workers, each)
    names = [limit.name for limit in limits_in(budget)]
    own = load_rules([g.own for g in goals if g.own], names, [require] if isinstance(require, str) else require)
    limits = replace(_limits(budget, loaded, own, seed, predictor), latency=predictor)
    if note is not None:
        if task is not None:
            report_data(task, Interpreter(loaded), note)
        for sentence in alike_options(loaded):
            note(sentence)
        if any(limits.measures(name) for name in [*limits.names, *named] if name in METRICS):
            note(advice(loaded.name))
    folder = Path(out) if out is not None else Path("out") / loaded.name
    opening = Stage(
        study=study or loaded.name,
        goals=goals[: len(first)],
        budget=limits,
        trials=trials,
        seed=seed,
        sampler=sampler,
        pruner=pruner,
        threads=threads,
        timeout=seconds,
        trial_timeout=each,
        max_deaths=max_deaths,
        keep_going=keep_going,
        device=device,
        folder=folder,
        own=own,
    )
    stages = [opening]
    for number, (goal, share) in enumerate(zip(goals[len(first) :], keeps, strict=True), start=2):
        name = f"{opening.study}/{number}-{goal.label}"
        if task is not None and trains([goal]):
            name += training_suffix(task.training, device)
        stages.append(_later(opening, stages, name, (goal,), share))
    if replicates < 0:
        raise InputError(f"replicates must be at least 0, not {replicates}")
    for _ in range(replicates):
        name = f"{opening.study}/{len(stages) + 1}-{stages[-1].goals[0].label}-again"
        if task is not None and trains(stages[-1].goals):
            name += training_suffix(task.training, device)
        share = KeepRule(share=1.0) if stages[-1].again else KeepRule(count=top)
        stages.append(_later(opening, stages, name, stages[-1].goals, share))
    return Plan(
        space=loaded,
        text=unparse(loaded.architecture),
        relative=relative,
        stages=tuple(stages),
        out=folder,
        storage=storage,
        heartbeat=heartbeat,
        retry_failed=retry_failed,
        accept_changed_code=accept_changed_code,
        workers=workers,
        top=top,
        latency=latency,
        profile=predictor,
        task=task,
        command=command or f"archlab.search({loaded.name!r}, …)",
        note=note,
    )


def _training(
    steps: int,
    batch: int | None,
    rate: float | None,
    augment: str | Iterable[str],
    init: str | Path | None,
    init_net: str | None,
    named: Sequence[str],
) -> TrainingPlan:
    """Return how finalists are trained.

    Raises:
        InputError: a value is out of its range, the weights to start from are not there, or nothing is trained.
    """
    if batch is not None and batch < 1:
        raise InputError(f"train_batch must be at least 1, not {batch}")
    if rate is not None and not 0 < rate <= MOST_RATE:
        raise InputError(f"train_rate must be above 0 and at most {MOST_RATE:g}, not {rate:g}")
    if init_net is not None and init is None:
        raise InputError("--init-net says whose weights --init are, and there is no --init")
    if init is not None and not any(name.rpartition(":")[2] == TRAIN for name in named):
        raise InputError("--init starts trainings, and nothing is trained", hint="add --train-top 4")
    names = names_of_augmentations(augment if isinstance(augment, str) else ",".join(augment))
    return TrainingPlan(steps, batch, rate, names, None if init is None else find_init(Path(init), init_net))


def _later(opening: Stage, before: Sequence[Stage], study: str, goals: tuple[Goal, ...], keep: KeepRule) -> Stage:
    judged = {goal.name for stage in before for goal in stage.goals}
    return replace(
        opening,
        study=study,
        goals=goals,
        budget=opening.budget.closed_form,
        trials=0,
        number=len(before) + 1,
        timeout=None,
        keep=keep,
        again=all(goal.name in judged for goal in goals),
    )


def _limits(texts: Sequence[str], space: Space, own: OwnRules, seed: int, latency: AnyPredictor | None) -> Budget:
    """Return the limits that ``texts`` write, relative ones as shares of what the default draw costs.

    Raises:
        InputError: one cannot be read.
        OwnCodeError: a user's metric raised.
    """
    limits = limits_in(texts)
    relative = {limit.name for limit in limits if limit.times is not None}
    if not relative and not any("." in limit.name and ":" not in limit.name for limit in limits):
        return parse_budget(texts)
    default = network_of(space)
    parts = part_names(default)
    # What is of no part is refused as it is parsed.
    counted = [name for name in relative if name.rpartition(".")[0] in ("", *parts)]
    metrics = OwnRules(tuple(metric for metric in own.metrics if metric.name in relative))
    costs = Counter(Interpreter(space), Budget(latency=latency), metrics, counted, seed).count(default).costs
    return parse_budget(texts, costs, parts)


def _listed(given: Objectives) -> list[str | UserObjective]:
    return [given] if isinstance(given, str) or callable(given) else list(given)


def _seconds(time: float | str | None) -> float | None:
    return parse_duration(time) if isinstance(time, str) else time


def _refuse_unknown(kind: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise InputError(f"no {kind} is named {name!r}", hint=did_you_mean(name, known) or f"one of {', '.join(known)}")


def _refuse_local_functions(goals: Iterable[Goal], workers: int, trial_timeout: float | None) -> None:
    """Refuse functions of this process where other processes are to call them."""
    why = "other workers cannot call" if workers > 1 else "cannot be ended after trial_timeout"
    for goal in goals:
        if workers == 1 and trial_timeout is None:
            return
        if (goal.kind == "user" or goal.own) and ":" not in goal.name and not goal.name.endswith(".json"):
            raise InputError(
                f"the objective {goal.name} is a function of this process, which {why}",
                hint='name it as "package.module:function" or "file.py:function"',
            )


def _keeps(given: Iterable[str | int], later: int) -> list[KeepRule]:
    """Return how many each of ``later`` stages judges: the shares given in order, and by default ``KEEP``.

    Raises:
        InputError: there are more shares than stages, or one cannot be read.
    """
    shares = [parse_keep(str(item)) for item in given]
    if len(shares) > later:
        raise InputError(
            f"{len(shares)} --keep for {later} --then", hint="each --keep belongs to a --then, in the same order"
        )
    return shares + [parse_keep(KEEP)] * (later - len(shares))
