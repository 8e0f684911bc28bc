"""What a name that people read may contain."""

import unicodedata

from django.core.exceptions import ValidationError

# Cc control, Cf format (bidirectional marks), Cs surrogate, Zl and Zp line and paragraph separators
REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Cf, but part of ordinary emoji and of several scripts
ALLOWED_FORMAT = frozenset({"\u200c", "\u200d"})


def printable(value: str) -> None:
    """Refuse control characters, line breaks, surrogates, text-direction marks and outer blanks."""
    if any(_is_refused(character) for character in value):
        raise ValidationError("Only printable characters, in one line.", code="not_printable")
    if value != value.strip():
        raise ValidationError("No blanks at the beginning or the end.", code="outer_blanks")


def _is_refused(character: str) -> bool:
    return character not in ALLOWED_FORMAT and unicodedata.category(character) in REFUSED_CATEGORIES
