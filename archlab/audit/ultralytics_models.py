"""Models of ultralytics from a ``.yaml``, its own or a file: how each is built, and what each is called with."""

from __future__ import annotations

import ast
import copy
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archlab.audit.input_spec import InputSpec, images
from archlab.audit.model_config import import_library
from archlab.audit.no_downloads import nothing_downloaded
from archlab.errors import InputError, did_you_mean, quote
from archlab.user_prints import prints_on_stderr

IMAGE_SIZE = 640
CLASSIFIER_SIZE = 224
_CLASSES = {
    "detect": "DetectionModel",
    "segment": "SegmentationModel",
    "semantic": "SemanticSegmentationModel",
    "classify": "ClassificationModel",
    "pose": "PoseModel",
    "obb": "OBBModel",
    "depth": "DepthModel",
}
_WEIGHTS = 2
"""Which argument of the layer that is a model of torchvision names its weights."""
_SIZE = re.compile(r"(\d+)([nslmxtcebu])(?=[-.])")
"""The letter of a size in a name: yolo11n.yaml is the smallest of those in yolo11.yaml."""


def ultralytics_factory(source: str) -> Callable[[], Any]:
    """Return what builds the model of a yaml of the package or of a file, with random weights.

    Raises:
        InputError: there is no such yaml, or its text holds code.
    """
    tasks = import_library("ultralytics.nn.tasks", "ultralytics")
    if not source.endswith((".yaml", ".yml")):
        raise InputError(
            f"{quote(source)} is no .yaml",
            hint="write ultralytics:yolo11n.yaml; weights are not read, a .pt is a pickle",
        )
    _refuse_unknown(source, Path(tasks.__file__).parents[1] / "cfg" / "models")
    with prints_on_stderr(), nothing_downloaded():
        found = tasks.yaml_model_load(source)
    _refuse_code(found, source)
    _check_layers(tasks, found, source)
    stem = Path(source).stem
    task = tasks.guess_model_task(found)
    name = "RTDETRDetectionModel" if "rtdetr" in stem else _CLASSES.get(str(task))
    if "world" in stem or "yoloe" in stem or name is None:
        raise InputError(
            f"{quote(source)}: a model of its kind is called with more than images",
            hint="name a factory that returns the model and its arguments, file.py:factory",
        )

    def make() -> Any:
        with nothing_downloaded():
            return getattr(tasks, name)(copy.deepcopy(found), verbose=False)

    return make


def ultralytics_inputs(model: Any, batch: int) -> InputSpec:
    """Return images of the size that its models are published with."""
    size = CLASSIFIER_SIZE if type(model).__name__ == "ClassificationModel" else IMAGE_SIZE
    channels: int = model.yaml.get("channels") or model.yaml.get("ch") or 3
    return images((channels, size, size), batch=batch)


def _refuse_unknown(source: str, folder: Path) -> None:
    """Refuse what is neither a file nor one of the package's own: the package would look for it elsewhere."""
    if os.path.isfile(source):
        return
    own = {path.name for path in folder.rglob("*.y*ml")}
    if os.path.basename(source) != source or not {source, _SIZE.sub(r"\1", source)} & own:
        raise InputError(
            f"{quote(source)} is neither a file nor a yaml of ultralytics",
            hint=did_you_mean(source, own) or "such as ultralytics:yolo11n.yaml",
        )


def _refuse_code(found: dict[str, Any], source: str) -> None:
    """Refuse an activation that is more than a class of torch with literals: the package evaluates the text."""
    text = found.get("activation")
    if text is None:
        return
    try:
        call = ast.parse(str(text), mode="eval").body
        assert isinstance(call, ast.Call)
        assert re.fullmatch(r"(torch\.)?nn\.\w+", ast.unparse(call.func))
        for value in (*call.args, *(keyword.value for keyword in call.keywords)):
            ast.literal_eval(value)
    except (SyntaxError, ValueError, AssertionError, RecursionError, MemoryError):
        raise InputError(
            f"{quote(source)}: its activation, {quote(str(text))}, is code", hint="write it like torch.nn.SiLU()"
        ) from None


def _check_layers(tasks: Any, found: dict[str, Any], source: str) -> None:
    """Refuse layers that are no modules, which the package would call all the same; ask for no pretrained weights."""
    import torch

    for row in (*found.get("backbone", ()), *found.get("head", ())):
        name, args = str(row[2]), row[3]
        owner: Any = tasks
        if name.startswith("nn."):
            owner = torch.nn
        elif name.startswith("torchvision.ops."):
            owner = import_library("torchvision.ops", "torchvision")
        layer = getattr(owner, name.rpartition(".")[2], None)
        if not (isinstance(layer, type) and issubclass(layer, torch.nn.Module)):
            raise InputError(f"{quote(source)}: {quote(name)} is no layer of ultralytics")
        if name == "TorchVision" and len(args) > _WEIGHTS:
            args[_WEIGHTS] = None
