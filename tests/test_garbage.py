"""Python's garbage collector, switched off for a while."""

from __future__ import annotations

import gc

import pytest

from archlab.garbage import garbage_collection_off


def fail_inside():
    with garbage_collection_off():
        assert not gc.isenabled()
        with garbage_collection_off():
            pass
        assert not gc.isenabled(), "the outermost switches it on"
        raise ValueError("inside")


def test_it_is_off_inside_and_on_again_behind_an_error():
    with pytest.raises(ValueError, match="inside"):
        fail_inside()
    assert gc.isenabled()


def test_who_has_switched_it_off_keeps_it_off():
    gc.disable()
    try:
        with garbage_collection_off():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
