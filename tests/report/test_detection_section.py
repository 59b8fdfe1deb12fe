"""What the report of a search for detectors says of data, levels, scores and AP, and what it draws."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from archlab.report.detection_pictures import PictureBox, draw_picture, found_picture, true_picture
from archlab.report.detection_section import ClassRow, Detection, LevelUse, TableCell, detection
from archlab.report.finalist_info import finalists
from archlab.report.search_page import render_report
from archlab.search.result import SearchResult, read_result, to_json
from archlab.search.shown_data import Example
from tests.report import detectors, results

pytest.importorskip("PIL", reason="needs Pillow")


@pytest.fixture(scope="module")
def page() -> str:
    return render_report(detectors.search())


def of(result: SearchResult) -> Detection:
    found = detection(result, finalists(result))
    assert found is not None
    return found


def test_a_search_without_data_has_no_such_section():
    result = results.staged()
    assert detection(result, finalists(result)) is None
    assert 'id="detection"' not in render_report(result)


def test_classes_have_their_boxes_and_their_share_of_the_training():
    first, *_, last = of(detectors.search()).classes
    assert first == ClassRow(1, "disc", 60, 6, 0.6)
    assert last == ClassRow(3, detectors.NAMES[2], 10, 1, 0.1)


def test_level_use_counts_the_training_boxes_and_joins_finalists_that_are_alike():
    result = detectors.search()
    assert of(result).level_use == (
        LevelUse((1, 2, 3), (("p2", 0.75, 75), ("p3", 0.25, 25), ("p4", 0.0, 0), ("p5", 0.0, 0))),
    )
    first, second, third = result.finalists
    coarse = dataclasses.replace(second, details={"detection": {"level use": {"p3": 1.0}}})
    other = of(dataclasses.replace(result, finalists=(first, coarse, third)))
    assert [use.ranks for use in other.level_use] == [(1, 3), (2,)]
    assert other.level_use[1].levels == (("p3", 1.0, 100),)


def test_a_score_stands_beside_its_parts():
    (table,) = of(detectors.search()).parts
    assert (table.title, table.columns) == ("detection", ("score", "loss", "class accuracy"))
    rank, name, cells = table.rows[1]
    assert (rank, name) == (2, detectors.search().finalists[1].name)
    assert [cell.text for cell in cells] == ["−2.5000", "2.5000", "0.5000"]


def test_ap_of_the_trained_by_size_and_class_with_the_best_of_each_column():
    (table,) = of(detectors.search()).ap
    assert table.columns == ("AP", "AP50", "AP75", "small", "medium", "large", *detectors.NAMES)
    assert [rank for rank, _, _ in table.rows] == [1, 2], "the third is not trained"
    first, second = (cells for _, _, cells in table.rows)
    assert first[0] == TableCell("0.500", best=True)
    assert second[0] == TableCell("0.375")
    assert first[2] == second[2] == TableCell("0.250"), "none is best where all are equal"
    assert first[5] == TableCell("–")


def test_found_boxes_are_drawn_at_the_size_of_the_picture_and_the_unsure_are_not():
    true, best, second = of(detectors.search()).pictures
    assert (true[0], best[0], second[0]) == (0, 1, 2)
    assert all(not picture.found for picture in true[2])
    # The finalist saw 224 pixels and the picture has 112.
    assert best[2][0].found == (PictureBox(10.0, 20.0, 50.0, 25.0, 1, "<img src=x onerror=aler…", ".88"),)
    assert best[2][0].true == true[2][0].true != ()


def test_where_no_box_is_sure_the_surest_is_drawn_and_marked():
    picture = true_picture(1, Example("/9j/AAAA", 8, 8, (), ()), ("disc",))
    assert picture is not None
    found = [[0.0, 0.0, 4.0, 4.0, 1, 0.2], [1.0, 1.0, 3.0, 3.0, 1, 0.5], [0.0, 0.0, 8.0, 8.0, 1, 0.1]]
    unsure = found_picture(picture, found, ("disc",), (8, 8))
    assert unsure.found == (PictureBox(1.0, 1.0, 2.0, 2.0, 0, "disc", ".50", unsure=True),)
    assert [label.text for label in unsure.labels] == ["disc .50 unsure"]
    assert unsure.found_in_words == "none found above .5, the surest .50"
    drawn = str(draw_picture(unsure, 1, is_found=True))
    assert "none found above .5, the surest .50" in drawn
    assert drawn.count('"class block-0 unsure"') == 1
    sure = found_picture(picture, [*found, [0.0, 0.0, 2.0, 2.0, 1, 0.6]], ("disc",), (8, 8))
    assert ([box.score for box in sure.found], sure.found_in_words) == ([".60"], "1 found")
    assert found_picture(picture, [], ("disc",), (8, 8)).found_in_words == "0 found"


def test_idle_levels_are_remarked(page: str):
    assert of(detectors.search()).level_use[0].idle == ("p4", "p5")
    assert "No box is read from p4, p5" in page


def test_without_a_trained_finalist_there_are_the_true_boxes():
    result = detectors.search(trained=0)
    assert [rank for rank, _, _ in of(result).pictures] == [0]
    assert "no finalist was trained" in render_report(result)


def test_names_are_text_and_every_jpeg_is_there_once(page: str):
    assert "<img" not in page
    assert "<b>ring" not in page
    assert "&lt;/script&gt;&lt;b&gt;ring" in page
    assert "cells/val.json" in page
    assert "2 crowd" in page
    assert page.count("data:image/jpeg;base64,") == 3
    assert set(re.findall(r'<use href="#(example-\d)"', page)) == set(re.findall(r'<image id="(example-\d)"', page))


def test_what_the_section_shows_is_not_shown_again(page: str):
    assert "What train reports" not in page
    assert "What detection reports" not in page
    assert "What train.py:more reports" in page


@pytest.mark.parametrize("jpeg", ['/9j/"><script>alert(1)</script>', "PHN2Zz4=", "", "/9j/" + "A" * 80_000])
def test_what_is_no_small_jpeg_is_not_shown(jpeg: str):
    assert true_picture(1, Example(jpeg, 8, 8, (), ()), ("disc",)) is None
    result = detectors.search()
    assert result.data is not None
    bad = dataclasses.replace(result.data.examples[0], jpeg=jpeg)
    page = render_report(dataclasses.replace(result, data=dataclasses.replace(result.data, examples=(bad,))))
    assert "Validation images</h3>" not in page
    assert "alert(1)</script>" not in page


def test_boxes_that_are_none_are_left_out():
    box = (1.0, 2.0, 3.0, 4.0)
    example = Example("/9j/AAAA", 8, 8, (box, (1.0,), box, (1e9, 0.0, 1e9, 1.0)), (1, 1, 2, 1))
    picture = true_picture(1, example, ("disc",))
    assert picture is not None
    assert picture.true == (PictureBox(1.0, 2.0, 2.0, 2.0, 0, "disc"),)
    found = [
        [*box, 1, 0.75],
        [*box, 1, "x"],
        [*box, "1", 0.75],
        [*box, 0, 0.75],
        "row",
        [None, 2, 3, 4, 1, 0.75],
        [*box],
    ]
    assert found_picture(picture, found, ("disc",), (8, 8)).found == (PictureBox(1.0, 2.0, 2.0, 2.0, 0, "disc", ".75"),)
    assert found_picture(picture, {"no": "rows"}, ("disc",), (8, 8)).found == ()


def labelled(*found):
    """The labels of found boxes in an image of 380x100 pixels."""
    picture = true_picture(1, Example("/9j/AAAA", 380, 100, (), ()), ("disc",))
    assert picture is not None
    return found_picture(picture, [list(row) for row in found], ("disc",), (100, 380)).labels


def test_a_label_stays_in_its_picture():
    first, second = labelled((0.0, 0.0, 9.0, 9.0, 1, 0.9), (350.0, 0.0, 370.0, 9.0, 1, 0.8))
    assert (first.x, first.y) == (0.0, 12.7)  # below the upper edge
    assert second.x + second.length == pytest.approx(380, abs=0.1)


def test_of_labels_on_each_other_the_surest_stays():
    boxes = ((10.0, 50.0, 30.0, 80.0, 1, 0.7), (14.0, 52.0, 40.0, 90.0, 1, 0.95), (200.0, 50.0, 220.0, 70.0, 1, 0.6))
    assert [label.text for label in labelled(*boxes)] == ["disc .95", "disc .60"]


def test_details_of_another_form_are_no_error():
    result = detectors.search()
    odd = {"detection": {"parts": ["x"], "level use": {"p2": "y"}}, "train": {"AP": 3, "found": [3, [[]], None]}}
    made = tuple(dataclasses.replace(f, details=odd) for f in result.finalists)
    assert 'id="detection"' in render_report(dataclasses.replace(result, finalists=made))


def test_data_comes_back_from_a_file(tmp_path: Path):
    result = detectors.search()
    path = tmp_path / "result.json"
    path.write_text(to_json(result), encoding="utf-8")
    assert read_result(path).data == result.data
    old = json.loads(to_json(result))
    del old["data"]
    path.write_text(json.dumps(old), encoding="utf-8")
    assert read_result(path).data is None
