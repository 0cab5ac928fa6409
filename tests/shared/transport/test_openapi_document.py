"""The OpenAPI document: complete, the same on every start, and wrong only loudly."""

import json
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel, create_model

from shared.transport.openapi import finish, operation_id, operations, signed_body


class Item(BaseModel):
    text: str


class Batch(BaseModel):
    items: list[Item]


SECURITY = {"/api/v1": ["token", "session"], "/exchange/v1": ["signature"], "/exchange/v1/oauth": []}


def _app() -> FastAPI:
    app = FastAPI(title="Service", version="1", generate_unique_id_function=operation_id)
    router = APIRouter(prefix="/exchange/v1", tags=["connections"])

    @router.post("/messages", openapi_extra=signed_body(Batch, example={"items": [{"text": "a"}]}))
    async def receive_messages(request: Request) -> Item:
        raise NotImplementedError

    @router.get("/oauth/callback")
    async def return_from_provider(code: str) -> Item:
        raise NotImplementedError

    @app.get("/api/v1/items/{item_id}", tags=["items"], responses={404: {"description": "No such item"}})
    async def read_item(item_id: int) -> Item:
        raise NotImplementedError

    app.include_router(router)
    finish(app, security_by_prefix=SECURITY, webhooks={"changed": {"post": {"responses": {}}}})
    return app


def test_a_body_that_is_read_raw_is_described_with_all_it_holds():
    document = _app().openapi()
    operation = document["paths"]["/exchange/v1/messages"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    assert content == {"schema": {"$ref": "#/components/schemas/Batch"}, "example": {"items": [{"text": "a"}]}}
    assert document["components"]["schemas"]["Batch"]["properties"]["items"]["items"] == {
        "$ref": "#/components/schemas/Item"
    }
    assert "x-definitions" not in json.dumps(document)


def test_every_operation_has_the_problem_answer_and_the_security_of_its_audience():
    document = _app().openapi()
    security = {operation["operationId"]: operation.get("security") for _, _, operation in operations(document)}
    assert security == {
        "receive_messages": [{"signature": []}],
        "return_from_provider": None,
        "read_item": [{"token": []}, {"session": []}],
    }
    for _, _, operation in operations(document):
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}
        assert "422" not in operation["responses"]
    assert "404" in document["paths"]["/api/v1/items/{item_id}"]["get"]["responses"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["webhooks"] == {"changed": {"post": {"responses": {}}}}
    assert document["openapi"].startswith("3.1")


def test_every_reference_of_the_document_leads_somewhere():
    document = _app().openapi()
    text = json.dumps(document)
    for kind in ("schemas", "responses"):
        for part in text.split(f'"#/components/{kind}/')[1:]:
            assert part.split('"')[0] in document["components"][kind]


def test_the_document_is_the_same_on_every_start():
    assert json.dumps(_app().openapi()) == json.dumps(_app().openapi())


def test_a_shared_operation_id_is_found():
    app = _app()

    @app.get("/api/v1/other", tags=["items"], operation_id="read_item")
    async def another() -> None: ...

    with pytest.raises(ValueError, match="share the operationId"):
        app.openapi()


def test_an_operation_without_a_tag_is_found():
    app = _app()

    @app.get("/api/v1/other")
    async def another() -> None: ...

    with pytest.raises(ValueError, match="has no tag"):
        app.openapi()


def test_two_models_of_one_name_are_refused() -> None:
    def model(**members: Any) -> type[BaseModel]:
        return create_model("Reason", **members)

    app = FastAPI(title="test", version="1", generate_unique_id_function=operation_id)
    for number, shape in enumerate((model(why=(str, ...)), model(wherefore=(str, ...)))):
        extra = signed_body(shape)
        app.add_api_route(
            f"/{number}", lambda: None, methods=["POST"], name=f"say_{number}", tags=["x"], openapi_extra=extra
        )
    finish(app, security_by_prefix={})
    with pytest.raises(ValueError, match="Reason"):
        app.openapi()


def test_every_member_of_a_merge_patch_may_be_left_out() -> None:
    class Person(BaseModel):
        name: str
        language: str = "en"

    made = signed_body(Person, content_type="application/merge-patch+json")
    (schema,) = made["x-definitions"].values()
    assert "required" not in schema
    assert "default" not in schema["properties"]["language"]
    assert schema["title"] == "PersonPatch"
