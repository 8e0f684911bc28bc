"""The TLS that the agent speaks: 1.2 or later, with its own certificate, which the panel pins."""

import ssl
from pathlib import Path
from typing import NamedTuple

from wgpanel_agent.joining.certificate import CERTIFICATE_FILE, KEY_FILE

FOLDER = "tls"  # within the state directory


class BadCertificate(Exception):
    """One sentence on what is wrong with the certificate or its key, and what to do."""


class Identity(NamedTuple):
    """The files of what the agent shows and what proves that it is the agent's."""

    certificate: Path
    key: Path


def find(state_dir: Path, certificate: Path | None, key: Path | None) -> Identity | None:
    """The files that are named, else those that joining left, else none.

    Raises BadCertificate for half a pair, and for a key that others may read.
    """
    if (certificate is None) != (key is None):
        raise BadCertificate("tls_certificate_file and tls_key_file belong together: set both")
    made = Identity(state_dir / FOLDER / CERTIFICATE_FILE, state_dir / FOLDER / KEY_FILE)
    if certificate is None or key is None:
        if not made.certificate.exists():
            return None
        certificate, key = made
    _refuse_open(key)
    return Identity(certificate, key)


def _refuse_open(key: Path) -> None:
    try:
        mode = key.stat().st_mode & 0o777
    except OSError as error:
        raise BadCertificate(f"cannot read the TLS key {key}: {error.strerror}") from error
    if mode & 0o077:
        raise BadCertificate(f"others may read {key} (mode {mode:04o}); run: chmod 600 {key}")


def server_context(identity: Identity) -> ssl.SSLContext:
    """Raises BadCertificate where the files cannot be used, or are not of one another."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The panel keeps connections, not sessions: tickets would be made for nobody.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    try:
        context.load_cert_chain(identity.certificate, identity.key)
    except OSError as error:
        raise BadCertificate(
            f"cannot use {identity.certificate} with {identity.key}: {error.strerror or error}"
        ) from error
    return context


def client_context() -> ssl.SSLContext:
    """Trusts nobody and checks nothing: whoever uses it compares the certificate with a pin."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
