"""Statements that go past SQLAlchemy's work for each call say the same, and cost what their answer costs."""

import pytest
from sqlalchemy import bindparam, select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from shared.delivery.statements import Spelled, among, insert_many, insert_missing, insert_one_missing, update_many
from shared.delivery.tables import inbox, lanes_in, nonces
from tests.shared.delivery.words import PEER

AMONG = select(inbox.c.id).where(inbox.c.connection_id == bindparam("connection"), among(inbox.c.id, "ids"))
IDS = ["1", 'a "quoted" one', "back\\slash", "Grüße, 🙂", "{1,2}", "NULL", ""]


def _row(number: int, **members: object) -> dict[str, object]:
    row = {"connection_id": PEER, "id": str(number), "lane": "a", "sequence": number, "type": "t", "hash": "h"}
    return {**row, "outcome": "applied", "quarantined": False, "received_at": 1, "settled_at": None, **members}


def test_a_list_finds_its_texts_whatever_stands_in_them(session: Session) -> None:
    insert_many(session, inbox, [_row(number, id=text) for number, text in enumerate(IDS, start=1)])

    found = Spelled(AMONG).run(session, connection=PEER, ids=[*IDS, "nobody's"]).scalars().all()

    assert sorted(found) == sorted(IDS)
    assert Spelled(AMONG).run(session, connection=PEER, ids=[]).all() == []


def test_a_list_is_looked_up_by_key_and_reads_no_whole_table(session: Session) -> None:
    if session.get_bind().dialect.name == "sqlite":
        compiled = str(AMONG.compile(session.get_bind()))
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", (PEER, "[]")).all()

        assert [row.detail for row in plan if "delivery_inbox" in row.detail] == [
            "SEARCH delivery_inbox USING PRIMARY KEY (connection_id=? AND id=?)"
        ]


def test_values_of_a_statement_are_bound_not_pasted(session: Session) -> None:
    insert_many(session, inbox, [_row(1)])

    found = Spelled(AMONG).run(session, connection="' OR ''='", ids=["1", "') OR ('1'='1"]).all()

    assert found == []


def test_many_rows_are_inserted_and_changed_with_every_kind_of_value(session: Session) -> None:
    insert_many(session, inbox, [_row(1), _row(2, settled_at=2**41, quarantined=True)])
    update_many(session, inbox, ("connection_id", "id"), [
        {"connection_id": PEER, "id": "1", "settled_at": 5, "problem": None, "body": '{"a":"ü"}', "quarantined": True},
        {"connection_id": PEER, "id": "2", "settled_at": None, "problem": "p", "body": None, "quarantined": False},
    ])  # fmt: skip

    columns = (inbox.c.id, inbox.c.settled_at, inbox.c.problem, inbox.c.body, inbox.c.quarantined)
    assert [tuple(row) for row in session.execute(select(*columns).order_by(inbox.c.id))] == [
        ("1", 5, None, '{"a":"ü"}', True),
        ("2", None, "p", None, False),
    ]


def test_a_row_that_is_there_refuses_another_unless_only_missing_ones_are_asked_for(session: Session) -> None:
    lane = {"connection_id": PEER, "lane": "a", "applied_sequence": 3}
    insert_many(session, lanes_in, [lane])
    insert_missing(session, lanes_in, [{**lane, "applied_sequence": 9}, {**lane, "lane": "b"}])

    known = session.execute(select(lanes_in.c.lane, lanes_in.c.applied_sequence).order_by(lanes_in.c.lane)).all()
    assert [tuple(row) for row in known] == [("a", 3), ("b", 3)]
    with pytest.raises(IntegrityError):
        insert_many(session, lanes_in, [lane])


def test_one_row_is_told_to_be_new_once(session: Session) -> None:
    nonce = {"key_id": "k", "nonce": "n", "expires_at": 1}

    assert [insert_one_missing(session, nonces, nonce) for _ in range(2)] == [True, False]


def test_a_text_too_long_for_its_column_is_kept_whole_or_refused_but_never_cut(session: Session) -> None:
    long = "x" * 65
    try:
        insert_many(session, inbox, [_row(1, type=long)])
    except DataError:
        return
    assert session.execute(select(inbox.c.type)).scalar_one() == long
