"""What a study carries, so that a worker needs nothing but the storage's address: written from a plan, and read."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna

from archlab.cost import Budget
from archlab.detect.data_source import Source
from archlab.detect.data_source import Task as DetectionTask
from archlab.detect.training_plan import Init, TrainingPlan
from archlab.elaborate import Space, load
from archlab.errors import InputError, printable
from archlab.grammar import parse, unparse
from archlab.grammar.ast import Architecture
from archlab.latency import AnyPredictor, read_predictor
from archlab.search.image_task import ImageTask, find_image_task
from archlab.search.judging_code import code_of, difference
from archlab.search.objective import Goal, parse_goals, trains
from archlab.search.own_code import OwnFunction, load_rules
from archlab.search.plan import Plan, Stage, training_key
from archlab.search.storage.trial_record import PLAN, SETUP
from archlab.search.study.code_versions import codes_of
from archlab.search.tasks import Task


@dataclass(frozen=True, slots=True)
class CarriedPlan:
    """What a worker reads from a study: its stage, the space, the data that objectives look at, and the heartbeat."""

    stage: Stage
    space: Space
    task: Task | None
    heartbeat: int


def identity_of(plan: Plan, stage: Stage) -> dict[str, Any]:
    """Return what must be the same for a stage's study to be resumed."""
    identity: dict[str, Any] = {
        "archlab": importlib.metadata.version("archlab"),
        "space": plan.text,
        "budget": dict(stage.budget.limits),
        "objectives": [goal.written for goal in stage.goals],
        "seed": stage.seed,
        "profile": plan.profile and plan.profile.digest,
    }
    if stage.budget.floors:
        identity["at least"] = dict(stage.budget.floors)
    if stage.own.filters:
        identity["rules"] = [rule.name for rule in stage.own.filters]
    if plan.task is not None:
        identity["data"] = plan.task.digest
        if trains(stage.goals):
            identity["training"] = training_key(plan.task.training, stage.device)
    if stage.number > 1:
        identity["after"] = [goal.name for before in plan.stages[: stage.number - 1] for goal in before.goals]
    return identity


def setup_of(plan: Plan, stage: Stage) -> dict[str, Any]:
    """Return what else workers need: what may change when a study is resumed, and the digests of objectives' code."""
    later = plan.stages[1:] if stage.number == 1 else ()
    goals = [goal for each in (stage, *later) for goal in each.goals]
    return {
        "trials": stage.trials,
        "sampler": stage.sampler,
        "pruner": stage.pruner,
        "stage": stage.number,
        "then": [{"study": each.study, "objective": each.goals[0].written, "keep": str(each.keep)} for each in later],
        "threads": stage.threads,
        "trial_timeout": stage.trial_timeout,
        "max_deaths": stage.max_deaths,
        "keep_going": stage.keep_going,
        "heartbeat": plan.heartbeat,
        "max_nodes": plan.space.max_nodes,
        "data": plan.task and _data(plan.task),
        "profile": plan.profile and str(plan.profile.path.resolve()),
        "code": codes_of(goals, stage.own),
        "device": stage.device,
        "folder": str(plan.out.resolve()),
    }


def read_plan(
    study: optuna.Study,
    where: str,
    space: Architecture | None = None,
    *,
    trusted: Iterable[str],
    one_stage: bool = False,
) -> CarriedPlan:
    """Read the plan of a study that ``archlab search`` began.

    Args:
        space: what the worker takes the study's space to be; None for whatever it is.
        trusted: the objectives, metrics and rules whose code the study may run here: whoever can write to a storage can
            name any file.
        one_stage: whether the stages after it do not matter.

    Raises:
        InputError: it is not archlab's, another version's, of another space, names code that is not trusted, or an
            objective's code differs here.
    """
    made, setup = study.user_attrs.get(PLAN), study.user_attrs.get(SETUP)
    name = study.study_name
    if not isinstance(made, dict) or not isinstance(setup, dict):
        raise InputError(f"the study {name!r} in {where} is not archlab's, or has not begun")
    ours = importlib.metadata.version("archlab")
    if made["archlab"] != ours:
        raise InputError(
            f"the study {name!r} in {where} was made with archlab {made['archlab']!r}, and this is {ours!r}",
            hint=f"install archlab {made['archlab']} for this worker",
        )
    text = made["space"]
    architecture = parse(text, name)
    for other in (architecture, space):
        if other is not None and unparse(other) != text:
            raise InputError(f"the study {name!r} in {where} is of another space: {_difference(text, unparse(other))}")
    later = [] if one_stage else setup["then"]
    task = _task(setup["data"], made.get("data"), name, where)
    options = [_as_option(text) for text in [*made["objectives"], *[stage["objective"] for stage in later]]]
    budget = Budget(
        tuple(made["budget"].items()),
        tuple(made.get("at least", {}).items()),
        latency=_profile(setup.get("profile"), made.get("profile"), name, where),
    )
    rules = made.get("rules", [])
    own_names = [name for name in [*budget.names, *rules] if ":" in name]
    _refuse_untrusted(
        [*options, *(f"max:{name}" for name in own_names)],
        {goal.removeprefix("max:").removeprefix("min:") for goal in trusted},
        name,
    )
    first = parse_goals(options[: len(made["objectives"])], task)
    goals = first + tuple(goal for option in options[len(first) :] for goal in parse_goals([option], task))
    own = load_rules([goal.own for goal in goals if goal.own is not None], budget.names, rules)
    named: list[Goal | OwnFunction] = [*goals, *own.all]
    for each in named:
        changes = difference(setup["code"].get(each.name, {}), code_of(each))
        if changes:
            what = "objective" if isinstance(each, Goal) else "metric or rule"
            raise InputError(
                f"the {what} {each.name} is not the code that judges the study {name!r} in {where}: {changes}",
                hint="copy the files from where the search was begun",
            )
    stage = Stage(
        study=name,
        goals=first,
        budget=budget,
        own=own,
        trials=setup["trials"],
        number=setup["stage"],
        seed=made["seed"],
        sampler=setup["sampler"],
        pruner=setup["pruner"],
        threads=setup["threads"],
        trial_timeout=setup["trial_timeout"],
        max_deaths=setup["max_deaths"],
        keep_going=setup["keep_going"],
        device=setup["device"],
        folder=Path(setup["folder"]) if os.path.isdir(setup["folder"]) else None,
    )
    return CarriedPlan(stage, load(architecture, setup["max_nodes"]), task, setup["heartbeat"])


def _refuse_untrusted(options: Iterable[str], trusted: Collection[str], study: str) -> None:
    """Refuse code that this worker was not told of, before any of it is run.

    Raises:
        InputError: with the file, and what to add.
    """
    names = [option.partition(":")[2] for option in options]
    strange = [name for name in names if ":" in name and name not in trusted]
    if strange:
        sources = [name.rpartition(":")[0] for name in strange]
        files = ", ".join(str(Path(file).resolve()) if file.endswith(".py") else f"module {file}" for file in sources)
        raise InputError(
            f"the study {study!r} would run code of this machine: {printable(files)}",
            hint="if it is the code that you mean, add " + " ".join(f"-o {shlex.quote(name)}" for name in strange),
        )


def _data(task: Task) -> dict[str, Any]:
    if isinstance(task, ImageTask):
        return {"images": str(task.data.resolve()), "seed": task.source.seed, **_training(task.training)}
    source = task.source
    paths = {key: str(path.resolve()) for key, path in (("train", source.train), ("val", source.val)) if path}
    chosen = {} if source.classes is None else {"classes": list(source.classes)}
    return {**paths, **chosen, "seed": source.seed, **_training(task.training)}


def _training(plan: TrainingPlan) -> dict[str, Any]:
    init = {} if plan.init is None else {"init": {**asdict(plan.init), "weights": str(plan.init.weights.resolve())}}
    return {"steps": plan.steps, "batch": plan.batch, "rate": plan.rate, "augment": list(plan.augment), **init}


def _training_of(data: dict[str, Any], name: str, where: str) -> TrainingPlan:
    """Return how a study trains; its weights to start from are looked for here.

    Raises:
        InputError: they are missing here.
    """
    init = data.get("init")
    if init is not None and not os.path.isfile(init["weights"]):
        raise InputError(
            f"the study {name!r} in {where} starts detectors from {init['weights']}, which is not here",
            hint="copy the weights from where the search was begun",
        )
    made = None if init is None else Init(Path(init["weights"]), init["text"], init["digest"])
    return TrainingPlan(data["steps"], data["batch"], data["rate"], tuple(data["augment"]), made)


def _task(data: dict[str, Any] | None, digest: str | None, name: str, where: str) -> Task | None:
    """Return the data that a study names, as it is here.

    Raises:
        InputError: it is missing here, or is not the study's.
    """
    if data is None:
        return None
    paths = {key: Path(data[key]) if key in data else None for key in ("train", "val", "images")}
    for path in paths.values():
        if path is not None and not os.path.exists(path):
            raise InputError(f"the study {name!r} in {where} looks at {path}, which is not here", hint="copy the data")
    images = paths["images"]
    training = _training_of(data, name, where)
    task: Task
    if images is not None:
        task = find_image_task(images, None, data["seed"], training)
    else:
        classes = tuple(data["classes"]) if "classes" in data else None
        task = DetectionTask(Source(paths["train"], paths["val"], data["seed"], classes), training)
    if task.digest != digest:
        raise InputError(
            f"the data at {images or paths['train']} is not what the study {name!r} in {where} was begun with",
            hint="copy the data from where the search was begun",
        )
    return task


def _profile(path: str | None, digest: str | None, name: str, where: str) -> AnyPredictor | None:
    """Return the profile that a study predicts latency by.

    Raises:
        InputError: it is missing here, or is not the study's.
    """
    if path is None or digest is None:
        return None
    predictor = read_predictor(Path(path))
    if predictor.digest != digest:
        raise InputError(
            f"the profile {path} is not what the study {name!r} in {where} was begun with",
            hint="copy the file from where the search was begun",
        )
    return predictor


def _as_option(objective: str) -> str:
    """Return ``maximize name`` as the command line writes it, ``max:name``."""
    direction, _, name = objective.partition(" ")
    return f"{direction[:3]}:{name}"


def _difference(theirs: str, ours: str) -> str:
    """Describe the first line that differs."""
    ours_lines = [*ours.splitlines(), *[""] * theirs.count("\n")]
    for number, line in enumerate(theirs.splitlines()):
        if line != ours_lines[number]:
            return f"its line {number + 1} is {line!r}, here {ours_lines[number]!r}"
    return "it is a part of this one"
