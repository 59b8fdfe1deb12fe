"""What a test does where the machine lacks a program that it needs."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def lacking(reason: str) -> NoReturn:
    """Skip the test, but fail in CI, which installs what the tests need: there it must not go unnoticed."""
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"{reason}: .ci/run installs it")
    pytest.skip(reason)
