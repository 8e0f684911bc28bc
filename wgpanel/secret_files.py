"""Where the panel's own secrets come from: the environment, a named file, a systemd
credential, or the state directory.

Nothing here has a default value: a secret that is missing stops the start with the way out.
`python -m wgpanel.secret_files DIR` creates those that are missing, readable by the owner only.
"""

import os
import secrets
import sys
import tempfile
from base64 import b64decode, b64encode
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

MIN_BYTES = KEY_BYTES = 32
NAMES = ("WGPANEL_SECRET_KEY", "WGPANEL_FIELD_KEY")
OPTIONAL = ("WGPANEL_FIELD_KEY_OLD",)
NEW_BYTES = {"WGPANEL_SECRET_KEY": 48, "WGPANEL_FIELD_KEY": KEY_BYTES}  # Django wants 50 letters
KNOWN_DEFAULTS = ("change-me", "changeme", "secret", "insecure", "default", "example", "password")


def obtain(name: str, state_dir: Path) -> str:
    """Return the secret `name`; raise ImproperlyConfigured when it is missing or weak."""
    value = _read(name, state_dir)
    if len(value.encode()) < MIN_BYTES:
        raise ImproperlyConfigured(
            f"{name} must be at least {MIN_BYTES} bytes; {_way_out(state_dir)}"
        )
    if any(word in value.lower() for word in KNOWN_DEFAULTS):
        raise ImproperlyConfigured(f"{name} looks like a known default; {_way_out(state_dir)}")
    return value


def obtain_key(name: str, state_dir: Path) -> str:
    """Return the key `name` in base64; raise ImproperlyConfigured unless it is 32 bytes."""
    value = obtain(name, state_dir)
    try:
        raw = b64decode(value, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ImproperlyConfigured(
            f"{name} must be {KEY_BYTES} bytes in base64; {_way_out(state_dir)}"
        )
    return value


def optional_key(name: str, state_dir: Path) -> tuple[str, ...]:
    """Return the key `name` if it is set, by itself or as a file; it must be a good one then."""
    is_set = any(os.environ.get(variable) for variable in (name, f"{name}_FILE"))
    is_there = is_set or _found(name, state_dir).exists()
    return (obtain_key(name, state_dir),) if is_there else ()


def whereabouts(name: str, state_dir: Path) -> str:
    """Say where the secret `name` was read from."""
    if os.environ.get(name):
        return f"the environment variable {name}"
    return str(_path(name, state_dir))


def _path(name: str, state_dir: Path) -> Path:
    return Path(os.environ.get(f"{name}_FILE") or _found(name, state_dir))


def _read(name: str, state_dir: Path) -> str:
    if value := os.environ.get(name):
        return value
    path = _path(name, state_dir)
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name} is not set and {path} cannot be read ({error.strerror}); {_way_out(state_dir)}"
        ) from error
    except UnicodeDecodeError as error:
        raise ImproperlyConfigured(f"{path} is not text; {_way_out(state_dir)}") from error


def _found(name: str, state_dir: Path) -> Path:
    """Return the credential that systemd handed to this unit (systemd.exec(5)), else the file."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    credential = Path(folder) / name.lower() if folder else None
    return credential if credential and credential.exists() else _default_path(name, state_dir)


def _default_path(name: str, state_dir: Path) -> Path:
    return state_dir / "keys" / name.lower()


def _way_out(state_dir: Path) -> str:
    return (
        "set it in the environment, name a file in the variable with _FILE behind its name, "
        f"or run `python -m wgpanel.secret_files {state_dir}` to create it"
    )


def create_missing(state_dir: Path) -> list[str]:
    """Create each missing secret below `state_dir`; return the names that were created."""
    for folder in (state_dir, state_dir / "keys"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [name for name in NAMES if _create(_default_path(name, state_dir), NEW_BYTES[name])]


def _create(path: Path, length: int) -> bool:
    """Write a new secret to `path`, whole or not at all; False when there is one."""
    if path.exists():
        return False
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".") as draft:
        draft.write(b64encode(secrets.token_bytes(length)).decode() + "\n")
        draft.flush()
        os.fsync(draft.fileno())
        try:
            os.link(draft.name, path)  # unlike a rename, never replaces what another start wrote
        except FileExistsError:
            return False
    return True


if __name__ == "__main__":
    for created in create_missing(Path(sys.argv[1])):
        sys.stderr.write(f"created {created.lower()} in {sys.argv[1]}/keys\n")
