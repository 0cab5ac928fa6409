"""The declarative base of every table of this service; its metadata is what the migrations must equal."""

from shared.runtime.database import make_base

Base = make_base()
