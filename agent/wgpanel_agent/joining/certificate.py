"""The agent's own certificate: who shows it holds its key, and nothing else is asked of it.

Nobody signs it and its dates carry no meaning: the panel knows it by its SHA-256, the pin.
"""

import datetime as dt
import hashlib
import os
import ssl
from pathlib import Path

KEY_FILE, CERTIFICATE_FILE = "agent.key", "agent.crt"
# RFC 5280 section 4.1.2.5: a certificate without a meaningful end
FIRST_DAY, LAST_DAY = dt.datetime(2000, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001


def make(folder: Path, name: str = "wgpanel-agent") -> None:
    """Write a new key (mode 0600) and its certificate into `folder`, in place of older ones.

    Needs the extra `enrol`; a running agent never comes here. Raises OSError.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(FIRST_DAY)
        .not_valid_after(LAST_DAY)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(folder / KEY_FILE, secret, 0o600)
    _write(folder / CERTIFICATE_FILE, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    """In one step: who reads meanwhile finds the old file or the new one, whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def pin_of_file(path: Path) -> str:
    """The pin that the panel keeps: SHA-256 of the certificate, as 64 hexadecimal digits.

    Raises OSError, or ValueError where the file holds no certificate.
    """
    first, footer, _ = path.read_text("ascii").partition(ssl.PEM_FOOTER)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first + footer)).hexdigest()
