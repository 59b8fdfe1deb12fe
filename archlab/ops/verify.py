"""The rules that every graph keeps, as a table that can be run (after tinygrad's ``uop/spec.py``).

Whatever makes graphs, be it the language, the detector's neck and head, a rewrite rule or an import, makes graphs for
which ``verify`` finds nothing. A new pass over graphs is tested with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial

from archlab.errors import ArchlabError, GraphError, did_you_mean
from archlab.ir import BOXES, BOXES_SHAPE, INPUT, Applied, Graph, Node, Shape, show_shape
from archlab.ops.apply import apply_resolved
from archlab.ops.table import OPS


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules know when a node runs.

    Attributes:
        graph: the graph.
        before: the nodes that have run, by name.
        used: the names that a node takes or the network puts out.
        closed: the stages that have ended.
        derived: what the operator gives on its inputs, once a rule has asked for it.
    """

    graph: Graph
    before: Mapping[str, Node]
    used: frozenset[str]
    closed: frozenset[str]
    derived: list[Applied] = field(default_factory=list)

    def shape_of(self, name: str) -> Shape:
        """Return the shape of a value that is there when the node runs."""
        if name == INPUT:
            return self.graph.input_shape
        return BOXES_SHAPE if name == BOXES else self.before[name].shape

    def rows_of(self, name: str) -> int:
        """Return how many of a value one image has."""
        return self.before[name].rows if name in self.before else 1


GraphRule = Callable[[Graph], str | None]
NodeRule = Callable[[Node, Facts], str | None]
"""What is wrong, with the values; None where the rule holds."""


# --- of the whole graph ---------------------------------------------------------------------------------------------


def _sane_input(graph: Graph) -> str | None:
    if len(graph.input_shape) == 3 and min(graph.input_shape) >= 1:
        return None
    return f"{show_shape(graph.input_shape) or 'nothing'} is no channels x height x width"


def _known_outputs(graph: Graph) -> str | None:
    unknown = [name for name in graph.outputs if name != INPUT and name not in graph.names]
    return f"there is no node {unknown[0]}" if unknown else None


def _different_outputs(graph: Graph) -> str | None:
    twice = [name for name in graph.outputs if graph.outputs.count(name) > 1]
    return f"{twice[0]} stands {graph.outputs.count(twice[0])} times" if twice else None


GRAPH_RULES: Mapping[str, GraphRule] = {
    "the input is an image": _sane_input,
    "the outputs exist": _known_outputs,
    "the outputs differ": _different_outputs,
}
"""The rules of a whole graph by name."""


# --- of a node ------------------------------------------------------------------------------------------------------


def _own_name(node: Node, facts: Facts) -> str | None:
    if node.name in (INPUT, BOXES):
        return f"{node.name} is what an input is called"
    return f"another node is called {node.name}" if node.name in facts.before else None


def _known_operator(node: Node, facts: Facts) -> str | None:
    return None if node.op in OPS else f"{node.op} is no row of the table; {did_you_mean(node.op, OPS) or ''}"


def _arity(node: Node, facts: Facts) -> str | None:
    arity = OPS[node.op].arity
    takes = f"at least {arity[0]}" if len(arity) > 1 else str(arity[0])
    return None if len(node.inputs) in arity else f"{node.op} takes {takes}, not {len(node.inputs)}"


def _inputs_before_use(node: Node, facts: Facts) -> str | None:
    missing = [name for name in node.inputs if name not in (INPUT, BOXES) and name not in facts.before]
    return f"{missing[0]} does not run before it" if missing else None


def _fitting_arguments(node: Node, facts: Facts) -> str | None:
    first = facts.shape_of(node.inputs[0])[0]
    for name in ("in_channels", "in_features", "channels"):
        if node.attrs.get(name, first) != first:
            return f"{name} is {node.attrs[name]}, and its input has {first}"
    return None


def _dividing_groups(node: Node, facts: Facts) -> str | None:
    groups = node.attrs.get("groups", 1)
    sizes = [facts.shape_of(node.inputs[0])[0], *(node.attrs[name] for name in ("out_channels",) if name in node.attrs)]
    uneven = [size for size in sizes if groups < 1 or size % groups]
    return f"{groups} groups do not divide {uneven[0]} channels" if uneven else None


def _allowed(node: Node, facts: Facts) -> str | None:
    try:
        _expected(node, facts)
    except KeyError as error:
        return f"{node.op} lacks its argument {error.args[0]!r}"
    except ArchlabError as error:
        return error.message
    return None


def _derived(name: str, node: Node, facts: Facts) -> str | None:
    found, expected = getattr(node, name), getattr(_expected(node, facts), name)
    return None if found == expected else f"{name} is {found}, and {node.op} gives {expected}"


def _expected(node: Node, facts: Facts) -> Applied:
    if not facts.derived:
        shapes = [facts.shape_of(name) for name in node.inputs]
        facts.derived.append(apply_resolved(node.op, shapes, node.attrs, facts.rows_of(node.inputs[0])))
    return facts.derived[0]


def _in_block(node: Node, facts: Facts) -> str | None:
    return None if _is_under(node.name, node.block) else f"{node.name} is not in {node.block or 'a block'}"


def _in_stage(node: Node, facts: Facts) -> str | None:
    return None if _is_under(node.block, node.stage) else f"{node.block} is not in {node.stage or 'a stage'}"


def _is_under(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}.")


def _one_piece(node: Node, facts: Facts) -> str | None:
    return f"{node.stage} has ended" if node.stage in facts.closed else None


def _needed(node: Node, facts: Facts) -> str | None:
    return None if node.name in facts.used else f"nothing takes {node.name}, and it is no output"


DERIVED = tuple(each.name for each in fields(Applied) if each.name not in ("op", "attrs"))
NODE_RULES: Mapping[str, NodeRule] = {
    "names are unique": _own_name,
    "the operator is in the table": _known_operator,
    "there are as many inputs as the operator takes": _arity,
    "inputs are defined before they are used": _inputs_before_use,
    "arguments fit the inputs": _fitting_arguments,
    "groups divide the channels": _dividing_groups,
    "the operator allows its inputs and arguments": _allowed,
    **{f"the field {name} follows from inputs and arguments": partial(_derived, name) for name in DERIVED},
    "the name is a path in the block": _in_block,
    "the block is a path in the stage": _in_stage,
    "stages stand in one piece": _one_piece,
    "what is computed is used": _needed,
}
"""The rules of a node by name; each may count on those above it."""


def verify(graph: Graph) -> None:
    """Check that ``graph`` keeps every rule of ``GRAPH_RULES`` and ``NODE_RULES``.

    Raises:
        GraphError: it breaks one; the message names the graph, the node, the rule and the values.
    """
    for rule, wrong_graph in GRAPH_RULES.items():
        if values := wrong_graph(graph):
            raise GraphError(f"{graph.name} breaks the rule '{rule}': {values}")
    used = frozenset(graph.outputs).union(*(node.inputs for node in graph))
    before: dict[str, Node] = {}
    closed: set[str] = set()
    stage = None
    for node in graph:
        if node.stage != stage and stage is not None:
            closed.add(stage)
        stage = node.stage
        facts = Facts(graph, before, used, frozenset(closed))
        for rule, wrong_node in NODE_RULES.items():
            if values := wrong_node(node, facts):
                raise GraphError(f"{graph.name}: node {node.name} breaks the rule '{rule}': {values}")
        before[node.name] = node
