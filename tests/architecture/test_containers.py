"""What images, compose file and operator's pages promise, as far as it can be seen without running a container."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer_service.settings import Settings as ConsumerSettings
from provider_service.settings import Settings as ProviderSettings

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("provider", "consumer")
SETTINGS = {"provider": ProviderSettings, "consumer": ConsumerSettings}
WITHOUT_SECRET = frozenset({"SECRETS"})
"""Names that sound secret and are none: the folder the secrets are in."""
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY|CERTIFICATE|DATABASE_URL")


def instructions(service: str) -> list[tuple[str, str]]:
    text = (ROOT / f"{service}_service" / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in lines]


def last_stage(service: str) -> list[tuple[str, str]]:
    every = instructions(service)
    begin = max(number for number, (word, _) in enumerate(every) if word == "FROM")
    return every[begin:]


def only(stage: list[tuple[str, str]], word: str) -> str:
    (found,) = [rest for name, rest in stage if name == word]
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from (str(name), *texts(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    else:
        yield str(value)


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_its_own_service_and_what_both_share_and_nothing_else(service: str) -> None:
    copied = [shlex.split(rest) for word, rest in instructions(service) if word == "COPY"]
    sources = {source for words in copied if not words[0].startswith("--from") for source in words[:-1]}
    assert sources == {"requirements.lock", "wheelhouse*", "shared", f"{service}_service"}
    assert [word for word, _ in instructions(service) if word == "ADD"] == []


def test_both_images_are_made_in_the_same_way() -> None:
    provider, consumer = ((ROOT / f"{one}_service" / "Dockerfile").read_text(encoding="utf-8") for one in SERVICES)
    mirrored = provider.replace("provider", "consumer").replace("PROVIDER", "CONSUMER").replace("8000", "8001")
    assert mirrored == consumer


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_installs_only_what_the_lock_names_by_hash(service: str) -> None:
    installs = [rest for word, rest in instructions(service) if word == "RUN" and " install " in rest and "pip" in rest]
    assert len(installs) == 1
    assert {"--require-hashes", "requirements.lock"} <= set(installs[0].split())


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_runs_as_a_numbered_user_and_ends_on_sigterm(service: str) -> None:
    stage = last_stage(service)
    user, group = only(stage, "USER").split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert only(stage, "STOPSIGNAL") == "SIGTERM"
    assert json.loads(only(stage, "ENTRYPOINT")) == ["python", "-m", f"{service}_service"]
    assert json.loads(only(stage, "CMD")) == ["serve"]


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_asks_its_own_port_whether_it_lives(service: str) -> None:
    stage = last_stage(service)
    environment = dict(pair.split("=", 1) for pair in shlex.split(only(stage, "ENV")))
    port = SETTINGS[service].model_fields["listen_port"].default
    assert environment[f"{service.upper()}_LISTEN_PORT"] == only(stage, "EXPOSE") == str(port)
    assert f"http://127.0.0.1:{port}/health/live" in only(stage, "HEALTHCHECK")
    assert environment[f"{service.upper()}_ENVIRONMENT"] == "production"
    assert environment[f"{service.upper()}_DATA_DIR"] in json.loads(only(stage, "VOLUME"))


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_is_built_into_an_image(service: str) -> None:
    given = " ".join(rest for word, rest in instructions(service) if word in {"ARG", "ENV"})
    assert [name for name in re.findall(r"(\w+)=", given) if SECRET.search(name)] == []


def test_the_build_context_begins_empty() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    assert let_in == {"requirements.lock", "wheelhouse", "shared", "provider_service", "consumer_service"}


def test_every_container_is_confined(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert int(service["user"].split(":")[0]) > 0, name
        assert "privileged" not in service, name
        assert "cap_add" not in service, name


def test_every_secret_is_a_file_that_has_to_be_given(compose: dict[str, Any]) -> None:
    assert all(re.match(r"\$\{\w+:\?", secret["file"]) for secret in compose["secrets"].values())
    for name, service in compose["services"].items():
        for setting, value in service.get("environment", {}).items():
            if SECRET.search(setting):
                assert setting.endswith("_FILE"), f"{name}: {setting}"
                assert value.removeprefix("/run/secrets/") in service["secrets"], f"{name}: {setting}"


def test_nothing_secret_has_a_default(compose: dict[str, Any]) -> None:
    used = re.findall(r"\$\{(\w+)(:?[-?])?", " ".join(texts(compose)))
    lax = {name for name, form in used if SECRET.search(name) and name not in WITHOUT_SECRET and form != ":?"}
    assert lax == set()


def test_what_must_be_given_stands_in_the_example_without_a_value(compose: dict[str, Any]) -> None:
    required = set(re.findall(r"\$\{(\w+):\?", " ".join(texts(compose))))
    example = (ROOT / "deploy" / "example.env").read_text(encoding="utf-8")
    assert set(re.findall(r"^(\w+)=$", example, re.MULTILINE)) == required
    assert re.findall(r"^\w+=.+$", example, re.MULTILINE) == []


@pytest.mark.parametrize("service", SERVICES)
def test_compose_sets_only_what_the_service_knows(compose: dict[str, Any], service: str) -> None:
    known = {f"{service}_{name}".upper() for name in SETTINGS[service].model_fields}
    given = {name.removesuffix("_FILE") for name in compose["services"][service]["environment"]}
    assert given <= known


@pytest.mark.parametrize("service", SERVICES)
def test_service_and_worker_share_all_but_the_identity_and_wait_for_the_migration(
    compose: dict[str, Any], service: str
) -> None:
    serving, working = (compose["services"][name] for name in (service, f"{service}-worker"))
    for part in ("image", "volumes", "user"):
        assert serving[part] == working[part]
    secret = f"{service}_identity_master_key"
    assert set(serving["secrets"]) - set(working["secrets"]) == {secret}
    own = {f"{service.upper()}_IDENTITY_MASTER_KEY_FILE": f"/run/secrets/{secret}"}
    assert serving["environment"] == working["environment"] | own
    for one in (serving, working):
        assert one["depends_on"][f"{service}-migrate"] == {"condition": "service_completed_successfully"}
    migrating = compose["services"][f"{service}-migrate"]
    assert migrating["depends_on"][f"{service}-db"] == {"condition": "service_healthy"}
    assert migrating["restart"] == "no"


def test_a_database_is_reached_by_its_own_service_alone(compose: dict[str, Any]) -> None:
    for service in SERVICES:
        network = f"{service}-data"
        members = {name for name, one in compose["services"].items() if network in one["networks"]}
        assert members == {service, f"{service}-worker", f"{service}-migrate", f"{service}-db"}
        assert compose["networks"][network]["internal"] is True
        assert compose["services"][f"{service}-db"]["networks"] == [network]


def test_only_the_proxy_is_reached_from_outside(compose: dict[str, Any]) -> None:
    published = {name: one["ports"] for name, one in compose["services"].items() if "ports" in one}
    assert set(published) == {"proxy", "mail"}
    assert all(port.startswith("127.0.0.1:") for port in published["mail"])


def test_the_proxy_hands_targets_on_as_they_were_signed_and_logs_no_query() -> None:
    folder = ROOT / "deploy" / "nginx"
    servers = (folder / "exchange.conf.template").read_text(encoding="utf-8")
    assert servers.count("proxy_pass $service;") == len(SERVICES)
    general = (folder / "nginx.conf").read_text(encoding="utf-8")
    (form,) = re.findall(r"log_format.*", general)
    assert not re.search(r"\$(request|request_uri|args|query_string|http_referer)\b", form)


def test_the_settings_in_the_operators_page_are_those_of_the_code() -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "settings_table.py")], capture_output=True, text=True, check=True
    ).stdout.strip()
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    written = page.split("<!-- settings -->")[1].split("<!-- /settings -->")[0].strip()
    assert written == made
    assert "| none |  |" not in made


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md", "docs/security.md", "docs/contributing.md"])
def test_every_link_to_a_page_leads_somewhere(page: str) -> None:
    source = ROOT / page
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", source.read_text(encoding="utf-8"))
    assert [target for target in targets if not (source.parent / target).exists()] == []
