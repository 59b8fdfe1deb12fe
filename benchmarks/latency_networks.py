"""The networks whose latency is predicted: draws of the mobile space, scaled reference networks, and timm's as text."""

from __future__ import annotations

import random
from collections.abc import Iterator

from archlab.elaborate import Fixed, Interpreter, Network, Random, architecture_of, fill_holes, load
from archlab.errors import ArchlabError
from archlab.grammar import unparse, with_input

DRAWS = 60
_SEED = 10_000

SCALED = (
    ("resnet18", 0.75, 1.0, 192), ("resnet18", 0.5, 1.5, 224), ("resnet50", 0.5, 1.0, 224),
    ("resnet50", 0.75, 0.6, 160),
    ("resnext50_32x4d", 0.5, 0.6, 224), ("mobilenet_v1", 0.75, 1.0, 192), ("mobilenet_v1", 1.25, 1.0, 160),
    ("mobilenet_v2", 0.75, 1.0, 224), ("mobilenet_v2", 1.4, 1.2, 192), ("mobilenet_v3_large", 1.0, 1.0, 192),
    ("mnasnet1_0", 0.75, 1.0, 192), ("mnasnet1_0", 1.3, 1.0, 224), ("efficientnet_b0", 0.75, 1.0, 192),
    ("efficientnet_b0", 1.1, 1.2, 240), ("shufflenet_v2_x1_0", 1.5, 1.0, 224), ("shufflenet_v2_x0_5", 1.0, 1.5, 192),
    ("regnet_x_400mf", 1.5, 1.0, 192), ("regnet_y_400mf", 0.75, 1.0, 224), ("densenet121", 1.0, 0.5, 192),
    ("googlenet", 0.75, 1.0, 192), ("inception_v3", 0.75, 1.0, 235), ("squeezenet1_1", 1.25, 1.0, 192),
    ("xception", 0.5, 1.0, 235), ("convnext_tiny", 0.5, 0.75, 192),
)  # fmt: skip
"""Reference networks by width multiplier, depth multiplier and image size."""

TIMM = (
    "mnasnet_small", "hardcorenas_a", "fbnetc_100", "efficientnet_lite0", "semnasnet_075", "spnasnet_100", "lcnet_100",
    "rexnet_100", "resnet26", "repvgg_a0", "dla34", "selecsls42b", "ese_vovnet19b_dw", "cspresnet50", "tinynet_b",
    "mobilenetv4_conv_small", "regnetx_008", "ghostnet_100", "gernet_s", "hrnet_w18_small", "skresnet18", "resnet18d",
    "mobilenet_edgetpu_100", "vovnet39a", "res2net50_14w_8s",
)  # fmt: skip
"""Of these the first twenty that can be said as text, at 224x224."""
LIFTED = 20


def texts() -> Iterator[tuple[str, str, str]]:
    """Yield the group, the name and the text of every network."""
    yield from mobile_texts()
    yield from scaled_texts()
    yield from timm_texts()


def mobile_texts() -> Iterator[tuple[str, str, str]]:
    space = load(architecture_of("mobile"))
    interpreter, seed, found = Interpreter(space), _SEED, 0
    while found < DRAWS:
        try:
            network = interpreter.network(Random(random.Random(seed)))
            yield "mobile", f"mobile {seed}", unparse(fill_holes(space, network))
            found += 1
        except ArchlabError:
            pass
        seed += 1


def scaled_texts() -> Iterator[tuple[str, str, str]]:
    for name, width, depth, size in SCALED:
        space = load(with_input(architecture_of(name), f"3x{size}x{size}"))
        network = Interpreter(space).network(Fixed({"width_mult": width, "depth_mult": depth}))
        yield "scaled", f"{name} {width}x{depth} {size}", unparse(fill_holes(space, network))


def timm_texts() -> Iterator[tuple[str, str, str]]:
    from archlab.audit.build_model import build_without_memory
    from archlab.audit.targets import find_targets
    from archlab.lift import lift

    found = 0
    for name in TIMM:
        if found == LIFTED:
            return
        (target,) = find_targets(f"timm:{name}")
        try:
            text = lift(build_without_memory(target.make), "3x224x224", name).text
        except ArchlabError as error:
            print(f"{name}: {error.one_line}"[:300])
            continue
        found += 1
        yield "timm", name, text


def network_of_text(text: str) -> Network:
    """Return the network that a text without holes is."""
    from archlab.elaborate import network_of

    return network_of(text)
