"""The first administrator, and nobody after by that way."""

import pytest

from consumer_service.directory import service
from consumer_service.directory.domain import FIRST_ADMIN_ROLES
from shared.wire.errors import Conflict, Gone, Invalid

pytestmark = pytest.mark.anyio


def issue(house):
    with house.context.database.transaction() as session:
        return service.issue_setup_token(session, now=house.clock())


def claim(house, token, password="correct horse battery staple"):
    with house.context.database.transaction() as session:
        return service.claim_setup(
            session,
            token=token,
            email="ada@example.com",
            name="Ada",
            password=house.prepared(password),
            now=house.clock(),
        )


async def test_the_first_administrator_gets_the_key_roles_too(house):
    with house.context.database.transaction() as session:
        assert service.needs_setup(session)
    assert claim(house, issue(house)).roles == FIRST_ADMIN_ROLES
    with house.context.database.transaction() as session:
        assert not service.needs_setup(session)


async def test_a_setup_token_works_once_and_for_the_first_person_only(house):
    token = issue(house)
    claim(house, token)
    with pytest.raises(Gone):
        claim(house, token)
    with pytest.raises(Conflict) as caught:
        issue(house)
    assert caught.value.code == "already_set_up"


async def test_a_setup_token_ends_after_half_an_hour_and_with_the_next_one(house):
    first, second = issue(house), issue(house)
    with pytest.raises(Gone):
        claim(house, first)
    house.clock.advance(minutes=30)
    with pytest.raises(Gone) as caught:
        claim(house, second)
    assert caught.value.code == "setup_token_invalid"


async def test_a_weak_password_leaves_the_setup_token_usable(house):
    token = issue(house)
    with pytest.raises(Invalid):
        claim(house, token, "short")
    claim(house, token)


async def test_a_token_is_no_use_once_somebody_is_there(house):
    token = issue(house)
    house.person()
    with pytest.raises(Conflict):
        claim(house, token)


async def test_the_environment_makes_an_administrator_only_where_nobody_is(house):
    def ensure():
        with house.context.database.transaction() as session:
            password = house.prepared("correct horse battery staple")
            return service.ensure_admin_from_environment(
                session, email="root@example.com", password=password, now=house.clock()
            )

    assert ensure().roles == FIRST_ADMIN_ROLES
    assert ensure() is None
