"""Requests: options stand over what pyproject.toml says."""

from __future__ import annotations

import pytest

from archlab.audit.audit_request import request_over
from archlab.audit.config import Config
from archlab.errors import InputError

CONFIG = Config(("a",), ("3x8x8",), 4, ("macs=1k",), (("b", ("macs=2k",)),), ("rules.py",))


def test_what_no_option_names_is_as_configured():
    request = request_over(CONFIG)
    assert (request.targets, request.inputs, request.batch) == (("a",), ("3x8x8",), 4)
    assert request.rules == ("rules.py",)
    assert request.limits_for("a").limits == (("macs", 1000),)
    assert request.limits_for("b").limits == (("macs", 2000),)


def test_options_stand_over_the_configuration():
    request = request_over(CONFIG, inputs=("8",), batch=2, limits=("params=3",), rules=("own.py",))
    assert (request.targets, request.inputs, request.batch) == (("a",), ("8",), 2)
    assert request.rules == ("own.py",)
    assert request.limits_for("b").limits == (("params", 3),)


def test_a_configuration_counts_for_nothing_beside_targets():
    request = request_over(CONFIG, targets=("b",))
    assert (request.targets, request.inputs, request.batch, request.rules) == (("b",), (), None, ())
    assert request.limits_for("b").limits == ()
    assert request_over(CONFIG, targets=("b",), limits=("params=3",)).limits_for("b").limits == (("params", 3),)


def test_without_a_target_there_is_nothing_to_audit():
    with pytest.raises(InputError, match="nothing to audit"):
        request_over(Config())
