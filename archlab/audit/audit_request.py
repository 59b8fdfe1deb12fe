"""What to audit and how: the options of the command, or, without targets among them, what pyproject.toml says too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.audit.config import Config
from archlab.audit.limits import parse_limits
from archlab.cost import Budget
from archlab.errors import InputError

if TYPE_CHECKING:
    from archlab.latency import AnyPredictor

_NO_LIMITS = Budget()


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to audit and how.

    Attributes:
        targets: as on the command line.
        inputs: as ``--input`` gives them; without, each model's own.
        batch: how many images; None for one, or as many as the inputs have that come with a model.
        proposals: boxes per image that a detector's head is given; None for the most that the detector hands on.
        detections: boxes per image that mask and keypoint heads are given.
        fvcore: whether fvcore counts as well, and must not differ without a cause.
        crosscheck: whether every other counter that is installed counts as well.
        backward: whether the gradients of a training step are counted as well.
        latency: whether every module is timed on this machine as well.
        structure: whether the blocks that a model is made of are looked for as well.
        profile: what predicts the latency of every module.
        trust: whether exported programs may run code when they are read.
        rules: files of rules of the user's own (see ``archlab.audit_rule``).
        limits: what a model may cost.
        limits_of: limits of single targets, by name, instead of those above.
    """

    targets: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    batch: int | None = None
    proposals: int | None = None
    detections: int = 0
    fvcore: bool = False
    crosscheck: bool = False
    backward: bool = False
    latency: bool = False
    structure: bool = False
    profile: AnyPredictor | None = None
    trust: bool = False
    rules: tuple[str, ...] = ()
    limits: Budget = _NO_LIMITS
    limits_of: Mapping[str, Budget] = field(default_factory=dict)

    def limits_for(self, name: str) -> Budget:
        """Return the limits that the target of this name must keep."""
        return self.limits_of.get(name, self.limits)


def request_over(
    config: Config,
    *,
    targets: Sequence[str] = (),
    inputs: Sequence[str] = (),
    batch: int | None = None,
    limits: Sequence[str] = (),
    proposals: int | None = None,
    detections: int = 0,
    fvcore: bool = False,
    crosscheck: bool = False,
    backward: bool = False,
    latency: bool = False,
    structure: bool = False,
    profile: str | Path | None = None,
    trust: bool = False,
    rules: Sequence[str] = (),
) -> Request:
    """Make a request from options; where these name no targets, with what ``config`` says and they do not.

    With targets ``config`` counts for nothing: its inputs, batch, limits and rules are those of its own targets. Limits
    that are given hold for every target. Trust is the caller's to give: a configuration cannot.

    Raises:
        InputError: there is no target, or a limit cannot be read.
    """
    predictor = None
    if profile is not None:
        from archlab.latency import read_profile  # numpy, which a request without it need not wait for

        predictor = read_profile(profile)
    if targets:
        config = Config()
    targets = tuple(targets) or config.targets
    if not targets:
        raise InputError("there is nothing to audit", hint="name a model, such as torchvision:resnet50")
    return Request(
        targets=targets,
        inputs=tuple(inputs) or config.inputs,
        batch=batch or config.batch,
        proposals=proposals,
        detections=detections,
        fvcore=fvcore,
        crosscheck=crosscheck,
        backward=backward,
        latency=latency,
        structure=structure,
        profile=predictor,
        trust=trust,
        rules=tuple(rules) or config.rules,
        limits=parse_limits(limits or config.limits),
        limits_of={} if limits else {name: parse_limits(texts) for name, texts in config.limits_of},
    )
