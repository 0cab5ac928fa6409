"""Settings from the environment: derived, read from files, refused."""

from pathlib import Path

import pytest
from pydantic_settings import SettingsConfigDict

from shared.runtime.master_keys import load_master_keys
from shared.runtime.settings import ServiceSettings, SettingsRefused, load

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="PROVIDER_")


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("PROVIDER_ENVIRONMENT", "production")
    monkeypatch.setenv("PROVIDER_ISSUER", "https://provider.example")
    monkeypatch.setenv("PROVIDER_MASTER_KEY", KEY)
    return monkeypatch


def refused_settings(refusal: pytest.ExceptionInfo[SettingsRefused]) -> list[str]:
    return [error.pointer for error in refusal.value.errors]


def test_development_needs_no_setting_at_all(tmp_path: Path) -> None:
    settings = load(Settings, data_dir=tmp_path)
    assert settings.issuer == "http://127.0.0.1:8000"
    assert settings.database_url.get_secret_value() == f"sqlite:///{tmp_path / 'service.db'}"


def test_the_prefix_separates_two_services_on_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUMER_LISTEN_PORT", "8001")
    assert load(Settings).listen_port == 8000


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(Settings).listen_port = 1


def test_lists_are_written_with_blanks_or_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER_ALLOWED_NETWORKS", "10.1.0.0/16, fd00::/8")
    monkeypatch.setenv("PROVIDER_ALLOWED_ORIGINS", "http://127.0.0.1:8001 http://127.0.0.1:8002")
    settings = load(Settings)
    assert [str(network) for network in settings.allowed_networks] == ["10.1.0.0/16", "fd00::/8"]
    assert settings.allowed_origins == ("http://127.0.0.1:8001", "http://127.0.0.1:8002")


def test_a_secret_can_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    monkeypatch.setenv("PROVIDER_SMTP_PASSWORD_FILE", str(tmp_path / "password"))
    assert load(Settings).smtp_password.get_secret_value() == "correct horse"


def test_a_value_and_a_file_for_the_same_setting_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROVIDER_SMTP_PASSWORD", "one")
    monkeypatch.setenv("PROVIDER_SMTP_PASSWORD_FILE", str(tmp_path / "password"))
    with pytest.raises(SettingsRefused):
        load(Settings)


def test_a_secret_file_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROVIDER_MASTER_KEY_FILE", str(tmp_path / "missing"))
    with pytest.raises(SettingsRefused):
        load(Settings)


def test_a_refusal_names_the_setting_and_never_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER_LISTEN_PORT", "canary")
    with pytest.raises(SettingsRefused) as refusal:
        load(Settings)
    assert refused_settings(refusal) == ["PROVIDER_LISTEN_PORT"]
    assert "canary" not in str(refusal.value)


def test_production_with_everything_set_starts(production: pytest.MonkeyPatch) -> None:
    assert load(Settings).environment == "production"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ISSUER", "http://provider.example"),
        ("ISSUER", "https://Provider.example/"),
        ("ISSUER", ""),
        ("MASTER_KEY", ""),
        ("ALLOWED_ORIGINS", "http://127.0.0.1:8001"),
    ],
)
def test_production_refuses_what_is_insecure(production: pytest.MonkeyPatch, name: str, value: str) -> None:
    production.setenv(f"PROVIDER_{name}", value)
    with pytest.raises(SettingsRefused) as refusal:
        load(Settings)
    assert refused_settings(refusal) == [f"PROVIDER_{name}"]


def test_production_refuses_a_mail_password_in_the_clear_and_a_missing_sender(production: pytest.MonkeyPatch) -> None:
    production.setenv("PROVIDER_SMTP_HOST", "mail.example")
    production.setenv("PROVIDER_SMTP_USER", "exchange")
    production.setenv("PROVIDER_SMTP_SECURITY", "none")
    with pytest.raises(SettingsRefused) as refusal:
        load(Settings)
    assert refused_settings(refusal) == ["PROVIDER_SMTP_SECURITY", "PROVIDER_SMTP_SENDER"]


def test_development_makes_its_master_key_once_and_keeps_it_private(tmp_path: Path) -> None:
    settings = load(Settings, data_dir=tmp_path / "new")
    assert load_master_keys(settings) == load_master_keys(settings)
    assert (tmp_path / "new" / "master.key").stat().st_mode & 0o077 == 0


def test_earlier_master_keys_follow_the_one_that_seals(tmp_path: Path) -> None:
    settings = load(Settings, data_dir=tmp_path, master_key=KEY, previous_master_keys="A" * 43 + "=")
    (first, key), (second, _) = load_master_keys(settings)
    assert key == b"0123456789abcdef0123456789abcdef"
    assert first != second


def test_a_master_key_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused) as refusal:
        load_master_keys(load(Settings, data_dir=tmp_path, master_key="c2hvcnQ="))
    assert refusal.value.code == "master_key"
