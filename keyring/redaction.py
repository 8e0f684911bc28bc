"""Keep key material out of logs."""

import logging
import re

MASK = "[redacted]"
_RULES = (
    # 32 bytes in base64: a WireGuard key, a preshared key or a node's secret
    (re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{43}=(?![A-Za-z0-9+/=])"), MASK),
    # an API token, and whatever credentials a header carries
    (re.compile(r"wgp_[0-9a-f]{16,}"), MASK),
    (re.compile(r"(?i)(authorization['\": ]+(?:token|bearer|basic)\s+)\S+"), rf"\1{MASK}"),
    # a named value, as in JSON, in repr() of a dict, in a form or in a configuration
    (
        re.compile(
            r"(?i)(\b(?:secret|password|(?:private|preshared)_?key|psk)['\"]?\s*[:=]\s*['\"]?)"
            r"[^\s'\",;&}]+"
        ),
        rf"\1{MASK}",
    ),
)


def redact(text: str) -> str:
    """Return `text` with everything that looks like a key, a token or a password masked."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Masks key material in the whole line, arguments and traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
