from __future__ import annotations

import archlab
from archlab.carry.copies import copies_in, kept_copies, source_name

TEXT = "net x(input=3x8x8)\na: conv(4) -> each(4, repeat(2, basic(4)))\n"


def graphs(depth: int) -> tuple[archlab.Graph, archlab.Graph]:
    text = TEXT.replace("each(4", f"each({depth}")
    return archlab.elaborate(archlab.parse(TEXT)).graph, archlab.elaborate(archlab.parse(text)).graph


def test_copies_are_counted_from_paths() -> None:
    assert copies_in(["a.0.conv", "a.1.conv", "a.1.part.0.x", "b.conv"]) == {"a": 2, "a.1.part": 1}


def test_the_first_copy_stays_and_then_the_most_important_in_their_order() -> None:
    source, target = graphs(2)
    prefix = next(
        name for name in copies_in(source.names) if copies_in(target.names).get(name) != copies_in(source.names)[name]
    )
    kept = kept_copies(source, target, {f"{prefix}.{i}": w for i, w in enumerate((0.0, 0.1, 0.9, 0.5))})
    assert kept[prefix][0] == 0
    assert len(kept[prefix]) == copies_in(target.names)[prefix]
    assert source_name(f"{prefix}.1.conv", kept) == f"{prefix}.{kept[prefix][1]}.conv"


def test_without_importance_the_first_ones_stay() -> None:
    source, target = graphs(3)
    assert all(copies == tuple(range(len(copies))) for copies in kept_copies(source, target).values())


def test_names_outside_of_what_was_dropped_stay() -> None:
    assert source_name("stem.conv.0.x", {"stage1": (0, 2)}) == "stem.conv.0.x"
    assert source_name("stage1.1.0.x", {"stage1": (0, 2)}) == "stage1.2.0.x"
