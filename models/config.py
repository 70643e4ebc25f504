"""The settings of one installation: the environment first, then `scolabri.toml` in the data folder, then sane defaults.

Standard library only, so that it is read before anything else. The names are promises (README, Environment).
"""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SETTINGS = ("database_url", "mail_url", "base_url", "secret_key", "trusted_hosts", "trusted_proxies")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
FILE, KEY_FILE, DEMO_MARK, DATABASE_FILE = "scolabri.toml", "secret.key", "demo", "scolabri.sqlite3"


class ConfigError(ValueError):
    """A setting is wrong. Read on a console before any catalogue can be: the French line, then the English one."""

    def __init__(self, french: str, english: str) -> None:
        super().__init__(f"{french}\n{english}")


def load_config(env: Mapping[str, str] | None = None, data_folder: Path | str | None = None) -> dict[str, Any]:
    """What `create_app` needs: DATA, DATABASE_URL, MAIL_URL, BASE_URL, SECRET_KEY, TRUSTED_HOSTS, TRUSTED_PROXIES, DEMO.

    `data_folder` wins over SCOLABRI_DATA; the folder is made when missing (mode 700), the key file too (mode 600).
    Raises ConfigError, with the remedy, for anything that cannot be right.
    """
    env = os.environ if env is None else env
    data = Path(data_folder or env.get("SCOLABRI_DATA", "").strip() or "instance").expanduser().resolve()
    _make_folder(data)
    given = _read_file(data / FILE)
    for name in SETTINGS:
        value = env.get(f"SCOLABRI_{name.upper()}", "").strip()
        if value:
            given[name] = value
    base_url = _base_url(str(given.get("base_url", "")))
    hosts = _hosts(given.get("trusted_hosts", ""))
    if base_url and not _is_loopback(base_url) and not hosts:
        raise ConfigError(
            f"L’adresse {base_url} n’est pas locale : indiquer aussi les noms admis, SCOLABRI_TRUSTED_HOSTS=ecole.example.org.",
            f"The address {base_url} is not local: name the accepted hosts too, SCOLABRI_TRUSTED_HOSTS=school.example.org.",
        )
    return {
        "DATA": data,
        "DATABASE_URL": _database_url(str(given.get("database_url", "")), data),
        "MAIL_URL": _mail_url(str(given.get("mail_url", ""))),
        "BASE_URL": base_url,
        "SECRET_KEY": _secret_key(str(given.get("secret_key", "")), data / KEY_FILE),
        "TRUSTED_HOSTS": hosts or list(LOOPBACK),
        "TRUSTED_PROXIES": _count(given.get("trusted_proxies", 0)),
        "DEMO": (data / DEMO_MARK).is_file(),
    }


def refuse_open(config: Mapping[str, Any], address: str) -> None:
    """Refuse to listen on `address` when others can reach it and nothing says under which name; the demo never does."""
    if address in ("127.0.0.1", "localhost", "::1", "[::1]"):
        return
    if config.get("DEMO"):
        raise ConfigError(
            "La démonstration n’écoute que sur cette machine : ses mots de passe sont publics. Utiliser --host 127.0.0.1.",
            "The demo listens on this machine only: its passwords are public. Use --host 127.0.0.1.",
        )
    if not config.get("BASE_URL") or set(config.get("TRUSTED_HOSTS") or LOOPBACK) <= set(LOOPBACK):
        raise ConfigError(
            f"L’adresse {address} est ouverte aux autres machines : régler d’abord SCOLABRI_BASE_URL et SCOLABRI_TRUSTED_HOSTS.",
            f"The address {address} is open to other machines: set SCOLABRI_BASE_URL and SCOLABRI_TRUSTED_HOSTS first.",
        )


def _make_folder(data: Path) -> None:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise ConfigError(
            f"Le dossier de données {data} ne peut pas être créé ({problem.strerror}). En choisir un autre avec SCOLABRI_DATA.",
            f"The data folder {data} cannot be made ({problem.strerror}). Choose another one with SCOLABRI_DATA.",
        ) from problem


def _read_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        place = re.search(r"at line (\d+)", str(problem))
        line = place[1] if place else ""  # the rest is English, whoever reads
        raise ConfigError(
            f"{path} ne se lit pas{f' à la ligne {line}' if line else ''}. Le corriger, ou retirer le fichier.",
            f"{path} cannot be read{f' at line {line}' if line else ''}. Correct it, or remove the file.",
        ) from problem
    unknown = sorted(set(found) - set(SETTINGS))
    if unknown:
        raise ConfigError(
            f"{path} : réglage inconnu {', '.join(unknown)}. Sont admis : {', '.join(SETTINGS)}.",
            f"{path}: unknown setting {', '.join(unknown)}. Known are: {', '.join(SETTINGS)}.",
        )
    return found


def _database_url(url: str, data: Path) -> str:
    if not url:
        return f"sqlite:///{(data / DATABASE_FILE).as_posix()}"
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ConfigError(
            "SCOLABRI_DATABASE_URL doit commencer par sqlite:/// ou postgresql+psycopg://.",
            "SCOLABRI_DATABASE_URL must begin with sqlite:/// or postgresql+psycopg://.",
        )
    return url


def _mail_url(url: str) -> str:
    from models.mail_server import MailServer  # (maps tables: not before somebody asks for a configuration)

    try:
        if url:
            MailServer.from_url(url)
    except ValueError:
        raise ConfigError(
            "SCOLABRI_MAIL_URL doit être de la forme smtp://nom:motdepasse@serveur:587?tls=starttls ; vide, les courriels attendent.",
            "SCOLABRI_MAIL_URL must look like smtp://user:password@server:587?tls=starttls; empty, mails wait.",
        ) from None  # (the address holds a password)
    return url


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username):
        raise ConfigError(
            "SCOLABRI_BASE_URL doit être de la forme https://ecole.example.org, sans rien après.",
            "SCOLABRI_BASE_URL must look like https://school.example.org, with nothing after it.",
        )
    return url.rstrip("/")


def _is_loopback(base_url: str) -> bool:
    return urlsplit(base_url).hostname in ("127.0.0.1", "localhost", "::1")


def _hosts(value: Any) -> list[str]:
    names = value if isinstance(value, list) else str(value).replace(";", ",").split(",")
    hosts = [str(name).strip() for name in names if str(name).strip()]
    wrong = [name for name in hosts if "/" in name or "*" in name or " " in name]
    if wrong:
        raise ConfigError(
            f"SCOLABRI_TRUSTED_HOSTS attend des noms séparés par des virgules, sans http:// ni * : {wrong[0]}.",
            f"SCOLABRI_TRUSTED_HOSTS takes names separated by commas, without http:// or *: {wrong[0]}.",
        )
    return hosts


def _count(value: Any) -> int:
    text = str(value).strip()
    if not text.isdecimal() or int(text) > 5:
        raise ConfigError(
            "SCOLABRI_TRUSTED_PROXIES est le nombre de relais devant l’application : de 0 à 5.",
            "SCOLABRI_TRUSTED_PROXIES is the number of proxies in front of the application: 0 to 5.",
        )
    return int(text)


def _secret_key(key: str, path: Path) -> str:
    """The server's key: given, or the file's, made once. Sessions, codes and sealed texts die with it: it is backed up."""
    if not key:
        if not path.exists():
            _write_key(path)
        key = path.read_text(encoding="ascii").strip()
    if len(key) < 32:
        raise ConfigError(
            f"La clé secrète compte {len(key)} signes : il en faut au moins 32. Retirer SCOLABRI_SECRET_KEY pour qu’une clé soit créée.",
            f"The secret key has {len(key)} characters: at least 32 are needed. Remove SCOLABRI_SECRET_KEY to have one made.",
        )
    return key


def _write_key(path: Path) -> None:
    """Written aside, then linked into place: of two processes that start together, one key wins and none is half read."""
    aside = path.with_suffix(f".{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secrets.token_urlsafe(48) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
