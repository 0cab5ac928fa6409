"""The one record of this instance, and the signs of life of its workers."""

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from consumer_service.base import Base
from shared.runtime.database import UtcDateTime


class InstanceRow(Base):
    """At most one row: the database itself refuses a second."""

    __tablename__ = "instance"
    __table_args__ = (
        CheckConstraint("id = 1", name="single"),
        CheckConstraint("epoch >= 1", name="epoch"),
        CheckConstraint("instance_type IN ('production', 'sub_production')", name="instance_type"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(64))
    issuer: Mapped[str] = mapped_column(String(300))
    instance_id: Mapped[str] = mapped_column(String(36))
    instance_type: Mapped[str] = mapped_column(String(16))
    epoch: Mapped[int]
    sender_address: Mapped[str] = mapped_column(String(254))
    support_contact: Mapped[str] = mapped_column(String(200))
    email_enabled: Mapped[bool]
    version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WorkerBeat(Base):
    """When a worker last said that it is alive, and which software it runs."""

    __tablename__ = "worker_beats"

    worker: Mapped[str] = mapped_column(String(80), primary_key=True)
    software: Mapped[str] = mapped_column(String(64))
    beat_at: Mapped[datetime] = mapped_column(UtcDateTime)
