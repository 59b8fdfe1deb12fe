"""A model's operators as a graph like any other."""

from __future__ import annotations

import networkx as nx

from tests.audit.models import audited


def test_the_graph_is_a_network_like_any_other():
    audit = audited("torchvision:resnet50")
    for views in (True, False):
        graph = audit.graph(views)
        dag = graph.to_networkx()
        assert nx.is_directed_acyclic_graph(dag)
        assert nx.number_weakly_connected_components(dag) == 1
        assert sum(node.params for node in graph) == audit.params
        assert sum(node.macs for node in graph) == audit.macs
    assert len(audit.graph()) == len(audit.operators)
    assert graph["layer1.0.add"].inputs == ("layer1.0.bn3.batch_norm", "layer1.0.downsample.1.batch_norm")
    assert nx.dag_longest_path_length(dag) > 150
