"""Graph to ``torch.fx.GraphModule``: what a search trains, scores, compiles and exports."""

from __future__ import annotations

import keyword
import linecache
import math
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.graph_module import _loader

from archlab.elaborate import Network as Elaborated
from archlab.elaborate import Source, Space, graph_of
from archlab.errors import BuildError, InputError, did_you_mean
from archlab.ir import Graph, Node, Shape
from archlab.nn.layers import Scale, WSConv2d
from archlab.nn.opaque import Originals, opaque_layer, refuse_unknown
from archlab.nn.operators import FUNCTIONS, MODULES
from archlab.ops import OPAQUE


class Network(fx.GraphModule):
    """A GraphModule whose ``meta`` survives pickling; torch's own drops it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (*super().__reduce__(), self.meta)


def _restore(reconstruct: Callable[..., fx.GraphModule], args: tuple[Any, ...], meta: dict[str, Any]) -> Network:
    plain = reconstruct(*args)
    network = Network(plain, plain.graph, "Network")
    network.meta.update(meta)
    return network


def build(
    graph: Graph | Elaborated | Source | Space, seed: int = 0, *, originals: Originals | None = None
) -> fx.GraphModule:
    """Return the torch module of ``graph``, in training mode, in float32, on the CPU.

    In place of a graph stands also a network, or whatever ``archlab.elaborate`` takes: its default draw is built.

    It takes a batch of images (N, C, H, W) and returns the output, or a tuple of the outputs in the order of
    ``graph.outputs`` where there are several. With a box head it takes boxes as well, in pixels of the images: (K, 5)
    rows of the image's index and x1, y1, x2, y2, or a list of one (L, 4) tensor per image.

    Its state-dict keys are the nodes' paths (``stage3.1.conv.conv2d.weight``, with the exception that ``target_of``
    makes), and ``module.meta["graph"]`` is ``graph``. Values are freed after their last
    use, and no operator works in place.

    Initialisation: convolutions normal with variance 2 / fan-out (He et al. 2015, arXiv:1502.01852, equation 14), where
    the fan-out is of one group, as in MobileNet and EfficientNet, so that a depthwise convolution keeps the variance
    too; linear layers normal with deviation 0.01; norms 1 and 0; biases 0; PReLU 0.25; a gain 1; a layer
    scale its ``init``.
    Where a node's attributes name an ``init``, as those of a neck and a box head do, it is that: a normal deviation, or
    ``uniform`` within ±√(3 / fan-in), as in torchvision's FeaturePyramidNetwork and Detectron's ``XavierFill``.
    The same seed gives the same weights, whatever the state of torch's global generator, which stays as it was.

    Args:
        originals: the modules that the text's ``opaque`` stand for, by their names; a copy of each stands there, with
            weights of its own.

    Raises:
        BuildError: torch cannot build a node, or an ``opaque`` is without its original; the message names it.
        InputError: the argument is no network, and names none; or ``seed`` is no whole number.
    """
    graph = graph_of(graph)
    if not isinstance(seed, int):
        raise InputError(f"the seed must be a whole number, not {seed!r}")
    rng = torch.Generator().manual_seed(seed)
    given = originals or {}
    refuse_unknown(graph, given)
    return _assemble(graph, lambda node: opaque_layer(node, given) if node.op == OPAQUE else _module(node, rng))


def part_of(module: fx.GraphModule, graph: Graph) -> fx.GraphModule:
    """The module of ``graph``, a part of the network that ``module`` was built from, with its layers: they are shared.

    Raises:
        BuildError: ``module`` has no layer of a node.
    """

    def layer(node: Node) -> nn.Module:
        try:
            return module.get_submodule(target_of(node.name))
        except AttributeError:
            raise BuildError(f"{node.name}: the module has no such layer", hint="build it from the whole") from None

    return _assemble(graph, layer).train(module.training)


def _assemble(graph: Graph, layer: Callable[[Node], nn.Module]) -> fx.GraphModule:
    """Return the module of ``graph``, of the layers that its nodes are."""
    traced = fx.Graph()
    values = {name: traced.placeholder(argument) for name, argument in zip(graph.inputs, ("x", "boxes"), strict=False)}
    root = nn.Module()
    for node in graph:
        try:
            inputs = [values[name] for name in node.inputs]
        except KeyError as error:
            raise BuildError(f"{node.name}: its input {error.args[0]} does not run before it") from None
        if node.op in FUNCTIONS:
            values[node.name] = FUNCTIONS[node.op](traced, inputs, node.attrs)
            continue
        target = target_of(node.name)
        _place(layer(node), root, target)
        values[node.name] = traced.call_module(target, tuple(inputs))
    try:
        outputs = tuple(values[name] for name in graph.outputs)
    except KeyError as error:
        raise BuildError(f"{graph.name}: its output {error.args[0]} is no node of it") from None
    traced.output(outputs[0] if len(outputs) == 1 else outputs)
    module = Network(root, traced, "Network")
    module.meta["graph"] = graph
    _forget_source_with(module)
    return module


def _forget_source_with(module: fx.GraphModule) -> None:
    """Have torch forget the source of ``module`` when it goes: it keeps that of every module for tracebacks."""
    name = type(module).forward.__code__.co_filename
    for kept in (_loader.eval_cache, linecache.cache):
        weakref.finalize(module, kept.pop, name, None).atexit = False


def _place(module: nn.Module, root: nn.Module, target: str) -> None:
    """Put ``module`` under ``root`` at the path ``target``.

    Given a dict of targets instead, fx would order the state dict by depth and not as the network runs.
    """
    *parents, last = target.split(".")
    for name in parents:
        if name not in root._modules:
            root.add_module(name, nn.Module())
        root = root.get_submodule(name)
    root.add_module(last, module)


def _module(node: Node, rng: torch.Generator) -> nn.Module:
    if node.op not in MODULES:
        raise BuildError(f"{node.name}: there is no operator {node.op}", hint=did_you_mean(node.op, MODULES))
    try:
        # Torch's own initialisation would be thrown away, and would draw from the global generator.
        with torch.device("meta"):
            module = MODULES[node.op](node.attrs)
        module = module.to_empty(device="cpu")
        _initialise(module, rng, node.attrs.get("init"))
    except KeyError as error:
        raise BuildError(f"{node.name}: {node.op} lacks {error}") from error
    except (ValueError, TypeError, RuntimeError) as error:
        raise BuildError(f"{node.name}: torch cannot build this {node.op}: {error}") from error
    if parameter_shapes(module) != dict(node.weights) or buffer_shapes(module) != dict(node.buffers):
        raise BuildError(f"{node.name}: the parameters of torch's {node.op} differ from the graph's")
    return module


@torch.no_grad()
def _initialise(module: nn.Module, rng: torch.Generator, init: Any) -> None:
    match module:
        case nn.Conv2d() | nn.Linear() if init == "uniform":
            bound = math.sqrt(3 / math.prod(module.weight.shape[1:]))
            module.weight.uniform_(-bound, bound, generator=rng)
        case nn.Conv2d() | nn.Linear() if init is not None:
            module.weight.normal_(0, init, generator=rng)
        case nn.Conv1d() | nn.Conv2d() | nn.ConvTranspose2d():
            fan_out = module.out_channels // module.groups * math.prod(module.kernel_size)
            module.weight.normal_(0, math.sqrt(2 / fan_out), generator=rng)
        case nn.Linear():
            module.weight.normal_(0, 0.01, generator=rng)
        case nn.BatchNorm2d() | nn.GroupNorm() | nn.LayerNorm():
            module.reset_parameters()
        case Scale():
            module.weight.fill_(module.init)
        case nn.PReLU():
            module.weight.fill_(0.25)
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and module.bias is not None:
        module.bias.zero_()
    if isinstance(module, WSConv2d) and module.gain is not None:
        module.gain.fill_(1)


def parameter_shapes(module: nn.Module) -> dict[str, Shape]:
    """Shapes of a module's parameters by name."""
    return _shapes(dict(module.named_parameters()))


def buffer_shapes(module: nn.Module) -> dict[str, Shape]:
    """Shapes of a module's buffers by name."""
    return _shapes(dict(module.named_buffers()))


def _shapes(tensors: dict[str, Tensor] | dict[str, nn.Parameter]) -> dict[str, Shape]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def target_of(name: str) -> str:
    """Return where the module of node ``name`` lives: under the node's path.

    A part of the path that torch's modules use themselves, or that is a word of Python, gets an underscore, since it
    could not be reached as an attribute.

    >>> target_of("stage3.1.conv.conv2d"), target_of("forward.lambda.conv2d")
    ('stage3.1.conv.conv2d', 'forward_.lambda_.conv2d')
    """
    return ".".join(f"{part}_" if _is_taken(part) else part for part in name.split("."))


def _is_taken(part: str) -> bool:
    """Return whether ``part`` is taken, or would be without some of its underscores at the end.

    The second, so that no two names meet: where ``type`` becomes ``type_``, ``type_`` becomes ``type__``.
    """
    stem = part.rstrip("_")
    tries = (part[:end] for end in range(len(stem), len(part) + 1))
    return any(keyword.iskeyword(name) or hasattr(_EMPTY, name) for name in tries)


_EMPTY = fx.GraphModule({}, fx.Graph())
