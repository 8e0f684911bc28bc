"""Fields for lists that people type: words or networks, parted by commas, blanks or new lines."""

import re
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget


class ListField(forms.CharField):
    """A list of words."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "max_length": 2000, **kwargs})

    def to_python(self, value: Any) -> Any:
        return [word for word in re.split(r"[,\s]+", super().to_python(value) or "") if word]

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list | tuple) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or ()) != self.to_python(data)

    def run_validators(self, value: Any) -> None:
        """The core checks each element by the grammar of what it is."""

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], "required")


class LinesField(ListField):
    """A longer list, one element a line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value
