"""What names a network is read in one way everywhere; what names none is refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archlab

TEXT = "net n(input=3x8x8)\ns: conv({8, 16}, k={3, 5})\n"


def test_a_name_a_file_a_text_an_architecture_and_a_space_name_the_same_network(tmp_path):
    file = tmp_path / "n.arch"
    file.write_text(TEXT, encoding="utf-8")
    architecture = archlab.parse(TEXT)
    sources = [file, str(file), TEXT, architecture, archlab.load_space(architecture), archlab.elaborate(TEXT)]
    assert len({archlab.cost(source) for source in sources}) == 1
    assert archlab.cost("resnet50").macs == 4_089_184_256
    with pytest.raises(archlab.ElaborationError, match="at least one stage"):
        archlab.cost("net n(input=3x8x8)")  # a text, not a file of this name
    assert archlab.load(architecture) is architecture


def test_costs_by_part_take_names_too():
    network = archlab.elaborate("alexnet")
    assert archlab.by_stage("alexnet") == archlab.by_stage(network)
    assert archlab.by_block("alexnet") == archlab.by_block(network)
    assert archlab.by_part("alexnet") == archlab.by_part(network)
    assert archlab.by_op("alexnet") == archlab.by_op(network) == archlab.by_op(network.graph)


def test_a_mapping_fills_holes():
    assert archlab.elaborate("resnet50", {"width_mult": 0.5}).body.params == 6_917_640
    assert dict(archlab.elaborate(TEXT, {"s.conv.c": np.int64(16)}).draws) == {"s.conv.c": 16, "s.conv.k": 3}
    assert archlab.elaborate("resnet50", {"width_mult": np.float32(0.5)}).body.params == 6_917_640


@pytest.mark.parametrize("values", [{"widht_mult": 0.5}, archlab.Fixed({"widht_mult": 0.5})])
def test_a_misspelt_hole_is_refused_with_the_nearest(values):
    with pytest.raises(archlab.InputError, match=r"no hole is named 'widht_mult'[^$]*did you mean width_mult"):
        archlab.elaborate("resnet50", values)


def test_a_misspelt_hole_is_refused_by_an_interpreter_whatever_it_drew_before():
    other = archlab.Interpreter(archlab.load_space("net m(input=3x8x8)\nt: conv({8, 16})\n"))
    draw = archlab.Fixed({"t.conv.c": 16})
    assert other.network(draw).draws == {"t.conv.c": 16}
    with pytest.raises(archlab.InputError, match=r"'t\.conv\.c'"):
        archlab.Interpreter(archlab.load_space(TEXT)).network(draw)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"s.conv.c": 12}, r"s\.conv\.c cannot be 12[^$]*it takes \{8, 16\}"),
        ({"s.conv.c": "16"}, r"s\.conv\.c cannot be '16'"),
        ({"width_mult": True}, "width_mult cannot be True"),
        ({"width_mult": None}, "width_mult cannot be None"),
        ({3: 4}, r"a mapping of names to values, not \{3: 4\}"),
        (["s.conv.c"], r"\['s\.conv\.c'\] \(list\) fills no holes"),
        (5, r"5 \(int\) fills no holes"),
        (archlab.Fixed, "the class Fixed fills no holes"),
        (lambda hole: "no such option", r"s\.conv\.c cannot be 'no such option'"),
        (lambda hole: None, r"s\.conv\.c cannot be None"),
    ],
)
def test_values_that_fill_no_hole(values, words):
    with pytest.raises(archlab.InputError, match=words):
        archlab.elaborate(TEXT, values)


def test_true_is_no_number_of_a_choice():
    with pytest.raises(archlab.InputError, match="cannot be True"):
        archlab.elaborate("net n(input=3x8x8)\ns: repeat({1, 2}, conv(8))\n", {"s.depth": True})


@pytest.mark.parametrize("call", [archlab.elaborate, archlab.cost, archlab.by_op, archlab.load_space, archlab.load])
@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, r"None \(NoneType\) is no architecture"),
        (7, r"7 \(int\) is no architecture"),
        ([], r"\[\] \(list\) is no architecture"),
        ("resnet5", "'resnet5': neither a shipped network nor a file[^$]*did you mean"),
        (Path("nowhere.arch"), "no such file"),
    ],
)
def test_what_names_no_network(call, source, words):
    with pytest.raises(archlab.InputError, match=words):
        call(source)


def test_networks_and_graphs_where_they_do_not_fit():
    network = archlab.elaborate(TEXT)
    with pytest.raises(archlab.InputError, match="no holes left"):
        archlab.elaborate(network, {"s.conv.c": 16})
    with pytest.raises(archlab.InputError, match="is not a Network"):
        archlab.cost(network.graph)
    with pytest.raises(archlab.InputError, match="at least 1, not '9'"):
        archlab.elaborate(TEXT, max_nodes="9")
