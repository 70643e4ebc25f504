"""Settings: where they come from, the secret key, what stops the start."""

import os

import pytest

from models.config import ConfigError, load_config


def test_settings_come_from_the_environment_then_the_file_then_defaults(tmp_path):
    (tmp_path / "scolabri.toml").write_text('mail_url = "smtp://mail.example.org:587?tls=starttls"\nbase_url = "http://localhost:9000/"\n')
    settings = load_config({"SCOLABRI_BASE_URL": "http://127.0.0.1:8001"}, tmp_path)
    assert settings["MAIL_URL"].startswith("smtp://mail")
    assert settings["BASE_URL"] == "http://127.0.0.1:8001"
    assert settings["DATABASE_URL"] == f"sqlite:///{tmp_path}/scolabri.sqlite3"
    assert settings["TRUSTED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]"]
    assert not settings["DEMO"]


def test_the_secret_key_is_made_once_and_closed_to_others(tmp_path):
    first = load_config({}, tmp_path / "new" / "data")["SECRET_KEY"]
    assert load_config({"SCOLABRI_DATA": str(tmp_path / "new" / "data")})["SECRET_KEY"] == first
    assert len(first) >= 32
    if os.name == "posix":
        assert (tmp_path / "new" / "data" / "secret.key").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "new" / "data").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("DATABASE_URL", "mysql://root@host/db"),
        ("MAIL_URL", "mail.example.org"),
        ("BASE_URL", "ecole.example.org"),
        ("BASE_URL", "https://ecole.example.org"),
        ("TRUSTED_HOSTS", "https://ecole.example.org"),
        ("TRUSTED_HOSTS", "*"),
        ("TRUSTED_PROXIES", "many"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_remedy(tmp_path, name, value):
    with pytest.raises(ConfigError) as told:
        load_config({f"SCOLABRI_{name}": value}, tmp_path)
    french, english = str(told.value).split("\n")
    assert french != english
    assert value not in str(told.value) or name != "SECRET_KEY"


@pytest.mark.parametrize(
    ("content", "said"), [("base_url = \n", "à la ligne 1. Le corriger"), ('bas_url = "x"', "bas_url"), (b"\xff\xfe", "ne se lit pas. Le")]
)
def test_a_broken_settings_file_stops_the_start(tmp_path, content, said):
    (tmp_path / "scolabri.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=r"scolabri\.toml") as told:
        load_config({}, tmp_path)
    assert said in str(told.value)
