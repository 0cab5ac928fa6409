"""Every cell of submitter x type x account x contact x user x options is decided as one rule, and only one, says."""

from collections import Counter

import pytest

from provider_service.self_service.domain import Facts, decide, grants_administrator
from tests.provider.self_service import rules
from tests.provider.self_service.rules import AXES, IMPOSSIBLE, RULES, Cell, cells, expected, impossible, rules_for

POSSIBLE = [cell for cell in cells() if not impossible(cell)]


def test_there_are_few_rules_and_each_says_where_it_comes_from() -> None:
    assert len(RULES) <= 30
    assert [rule for rule in RULES if not rule.cites.startswith(("SEED: ", "DESIGN: "))] == []


def test_every_possible_cell_has_exactly_one_rule() -> None:
    assert [cell for cell in POSSIBLE if len(rules_for(cell)) != 1] == []


def test_every_rule_is_for_some_possible_cell() -> None:
    used = Counter(id(rules_for(cell)[0]) for cell in POSSIBLE)
    assert [rule for rule in RULES if id(rule) not in used] == []


def test_rules_name_only_axes_and_values_there_are() -> None:
    known = {**AXES, "open": [True, False], "match": ["doable", "not doable"]}
    named = [(axis, value) for rule in RULES for axis, values in rule.when.items() for value in values]
    assert [(axis, value) for axis, value in named if value not in known[axis]] == []


def test_the_code_decides_as_the_rules_say() -> None:
    wrong = []
    for cell in POSSIBLE:
        made = decide(Facts(**cell))
        if (made.outcome, made.reason) != expected(cell):
            wrong.append((cell, made, expected(cell)))
    assert wrong[:3] == []


@pytest.mark.parametrize(("when", "why"), IMPOSSIBLE)
def test_an_impossible_cell_is_no_fact(when: dict[str, list[object]], why: str) -> None:
    assert why
    plain: Cell = {axis: values[0] for axis, values in AXES.items()}
    for cell in cells():
        if all(cell[axis] in values for axis, values in when.items()) and cell == plain | {a: cell[a] for a in when}:
            with pytest.raises(ValueError, match="cannot be"):
                Facts(**cell)


def test_nobody_gains_a_user_by_knowing_its_login() -> None:
    """For whoever is not the user, nothing is stamped, granted or created for one that exists."""
    strangers = [cell for cell in POSSIBLE if cell["submitter"] in rules.OTHERS and cell["user"] != "absent"]
    changed = {decide(Facts(**cell)).outcome for cell in strangers if cell["moment"] == "approval"}
    assert changed == {"fail", "refer"}
    assert "proceed" not in {decide(Facts(**cell)).outcome for cell in strangers}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("person", [True, False])
@pytest.mark.parametrize("secret", [True, False])
@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("relayed", [True, False])
def test_a_first_user_is_administrator_by_a_person_a_secret_key_or_a_verified_domain(
    *, first: bool, person: bool, secret: bool, verified: bool, relayed: bool
) -> None:
    """DESIGN: automatic after a person's approval; else it waits unless key or domain vouch, and always if relayed."""
    vouched = (secret or verified) and not relayed
    granted = grants_administrator(
        first_user=first, approved_by_person=person, key_secret=secret, domain_verified=verified, relayed=relayed
    )
    assert granted is (first and (person or vouched))
