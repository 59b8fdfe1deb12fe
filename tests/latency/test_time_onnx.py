from __future__ import annotations

import numpy as np
import pytest

from archlab.latency.time_onnx import on_processor


def test_interruptions_are_taken_out():
    clean = np.array([1e-4, 2e-4, 5e-4])
    spans = np.tile(clean, (6, 1))
    spans[1, 0] += 3e-3
    spans[4, 2] += 8e-3
    assert on_processor(spans, np.full(6, clean.sum()))[0] == pytest.approx(clean)


def test_a_long_event_that_was_interrupted_in_every_run_gives_way():
    clean = np.array([1e-4, 2e-4, 9e-3])
    spans = np.tile(clean, (4, 1))
    spans[:, 2] += 4e-3
    assert on_processor(spans, np.full(4, clean.sum()))[0] == pytest.approx(clean)


def test_all_together_they_are_the_processors_time():
    spans = np.array([[1e-4, 3e-4], [2e-4, 2e-4]])
    assert on_processor(spans, np.array([6e-4, 6e-4])).sum() == pytest.approx(6e-4)
