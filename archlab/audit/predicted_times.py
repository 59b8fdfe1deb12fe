"""What a profile predicts of each module's latency, beside what an audit counts in it."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

from archlab.audit.audit_result import Audit
from archlab.audit.module_totals import upwards
from archlab.errors import ArchlabError
from archlab.ir import Graph
from archlab.latency import AnyPredictor


def with_prediction(audit: Audit, predictor: AnyPredictor) -> Audit:
    """Add to an audit what its latency is predicted to be, for one image, and that of each of its modules.

    It is predicted for the graph of archlab's operators that the model is; where there is none, a note says why. A
    module that was timed keeps its time.
    """
    if audit.structure is None:
        why = audit.no_structure or "it has no graph of archlab's operators"
        return dataclasses.replace(audit, notes=(*audit.notes, f"its latency is not predicted: {why}"))
    try:
        graph = audit.structure.graph
        own = _own_times(audit, graph, predictor)
        predicted = predictor.predict(graph)
    except ArchlabError as error:
        return dataclasses.replace(audit, notes=(*audit.notes, f"its latency is not predicted: {error.one_line}"))
    audit = dataclasses.replace(audit, predicted=predicted)
    if audit.latency is not None:
        return audit
    total: dict[str, float] = defaultdict(float)
    for path, seconds in own.items():
        for above in upwards(path):
            total[above] += seconds
    modules = tuple(
        dataclasses.replace(module, latency=total.get(module.path, 0.0), own_latency=own.get(module.path, 0.0))
        for module in audit.modules
    )
    return dataclasses.replace(audit, modules=modules)


def _own_times(audit: Audit, graph: Graph, predictor: AnyPredictor) -> dict[str, float]:
    """Return the seconds of each module without those in it: of the nodes whose paths begin with its own alone."""
    paths = {module.path for module in audit.modules}
    own: dict[str, float] = defaultdict(float)
    for name, seconds in predictor.by_node(graph).items():
        path = name
        while path and path not in paths:
            path = path.rpartition(".")[0]
        own[path] += seconds
    return own
