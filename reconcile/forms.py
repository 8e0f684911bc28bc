"""What an operator chooses for the differences of many interfaces."""

from typing import Self

from django import forms
from django.http import HttpRequest
from unfold.widgets import UnfoldBooleanWidget

from reconcile.decisions.plans import Flags


def _choice(label: str) -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, widget=UnfoldBooleanWidget)


class FlagsForm(forms.Form):
    """The choice for all differences of a kind."""

    reconcile_missing = _choice("Give nodes the peers that they lack")
    reconcile_mismatched = _choice("Set right what nodes have otherwise")
    remove_unknown = _choice("Remove peers that the panel does not know")

    @classmethod
    def sent(cls, request: HttpRequest) -> Self:
        """As chosen on the page; at first the choice that removes nothing."""
        if "previewed" in request.POST:
            return cls(request.POST)
        default = Flags()
        return cls({name: getattr(default, name) for name in cls.base_fields})

    @property
    def flags(self) -> Flags:
        self.full_clean()
        return Flags(**self.cleaned_data)
