"""Search: Optuna draws the holes of a space, the closed form keeps the budget, scores and users' functions judge.

``search`` does it all. Those who write a loop of their own take ``archlab.ScreenSampler`` and ``archlab.FromTrial``
into any Optuna study. This file imports neither torch nor Optuna before they are needed: ``import archlab`` must stay
quick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.detect.training_plan import TRAIN_STEPS
from archlab.elaborate.space import MAX_NODES
from archlab.grammar.ast import Architecture
from archlab.search.candidate import UserObjective
from archlab.search.choices import HEARTBEAT, MAX_DEATHS, SAMPLER
from archlab.search.result import SearchResult
from archlab.train.settings import Device

if TYPE_CHECKING:
    from archlab.search.asking import AskTell
    from archlab.search.study.history import Progress

__all__ = ["ask_tell", "search"]


def search(
    space: str | Architecture,
    *,
    budget: Iterable[str] = (),
    require: str | Iterable[str] = (),
    objective: str | UserObjective | Iterable[str | UserObjective] | None = None,
    then: str | UserObjective | Iterable[str | UserObjective] = (),
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
    note: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> SearchResult:
    """Search a space for the best networks under budgets, as ``archlab search`` does.

    Args:
        space: a shipped name, an ``.arch`` file, or an architecture.
        budget: limits such as ``"macs=300M"``, ``"depth>=20"``, ``"macs=50M..60M"``, ``"backbone.macs=20M"``,
            ``"macs=0.5x"`` of the space's default draw, or ``"file.py:function=3.5mJ"`` on a metric of your own, a
            function ``(candidate) -> float`` that is counted before anything is paid.
        require: filters of your own, each ``"file.py:function"``, a function ``(candidate) -> bool``.
        objective: a score, a metric (your own too), ``"file.py:function"``, a function
            ``(module, candidate, trial) -> float``, or several of them for a Pareto front; by default ``"detection"``
            for a text with a stage ``detect``, and ``"score"`` for others.
        then: later stages, an objective each: each judges the best of the stage before, with seeds of its own. The same
            objective again is another evaluation of it.
        replicates: how often to evaluate the ``top`` best once more by the last stage's objectives, with other seeds;
            finalists are ranked by the mean of these, shrunk towards the surrogate by the noise that they show.
        keep: how many go on to each, such as ``"25%"`` (the default) or ``8``; of several objectives by Pareto front,
            and within one those with the most room around them.
        data: data for the objectives that look at it: for detectors a COCO-format file or folder, a YOLO data
            set or a Pascal VOC folder, and without any, drawn shapes; for classifiers whatever
            ``archlab.train.find_images`` takes.
        val: validation data; by default beside ``data``, or a fifth of it.
        classes: those that detectors are to look for, as a list or ``"car,person"``; by default all of the training
            data.
        train_top: how many of the best to train; short for a last stage ``"train"`` that keeps as many.
        train_steps: steps of the objective ``"train"``. Another number, like another value of the five below or another
            device, is another training: scores are kept, and what was trained otherwise stays in a study of its own.
        train_batch: images a step; by default 8 for detectors, 64 for classifiers.
        train_rate: the peak learning rate.
        train_augment: for detectors, ``"scale"`` to show training images up to twice smaller, ``"crop"`` to cut and
            show them up to twice larger, ``"multiscale"`` to give the network another size in each step, or several,
            ``"scale,crop"``; mirroring is always on.
        init: weights that detectors' backbones start from, of a trained classifier or detector whose backbone a
            candidate's is a draw of; narrower draws are carried. Their batch norms are then measured on the data, and
            frozen.
        init_net: whose weights these are, a shipped name or an ``.arch`` file; by default the text beside the weights.
        input: another input size than the text's, such as ``"3x96x128"``.
        pruner: ``"halving"``, ``"median"`` or ``"none"``, for objectives that report to their trial; by default the
            median in the first stage, and successive halving in later ones.
        trials: candidates to evaluate; over-budget and repeated draws are free.
        timeout: a time such as ``"10m"``, or seconds, after which no evaluation is begun.
        trial_timeout: a time after which an evaluation is ended, and its candidate failed.
        max_deaths: how many workers a network may kill before it is a failed candidate.
        keep_going: whether to go on when one error in one line of your file fails three evaluations in a row.
        retry_failed: whether to judge once more what failed in an earlier run.
        accept_changed_code: whether to resume a study that other code of yours has judged so far.
        seed: of draws, weights and scores.
        sampler: ``"screen"``, ``"tpe"``, ``"nsga2"``, ``"gp"`` or ``"random"``.
        top: how many finalists to report.
        out: the folder for the study, the result and the finalists; by default ``out/`` and the space's name.
            A study that is there is resumed.
        study: the study's name in its storage; by default the space's.
        storage: a journal file or database URL; by default ``study.journal`` in ``out``.
        workers: processes that evaluate on this machine; others join by ``archlab worker``.
        heartbeat: seconds between a worker's signs of life on a database server.
        latency: whether to measure the finalists' latency, in seconds, with torch on ``threads`` threads.
        device: where networks are scored and trained: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``; latency is always
            measured on the CPU.
        profile: the file of a profile of this machine (``archlab device profile``), by which the budget and objective
            ``latency`` are predicted; finalists are measured as its networks were. Without one each candidate is timed.
        max_nodes: how many operators a network may have.
        note: called with a sentence about what is out of the ordinary, such as what is amiss with the data.
        progress: makes a watcher of each stage, as ``archlab.search.progress_line`` does for a terminal.

    Raises:
        BudgetError: no network of the space meets the budget.
        InputError: an argument, the folder or the study in it cannot be used, or a metric or filter of yours raised.
    """
    from archlab.search.request import make_plan

    plan = make_plan(
        space,
        budget=budget,
        require=require,
        objective=objective,
        then=then,
        keep=keep,
        replicates=replicates,
        data=data,
        val=val,
        classes=classes,
        train_top=train_top,
        train_steps=train_steps,
        train_batch=train_batch,
        train_rate=train_rate,
        train_augment=train_augment,
        init=init,
        init_net=init_net,
        input=input,
        pruner=pruner,
        trials=trials,
        timeout=timeout,
        trial_timeout=trial_timeout,
        max_deaths=max_deaths,
        keep_going=keep_going,
        retry_failed=retry_failed,
        accept_changed_code=accept_changed_code,
        seed=seed,
        sampler=sampler,
        top=top,
        out=out,
        study=study,
        storage=storage,
        workers=workers,
        heartbeat=heartbeat,
        latency=latency,
        profile=profile,
        threads=threads,
        device=device,
        max_nodes=max_nodes,
        note=note,
    )
    from archlab.search.run import run_search
    from archlab.search.study.history import no_progress

    return run_search(plan, progress or no_progress)


def ask_tell(
    space: str | Architecture,
    *,
    objective: str | Iterable[str] = "value",
    budget: Iterable[str] = (),
    require: str | Iterable[str] = (),
    input: str | None = None,
    pruner: str | None = None,
    trials: int = 60,
    seed: int = 0,
    sampler: str = SAMPLER,
    top: int = 5,
    out: str | Path | None = None,
    study: str | None = None,
    storage: str | None = None,
    heartbeat: int = HEARTBEAT,
    accept_changed_code: bool = False,
    latency: bool = True,
    profile: str | Path | None = None,
    threads: int = 1,
    max_nodes: int = MAX_NODES,
    note: Callable[[str], None] | None = None,
) -> AskTell:
    """Return a search that a script of yours drives: it asks for networks, and tells what they came to.

    The study is on disk as that of ``search``: what is told stays told, the same call again goes on where the last one
    ended, and several processes may ask at once, each for one candidate at a time. For a study that is Optuna's alone,
    with parameters beside those of the space, there are ``ScreenSampler`` and ``FromTrial``.

    Args:
        objective: what is told, by name: maximised, or with ``min:`` before it minimised; several for a Pareto front.

    The others are as those of ``search``.

    >>> with archlab.ask_tell("mobile", budget=["macs=300M"], trials=20, out="out/mine") as search:  # doctest: +SKIP
    ...     while (candidate := search.ask()) is not None:
    ...         search.tell(candidate, train(archlab.build(candidate.graph, seed=candidate.seed)))
    ...     print(search.result())

    Raises:
        BudgetError: (as it is entered) no network of the space meets the budget.
        InputError: an argument, the folder or the study in it cannot be used.
    """
    from archlab.search.request import make_plan

    plan = make_plan(
        space,
        objective="params",  # in the place of what is told
        budget=budget,
        require=require,
        input=input,
        pruner=pruner,
        trials=trials,
        seed=seed,
        sampler=sampler,
        top=top,
        out=out,
        study=study,
        storage=storage,
        heartbeat=heartbeat,
        accept_changed_code=accept_changed_code,
        latency=latency,
        profile=profile,
        threads=threads,
        max_nodes=max_nodes,
        note=note,
        command="archlab.ask_tell(…)",
    )
    from archlab.search.asking import AskTell, told_plan

    return AskTell(told_plan(plan, [objective] if isinstance(objective, str) else list(objective)))
