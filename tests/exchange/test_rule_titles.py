"""The titles of rewritings: written and read alike."""

from __future__ import annotations

import pytest

from archlab.errors import InputError
from archlab.exchange.rewrite_rules import RewriteOptions, parse_rule, title_of
from archlab.what_if.suggest import ATTEMPTS


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: title_of(*attempt))
def test_a_title_is_read_as_it_is_written(attempt):
    assert parse_rule(title_of(*attempt)) == attempt


def test_without_an_option_a_rule_has_its_default():
    assert parse_rule(" separable ") == ("separable", RewriteOptions())
    assert parse_rule("bottleneck  e = 0.5") == ("bottleneck", RewriteOptions(e=0.5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no rule ''"),
        ("seperable", "there is no rule 'seperable'"),
        ("separable g=2", "'g=2' is no option of the rule separable"),
        ("separable dm=0", "'dm=0' is no option"),
        ("separable dm=1.5", "'dm=1.5' is no option"),
        ("bottleneck e=nan", "'e=nan' is no option"),
        ("bottleneck e=2", "'e=2' is no option"),
        ("factorise3x3 k=3", "'k=3' is no option of the rule factorise3x3"),
        ("group_shuffle g=99999", "'g=99999' is no option"),
    ],
)
def test_other_titles_are_refused(text, message):
    with pytest.raises(InputError) as caught:
        parse_rule(text)
    assert message in str(caught.value)
