"""Keep key material out of logs."""

import logging
import re

# 32 bytes in base64: a WireGuard key, a preshared key or a node secret; and API tokens in headers
_KEY = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{43}=(?![A-Za-z0-9+/=])")
_TOKEN = re.compile(r"(?i)(authorization['\": ]+(?:token|bearer)\s+)\S+")
MASK = "[redacted]"


def redact(text: str) -> str:
    """Return `text` with everything that looks like a key or a token masked."""
    return _TOKEN.sub(rf"\1{MASK}", _KEY.sub(MASK, text))


class RedactingFormatter(logging.Formatter):
    """Masks key material in the whole line, arguments and traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
