"""What an operator types for an interface. Whether it can be so is for the core to say."""

from typing import Any

from django import forms
from django.db import transaction

from accounts.actor import Actor
from nodes.models import Interface
from peers.errors import Refused
from peers.interfaces import shaping
from peers.interfaces.shaping import CHANGEABLE

FIRST = ("node", "name")
HELP = {
    "name": "For example wg0.",
    "listen_port": "UDP; the node's firewall must let it in.",
    "policy": "What the node does by itself about what was changed by hand.",
    "pool_v4": "For example 10.20.0.0/16. Each peer gets one address of each pool.",
    "pool_v6": "For example fd12:3456::/64.",
    "client_allowed_ips": "What goes through the tunnel: all traffic, or networks with commas.",
    "dns": "Servers and search domains, separated by commas; empty: clients keep theirs.",
    "out_interface": "Where masqueraded traffic leaves; empty: wherever its route leads.",
    "mtu": "Empty: as the node finds it.",
    "fwmark": "A number for policy routing; empty: none.",
    "table": "Of the routes: a number, auto or off; empty: as wg-quick does.",
}


class InterfaceForm(forms.ModelForm):
    """`actor` is set by the page before the form is used."""

    actor: Actor = None

    class Meta:
        model = Interface
        fields = (*FIRST, *sorted(CHANGEABLE))
        help_texts = HELP

    @property
    def wanted(self) -> dict[str, Any]:
        """The settings that were typed."""
        names = CHANGEABLE & (set(self.changed_data) | self._typed_first())
        return {name: self.cleaned_data[name] for name in names}

    def save(self, commit: bool = True) -> Interface:
        """Create or change the interface, at once; `commit` is of no matter."""
        return self.carry_out()

    def save_m2m(self) -> None:
        """There is nothing besides the row."""

    def carry_out(self) -> Interface:
        """Create or change the interface; raises InterfaceRefused."""
        if not self.instance._state.adding:
            return shaping.change(self.actor, self.instance, **self.wanted)
        given = self.cleaned_data
        return shaping.create(self.actor, given["node"], given["name"], **self.wanted)

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if not self.errors:
            self._rehearse()
        return found

    def _post_clean(self) -> None:
        """The core checks the row; what was typed must not be in it before."""

    def _typed_first(self) -> set[str]:
        """A new interface takes all fields as they stand in the form."""
        return set(self.cleaned_data) - {"accepts_peers"} if self.instance._state.adding else set()

    def _rehearse(self) -> None:
        """Do it and take it back, so that a refusal is told at its field."""
        with transaction.atomic():
            try:
                self.carry_out()
            except Refused as error:
                self.add_error(error.field if error.field in self.fields else None, error.sentence)
            transaction.set_rollback(True)
