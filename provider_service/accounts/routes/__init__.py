"""Companies, their contacts, contacts as people, and the attributes declared for them."""

from typing import Final

from fastapi import APIRouter

from provider_service.accounts.routes import attributes, companies, contacts, ties

ROUTERS: Final[tuple[APIRouter, ...]] = (companies.router, ties.router, contacts.router, attributes.router)
