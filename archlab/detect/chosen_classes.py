"""Classes of a data set, matched by name and renumbered: those of the training data, or those that are chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from archlab.detect.coco import Annotations
from archlab.errors import InputError, did_you_mean, quote

OTHER = "of a class that is not looked for"

MOST_SHOWN = 12
"""Classes that a message names."""


def choose_classes(annotations: Annotations, names: Sequence[str]) -> Annotations:
    """Return annotations with the classes ``names``, in this order; boxes of others are left out and counted.

    A class that the annotations do not know has no boxes there.
    """
    if tuple(names) == annotations.classes:
        return annotations
    id_of = dict(zip(annotations.classes, annotations.category_ids, strict=True))
    free = max(annotations.category_ids) + 1
    ids = tuple(id_of.get(name, free + i) for i, name in enumerate(names))
    label_of = {name: i for i, name in enumerate(names, start=1)}
    new = [0, *(label_of.get(name, 0) for name in annotations.classes)]
    images = tuple(
        replace(
            image,
            boxes=tuple(box for box, label in zip(image.boxes, image.labels, strict=True) if new[label]),
            labels=tuple(new[label] for label in image.labels if new[label]),
        )
        for image in annotations.images
    )
    kept = set(ids)
    boxes = [entry for entry in annotations.truth["annotations"] if entry["category_id"] in kept]
    others = len(annotations.truth["annotations"]) - len(boxes)
    truth = {
        **annotations.truth,
        "annotations": boxes,
        "categories": [{"id": id, "name": name} for id, name in zip(ids, names, strict=True)],
    }
    left_out = Counter(annotations.left_out) + Counter({OTHER: others})
    return Annotations(annotations.source, tuple(names), ids, images, dict(left_out), truth)


def refuse_unknown(annotations: Annotations, names: Sequence[str]) -> None:
    """Refuse names, as ``--classes`` has them, that are no classes of the training data.

    Raises:
        InputError: with the name and the classes that there are.
    """
    known = set(annotations.classes)
    for i, name in enumerate(names):
        if name not in known:
            raise InputError(
                f"{annotations.source} has no class {quote(name)}; it has {shown(annotations.classes)}",
                hint=did_you_mean(name, annotations.classes),
            )
        if name in names[:i]:
            raise InputError(f"the class {quote(name)} is chosen twice")


def refuse_untrained(train: Annotations, val: Annotations) -> None:
    """Refuse validation boxes of classes that the training data has not.

    Raises:
        InputError: with the classes of both.
    """
    used = count_boxes(val)
    strange = [name for name in val.classes if used[name] and name not in set(train.classes)]
    if strange:
        raise InputError(
            f"{val.source} has boxes of {shown(strange)}, which no training image can teach: it has the classes "
            f"{shown(val.classes)}, and {train.source} has {shown(train.classes)}",
            hint="name the classes that both have with --classes, or rename those that mean the same",
        )


def count_boxes(annotations: Annotations) -> dict[str, int]:
    """Return how many boxes training takes of each class."""
    counts = Counter(label for image in annotations.images for label in image.labels)
    return {name: counts[i] for i, name in enumerate(annotations.classes, start=1)}


def shown(names: Sequence[str]) -> str:
    """Return names as a message has them, the first of many."""
    more = f" and {len(names) - MOST_SHOWN:,} more" if len(names) > MOST_SHOWN else ""
    return ", ".join(quote(name)[1:-1] for name in names[:MOST_SHOWN]) + more
