"""Inputs as ``--input`` describes them."""

from __future__ import annotations

import pytest

from archlab.audit.input_spec import parse_inputs
from archlab.errors import InputError


@pytest.mark.parametrize("text", ["3x", "x3", "3x4:float7", "-1x2"])
def test_an_input_that_is_no_shape(text):
    with pytest.raises(InputError):
        parse_inputs([text], 1)
