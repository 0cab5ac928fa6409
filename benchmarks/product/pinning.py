"""Brings both instances to where the handshake ends: records, keys, one connection pinned on both sides.

Written with the services' own use cases before they start. The onboarding itself is not what is measured; the demo
shows it.
"""

from typing import Any

from benchmarks.product.instances import ADMIN, PASSWORD, Instance, now
from shared.wire.states import DeliveryMode, InstanceType

SCOPES = frozenset({"incidents:read", "incidents:write", "connections:read", "connections:write"})


def prepare(instance: Instance, peer: Instance, scopes: frozenset[str] = SCOPES) -> None:
    """Make schema, instance record, keys, first administrator and a token of these scopes."""
    instance.directory.mkdir(parents=True, exist_ok=True)
    instance.migrate(peer)
    composition = instance.module("composition")
    context = _context(instance, peer)
    try:
        with context.database.transaction() as session:
            record = _create_record(instance, session, composition.instance_hooks(context.masters))
            instance.token = _token(instance, session, scopes)
        instance.module("instance.service").mark(record, instance.directory)
        with context.database.transaction() as session:
            keys = instance.module("keys.service")
            instance.instance_id = record.instance_id
            instance.key_set = keys.key_set(session).model_dump()
            instance.identity = keys.identity_thumbprint(session)
    finally:
        context.database.close()


def pin(instance: Instance, peer: Instance, connection_id: str) -> None:
    """Open the connection on one side."""
    context = _context(instance, peer)
    try:
        with context.database.transaction() as session:
            company = {"company_id": _company(instance, session)} if instance.name == "provider" else {}
            instance.module("connections.service").open_connection(
                session,
                connection_id=connection_id,
                registration_number="REG0000001",
                peer_name=peer.name,
                peer_issuer=peer.issuer,
                peer_instance_id=peer.instance_id,
                peer_instance_type=InstanceType.SUB_PRODUCTION,
                peer_epoch=1,
                identity_jkt=peer.identity,
                key_set=peer.key_set,
                delivery=DeliveryMode.PUSH,
                now=now(),
                **company,
            )
    finally:
        context.database.close()


def _context(instance: Instance, peer: Instance) -> Any:
    settings = instance.module("settings").Settings(**instance.settings(peer))
    return instance.module("composition").make_context(settings)


def _create_record(instance: Instance, session: Any, hooks: Any) -> Any:
    new = instance.module("instance.domain").NewInstance(name=instance.name, instance_type=InstanceType.SUB_PRODUCTION)
    return instance.module("instance.service").create(
        session, new, issuer=instance.issuer, actor=_operator(instance), hooks=hooks, now=now()
    )


def _token(instance: Instance, session: Any, scopes: frozenset[str]) -> str:
    directory = instance.module("directory.service")
    domain = instance.module("directory.domain")
    password = directory.hasher(1, 8, 1).prepare(PASSWORD)
    person = directory.ensure_admin_from_environment(session, email=ADMIN, password=password, now=now())
    caller = domain.Caller(_operator(instance), person.id, domain.FIRST_ADMIN_ROLES)
    made = directory.create_token(session, name="benchmark", scopes=scopes, days=1, caller=caller, now=now())
    return str(made.secret)


def _company(instance: Instance, session: Any) -> str:
    facts = instance.module("accounts.domain").CompanyFacts(name="Benchmark")
    made = instance.module("accounts.service").create_company(session, facts, actor=_operator(instance), now=now())
    return str(made.id)


def _operator(instance: Instance) -> Any:
    return instance.module("audit.domain").Actor("operator", "benchmark", "Benchmark")
