"""The declarative base of every table of this service; its metadata is what the migrations must equal."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from shared.runtime.columns import NAMING_CONVENTION


class Base(DeclarativeBase):
    """Root of this service's mapped classes."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
