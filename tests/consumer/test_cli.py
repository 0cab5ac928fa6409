"""What an operator does at the command line of the consumer, beside a server that is using the same database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from consumer_service.audit import service as audit
from consumer_service.cli import cli
from consumer_service.directory import service as directory
from consumer_service.instance import service as instance
from consumer_service.instance.domain import NewInstance
from consumer_service.keys import service as keys
from shared.runtime.database import Database
from shared.runtime.master_keys import open_masters
from shared.runtime.settings import load
from shared.wire.errors import Conflict, ExchangeError, NotFound
from shared.wire.states import InstanceType, KeyPurpose, KeyState, Role

ISSUER = "http://127.0.0.1:8001"


class Operator:
    """Somebody at the terminal, with the server's own connection to the database open meanwhile."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder, self.database = folder, database

    def does(self, *words: str) -> str:
        """Run a command that succeeds and return what it printed."""
        result = CliRunner().invoke(cli, list(words))
        assert result.exit_code == 0, (words, result.output, result.exception)
        return result.output

    def refused(self, *words: str) -> ExchangeError:
        """Run a command that is refused and return why."""
        result = CliRunner().invoke(cli, list(words))
        assert isinstance(result.exception, ExchangeError), (words, result.output, result.exception)
        return result.exception

    def raw(self, *words: str) -> Result:
        return CliRunner().invoke(cli, list(words))

    def begin(self) -> None:
        """Create the record and with it the keys."""
        self.does("setup-token")
        with self.database.transaction() as session:
            from consumer_service import composition
            from consumer_service.audit.domain import SYSTEM
            from consumer_service.settings import Settings

            settings = load(Settings)
            made = instance.create(
                session,
                NewInstance(name="desk-one", instance_type=InstanceType.PRODUCTION),
                issuer=ISSUER,
                actor=SYSTEM,
                hooks=composition.instance_hooks(open_masters(settings, identity=True)),
                now=composition.utc_now(),
            )
        instance.mark(made, self.folder)

    def active(self, purpose: KeyPurpose) -> str:
        with self.database.transaction() as session:
            found = keys.list_keys(session)
        return next(key.kid for key in found if key.purpose == purpose and key.state == KeyState.ACTIVE)


@pytest.fixture
def operator(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    for name, value in {"DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, "ISSUER": ISSUER}.items():
        monkeypatch.setenv(f"CONSUMER_{name}", value)
    database = Database(database_url)
    at_terminal = Operator(tmp_path, database)
    at_terminal.does("migrate")
    yield at_terminal
    database.close()


def test_a_person_made_at_the_terminal_is_listed_and_gets_a_link(operator: Operator) -> None:
    made = operator.does("users", "create", "ada@example.com", "Ada Lovelace", "--role", "admin")
    assert f"{ISSUER}/set-password#token=" in made
    listed = operator.does("users", "list")
    assert "ada@example.com" in listed
    assert "admin" in listed
    with operator.database.transaction() as session:
        (entry,) = [row for row in audit.events(session, limit=50) if row.action == "user.created"]
    assert entry.actor_kind == "operator"


def test_roles_are_set_as_named_and_the_last_administrator_stays_one(operator: Operator) -> None:
    operator.does("users", "create", "ada@example.com", "Ada", "--role", "admin", "--role", "sn_kmf.admin")
    assert operator.refused("users", "roles", "ada@example.com", "sn_sb.read").code == "last_holder"
    operator.does("users", "create", "grace@example.com", "Grace")
    operator.does("users", "roles", "grace@example.com", "sn_sb.read", "sn_sb.admin")
    with operator.database.transaction() as session:
        grace = directory.find_user(session, "grace@example.com")
    assert grace is not None
    assert grace.roles == {Role.SN_SB_READ, Role.SN_SB_ADMIN}


def test_a_deactivated_person_gets_no_link(operator: Operator) -> None:
    operator.does("users", "create", "ada@example.com", "Ada")
    assert f"{ISSUER}/set-password#token=" in operator.does("users", "password-link", "ADA@example.com")
    operator.does("users", "deactivate", "ada@example.com")
    assert operator.refused("users", "password-link", "ada@example.com").code == "user_inactive"


def test_somebody_unknown_is_an_error_that_says_what_to_do(operator: Operator) -> None:
    refusal = operator.refused("users", "deactivate", "nobody@example.com")
    assert isinstance(refusal, NotFound)
    assert "users list" in refusal.fix


def test_the_setup_link_is_given_only_while_nobody_is_known(operator: Operator) -> None:
    assert f"{ISSUER}/setup#token=" in operator.does("setup-token")
    operator.does("users", "create", "ada@example.com", "Ada")
    assert operator.refused("setup-token").code == "already_set_up"


def test_a_rotated_key_signs_at_once_where_nobody_has_to_be_told(operator: Operator) -> None:
    operator.begin()
    before = operator.active(KeyPurpose.HTTP)
    operator.does("keys", "rotate", "http")
    after = operator.active(KeyPurpose.HTTP)
    assert after != before
    listed = operator.does("keys", "list")
    assert before in listed
    assert after in listed
    assert operator.refused("keys", "rotate", "identity").code == "not_rotatable"


def test_a_compromised_key_is_replaced_at_once(operator: Operator) -> None:
    operator.begin()
    before = operator.active(KeyPurpose.TOKEN)
    said = operator.does("keys", "compromise", before, "--reason", "A backup was stolen")
    assert operator.active(KeyPurpose.TOKEN) in said
    assert isinstance(operator.refused("keys", "activate", "nothing"), NotFound)


@pytest.mark.parametrize("kid", ["-kXhe2EgtzQ", "--kXhe2EgtzQ", "-h-kXhe2EgtzQ"])
@pytest.mark.parametrize("command", [("activate",), ("compromise", "--reason", "Lost")])
def test_the_id_of_a_key_may_begin_with_a_hyphen(operator: Operator, command: tuple[str, ...], kid: str) -> None:
    operator.begin()
    refused = operator.refused("keys", *command, kid)
    assert isinstance(refused, NotFound)


def test_a_new_identity_suspends_what_was_pinned_to_the_old_one(operator: Operator) -> None:
    operator.begin()
    before = operator.active(KeyPurpose.IDENTITY)
    operator.does("keys", "rekey", "--reason", "Lost")
    assert operator.active(KeyPurpose.IDENTITY) != before


def test_rewrapping_says_how_many_keys_it_sealed_anew(operator: Operator) -> None:
    operator.begin()
    assert operator.does("keys", "rewrap").startswith("keys.private_sealed: 0 sealed anew")


def test_the_health_of_the_keys_is_shown_as_a_tree(operator: Operator) -> None:
    operator.begin()
    assert "green" in operator.does("keys", "health")


def test_the_record_is_shown_and_a_restored_one_begins_its_next_epoch(operator: Operator) -> None:
    assert operator.refused("instance", "show").code == "instance_missing"
    operator.begin()
    assert "desk-one" in operator.does("instance", "show")
    assert "epoch 2" in operator.does("instance", "declare", "restored")
    assert "epoch 1" in operator.does("instance", "declare", "copy")


def test_the_doctor_looks_at_record_and_keys_too(operator: Operator) -> None:
    assert "Instance" in operator.does("doctor")
    operator.begin()
    assert "Keys:" in operator.does("doctor")
    (operator.folder / "instance.json").unlink()
    examined = operator.raw("doctor")
    assert examined.exit_code == 1
    assert any(line.strip().startswith("FAILED") and "Instance" in line for line in examined.output.splitlines())


def test_nothing_runs_on_a_database_of_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_url: str
) -> None:
    monkeypatch.setenv("CONSUMER_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("CONSUMER_DATA_DIR", str(tmp_path))
    result = CliRunner().invoke(cli, ["users", "list"])
    assert isinstance(result.exception, Conflict)
    assert result.exception.code == "schema_behind"
