"""A name that people read is one line of printable text."""

import pytest
from django.core.exceptions import ValidationError

from groups.models import NodeGroup
from groups.validators import printable


@pytest.mark.parametrize(
    "name",
    ["", "Europe", "ключ", "Zoë 😀", "👩‍🔬", "two  blanks", 'Ada "the 13" L', r"C:\wg\new",
     "trailing\\", '{a="b"}', "x [Peer]", "%i`touch`", "می‌خواهم"],
)  # fmt: skip
def test_ordinary_text_of_any_script_is_accepted(name):
    printable(name)


@pytest.mark.parametrize(
    "name",
    ["line1\nline2", "x\r[Interface]", "nul\0byte", "tab\t", "\x1b[31m", "\x7f", "\x85", "\x9b",
     "\u2028", "\u2029", "\ud800", "\u202eevil", "\u2066x\u2069", "\ufeffx", "\u200bx", "\u00ad",
     " x", "x ", "\u00a0x", "x\u3000", "x\nPostUp = touch pwned"],
)  # fmt: skip
def test_control_characters_marks_and_outer_blanks_are_refused(name):
    with pytest.raises(ValidationError):
        printable(name)


@pytest.mark.parametrize("field", ["name", "region"])
def test_the_model_itself_refuses_a_line_break(field):
    group = NodeGroup(**{"name": "x", field: "x\nPostUp = touch pwned"})
    with pytest.raises(ValidationError) as refused:
        group.clean_fields()
    assert list(refused.value.message_dict) == [field]
