"""What can be audited by name: ``torchvision:resnet50``, ``timm:resnet*``, ``package.module:factory(depth=50)``,
``path/to/file.py:factory``, a shipped name, an ``.arch`` file, an exported ``.pt2``, and the configurations of other
libraries: ``hf:config.json``, ``diffusers:config.json``, ``ultralytics:yolo11n.yaml``.

Naming a model runs its code: that of its package or file, and of its factory. Arguments are literals and run nothing.
An exported program is data, unless it has parts that run code when they are read; it is refused without ``trust`` then.
"""

from __future__ import annotations

import ast
import fnmatch
import importlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archlab import user_code
from archlab.audit.input_spec import InputSpec, TensorSpec, images
from archlab.errors import InputError, did_you_mean, quote
from archlab.ir import BOXES_SHAPE, Graph
from archlab.resources import shipped_spaces

_FACTORY = re.compile(r"(?P<source>[^()]+):(?P<name>[A-Za-z_][\w.]*|[\w.*?\[\]!-]+)(?P<call>\(.*\))?", re.DOTALL)

_PICKLES = (".pt", ".pth", ".jit", ".ptl", ".ckpt", ".pkl", ".pickle", ".bin", ".safetensors")


@dataclass(frozen=True)
class Target:
    """One model to audit.

    Attributes:
        name: its name in results.
        make: builds it: a module, or a module and arguments of its own (an exported program has some).
        inputs: returns what it is called with where nothing else is asked for, given the model and the batch.
        meta: whether it can be built without memory.
        complete: adds to the inputs that a user asks for what they leave out: a detector's boxes.
        with_batch: returns the arguments that came with the model with another batch.
        graph: the graph of a network of ours; None for any other model.
    """

    name: str
    make: Callable[[], Any]
    inputs: Callable[[Any, int], InputSpec | None] = field(default=lambda model, batch: None)
    meta: bool = True
    complete: Callable[[InputSpec], InputSpec] = field(default=lambda call: call)
    with_batch: Callable[[Any, Any, int], Any] = field(default=lambda model, given, batch: refuse_batch(batch))
    graph: Callable[[], Graph] | None = None


def refuse_batch(batch: int) -> Any:
    """Refuse another batch for arguments that came with a model.

    Raises:
        InputError: always.
    """
    raise InputError(
        f"its inputs came with it, and --batch {batch} cannot change them",
        hint="leave --batch out, or describe the inputs with --input",
    )


def find_targets(text: str, proposals: int | None = None, trust: bool = False) -> tuple[Target, ...]:
    """Find the models that a text names, several for a pattern.

    Args:
        proposals: boxes per image that a detector of ours is called with; by default those that its text says.
        trust: whether an exported program may run code when it is read.

    Raises:
        InputError: it names none; the message says what is missing, and the nearest name that there is. Or it is an
            exported program that could run code, and not to be trusted.
    """
    prefix, _, source = text.partition(":")
    if prefix in _CONFIGURED and source:
        return (_CONFIGURED[prefix](text, source),)
    if text in shipped_spaces() or text.endswith(".arch"):
        return (_architecture(text, proposals),)
    if text.endswith(".pt2"):
        return (_exported(Path(text), trust),)
    if text.lower().endswith(_PICKLES):
        raise InputError(
            f"{quote(text)} holds pickles or weights, and is not read: reading a pickle runs code, and weights alone "
            "are no model",
            hint="name the factory of its model, file.py:factory, or export the model with torch.export.save",
        )
    match = _FACTORY.fullmatch(text)
    if match is None:
        raise InputError(
            f"{quote(text)} names no model",
            hint=did_you_mean(text, shipped_spaces())
            or "write torchvision:NAME, timm:NAME, hf:FILE, package.module:factory, file.py:factory, or a file",
        )
    args, kwargs = parse_arguments(match["call"] or "()", text)
    source, name = match["source"], match["name"]
    if source in _LIBRARIES:
        if args:
            raise InputError(f"{quote(text)}: arguments need names", hint=f"such as {source}:{name}(num_classes=10)")
        return _LIBRARIES[source](name, kwargs)
    return (_factory(text, source, name, args, kwargs),)


def parse_arguments(call: str, text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Read the arguments of ``(…)``: literals only, so that nothing runs.

    Raises:
        InputError: an argument is no literal.
    """
    try:
        tree = ast.parse(f"f{call}", mode="eval").body
        assert isinstance(tree, ast.Call)
        args = tuple(ast.literal_eval(arg) for arg in tree.args)
        kwargs = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in tree.keywords if keyword.arg}
        if len(kwargs) != len(tree.keywords):
            raise ValueError
    except (SyntaxError, ValueError, AssertionError, TypeError, MemoryError, RecursionError):
        raise InputError(
            f"{quote(text)}: its arguments are not all literals",
            hint="write them like (depth=50, widths=[64, 128], act='relu')",
        ) from None
    return args, kwargs


# --- our own -----------------------------------------------------------------------------------------------------


def _architecture(text: str, proposals: int | None) -> Target:
    from archlab.elaborate import elaborate
    from archlab.grammar import parse_file
    from archlab.resources import find_architecture

    network = elaborate(parse_file(find_architecture(text)))

    def make() -> Any:
        from archlab.nn import build

        return build(network.graph)

    def call(model: Any, batch: int) -> InputSpec:
        return complete(images(network.input_shape, batch=batch))

    def complete(given: InputSpec) -> InputSpec:
        if (
            network.detector is None
            or given.kwargs
            or len(given.args) != 1
            or not isinstance(given.args[0], TensorSpec)
        ):
            return given
        rois = network.detector.rois if proposals is None else proposals
        return InputSpec((*given.args, TensorSpec((given.args[0].shape[0] * rois, *BOXES_SHAPE))))

    # Its builder draws the weights on the CPU, module by module; they are freed with the model.
    return Target(network.name, make, call, meta=False, complete=complete, graph=lambda: network.graph)


def _exported(path: Path, trust: bool) -> Target:
    if not os.path.isfile(path):
        raise InputError(f"{quote(str(path))}: no such file")
    if not trust:
        from archlab.audit.pt2_code import refuse_code

        refuse_code(path)

    def make() -> Any:
        import torch

        program = torch.export.load(path)
        # Guards are Python code in the file, and the inputs are the program's own.
        return program.module(check_guards=trust), program.example_inputs

    def with_batch(model: Any, given: Any, batch: int) -> Any:
        from archlab.audit.pt2_batch import examples_with_batch

        args, kwargs = given
        return examples_with_batch(model, args, kwargs, batch)

    return Target(path.stem, make, meta=False, with_batch=with_batch)


# --- anybody's ---------------------------------------------------------------------------------------------------


def _factory(text: str, source: str, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Target:
    # Here, and not where the model is made: a module is loaded once, and what it computes is no part of the model.
    found = user_code.load(source, name)

    def make() -> Any:
        import torch

        if isinstance(found, torch.nn.Module) and not args and not kwargs:
            return found
        if not callable(found):
            raise InputError(f"{quote(text)} is {type(found).__name__}, which cannot be called to make a model")
        return found(*args, **kwargs)

    return Target(text, make)


# --- libraries whose models are known ----------------------------------------------------------------------------


def _matching(pattern: str, names: list[str], library: str) -> list[str]:
    found = fnmatch.filter(names, pattern) if re.search(r"[*?\[]", pattern) else [pattern] * (pattern in names)
    if not found:
        raise InputError(f"{library} has no model {quote(pattern)}", hint=did_you_mean(pattern, names))
    return found


def _torchvision(pattern: str, kwargs: Mapping[str, Any]) -> tuple[Target, ...]:
    from archlab.audit import zoo

    models = _library("torchvision.models", "torchvision")
    names = _matching(pattern, models.list_models(), "torchvision")
    return tuple(
        Target(f"torchvision:{name}", zoo.torchvision_factory(name, kwargs), zoo.torchvision_inputs(name))
        for name in names
    )


def _timm(pattern: str, kwargs: Mapping[str, Any]) -> tuple[Target, ...]:
    from archlab.audit import zoo

    timm = _library("timm", "timm")
    # A tag names weights of the same architecture, and the size of image that they were trained with.
    names = _matching(pattern, timm.list_pretrained() if "." in pattern else timm.list_models(), "timm")
    return tuple(Target(f"timm:{name}", zoo.timm_factory(name, kwargs), zoo.timm_inputs) for name in names)


def _library(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(f"{name} cannot be imported: {error}", hint="pip install 'archlab[zoo]'") from error


def _transformers(text: str, source: str) -> Target:
    from archlab.audit import transformers_models as models

    return Target(text, models.transformers_factory(source), models.transformers_inputs)


def _diffusers(text: str, source: str) -> Target:
    from archlab.audit import diffusers_models as models

    return Target(text, models.diffusers_factory(source), models.diffusers_inputs)


def _ultralytics(text: str, source: str) -> Target:
    from archlab.audit import ultralytics_models as models

    return Target(text, models.ultralytics_factory(source), models.ultralytics_inputs)


_CONFIGURED: dict[str, Callable[[str, str], Target]] = {
    "hf": _transformers,
    "diffusers": _diffusers,
    "ultralytics": _ultralytics,
}

_LIBRARIES: dict[str, Callable[[str, Mapping[str, Any]], tuple[Target, ...]]] = {
    "torchvision": _torchvision,
    "timm": _timm,
}
