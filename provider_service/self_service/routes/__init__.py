"""Requests of self-service registration, the roles that come of them, and invitations to accounts."""

from typing import Final

from fastapi import APIRouter

from provider_service.self_service.routes import invitations, requests

ROUTERS: Final[tuple[APIRouter, ...]] = (requests.router, invitations.router)
