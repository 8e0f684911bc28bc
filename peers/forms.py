"""What an operator types for a peer. Whether it can be so is for the core to say."""

from typing import Any

from django import forms
from django.db import transaction
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.actor import Actor
from groups.models import NodeGroup
from peers import changing
from peers.creation.creating import Where
from peers.errors import Refused
from peers.form_fields import LinesField, ListField
from peers.models import Peer

KEYS = (
    ("panel", "The panel makes it and shows it once"),
    ("browser", "This browser makes it; the panel never sees it"),
    ("client", "The device has one: I paste its public key"),
)


class NewPeerForm(forms.Form):
    name = forms.CharField(max_length=64, widget=UnfoldAdminTextInputWidget)
    group = forms.ModelChoiceField(
        NodeGroup.objects.order_by("name"), required=False, empty_label="The whole fleet",
        label="Within", widget=UnfoldAdminSelectWidget,
        help_text="The panel chooses the least loaded node there.",
    )  # fmt: skip
    node = forms.CharField(
        required=False, max_length=64, widget=UnfoldAdminTextInputWidget,
        help_text="The name of a node, if it must be that one.",
    )  # fmt: skip
    keys = forms.ChoiceField(
        choices=KEYS, initial="panel", label="Private key", widget=UnfoldAdminRadioSelectWidget
    )
    public_key = forms.CharField(
        required=False, max_length=44, label="Public key of the device",
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )  # fmt: skip
    expires_at = forms.SplitDateTimeField(
        required=False, label="Expires", widget=UnfoldAdminSplitDateTimeWidget,
        help_text="In UTC. Empty: never.",
    )  # fmt: skip
    tags = ListField(help_text="Words, separated by commas.")
    notes = forms.CharField(
        required=False, max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )
    addresses = ListField(help_text="Empty: the next free ones.")
    routed_networks = LinesField(
        label="Networks behind it", help_text="One a line, for a site. Needs a right of its own."
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("keys") in ("browser", "client") and not found.get("public_key"):
            self.add_error("public_key", "The public key of the device is missing.")
        return found

    @property
    def where(self) -> Where:
        """Where the peer shall be."""
        group, node = self.cleaned_data["group"], self.cleaned_data["node"].strip()
        return Where(strategy=node or "auto", group=str(group.pk) if group else None)

    @property
    def wish(self) -> dict[str, Any]:
        """What the peer shall be: the fields of `wishes.Wish`."""
        given = self.cleaned_data
        names = ("name", "expires_at", "tags", "notes", "addresses", "routed_networks")
        key = None if given["keys"] == "panel" else given["public_key"].strip()
        return {name: given[name] for name in names} | {"public_key": key}

    def refuse(self, error: Refused) -> None:
        """Say at its field why the core refuses the peer; at the top where there is no field."""
        self.add_error(error.field if error.field in self.fields else None, error.sentence)


class PeerForm(forms.ModelForm):
    """A peer's own settings. `actor` is set by the page before the form is used."""

    actor: Actor = None
    tags = ListField(help_text="Words, separated by commas.")
    routed_networks = LinesField(
        label="Networks behind it", help_text="One a line, for a site. Needs a right of its own."
    )

    class Meta:
        model = Peer
        fields = ("name", "expires_at", "tags", "notes", "keepalive", "routed_networks")
        help_texts = {"expires_at": "In UTC. Empty: never."}

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if not self.errors:
            self._rehearse(found)
        return found

    def _rehearse(self, found: dict[str, Any]) -> None:
        """Make the change and take it back, so that a refusal is told at its field."""
        wanted = {name: found[name] for name in self.changed_data}
        with transaction.atomic():
            try:
                changing.change(self.actor, self.instance, **wanted)
            except Refused as error:
                self.add_error(error.field if error.field in self.fields else None, error.sentence)
            transaction.set_rollback(True)
