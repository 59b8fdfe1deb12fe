"""Image files with the boxes that were found in them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from archlab.detect.find_boxes import FoundIn
from archlab.images.image_files import read_image

COLOURS = ("#e6550d", "#3182bd", "#31a354", "#dd1c77", "#756bb1", "#b8860b", "#008b8b", "#636363")
LONGEST_NAME = 24


def draw_found(found: FoundIn, classes: Sequence[str], least: float) -> bytes:
    """Return a JPEG of an image, as it is shown, with the boxes of a score of ``least`` and more.

    Raises:
        InputError: as ``archlab.images.image_files.read_image``.
    """
    picture = Image.fromarray(read_image(found.path, found.size, found.size))
    draw = ImageDraw.Draw(picture)
    line = max(1, round(max(found.size) / 300))
    font: Any = ImageFont.load_default(max(10, max(found.size) / 45))
    for box in reversed(found.boxes):  # the surest last, on top
        if box.score < least:
            continue
        colour = COLOURS[(box.label - 1) % len(COLOURS)]
        draw.rectangle(box.box, outline=colour, width=line)
        name = classes[box.label - 1][:LONGEST_NAME] if box.label <= len(classes) else str(box.label)
        words = f"{name} {box.score:.2f}"
        left, top, right, bottom = draw.textbbox((0, 0), words, font=font)
        x = max(0.0, min(box.box[0], found.size[0] - (right - left)))
        y = max(0.0, box.box[1] - (bottom - top) - 2 * line)
        draw.rectangle((x, y, x + right - left, y + bottom - top + 2 * line), fill=colour)
        draw.text((x - left, y - top + line), words, fill="#ffffff", font=font)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()
