"""What an operator types for a node."""

from typing import Any, cast

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminPasswordToggleWidget, UnfoldAdminSelectWidget

from groups.models import NodeGroup
from keyring.fields import Secret
from keyring.sealing import SecretLocked
from nodes.models import Node
from nodes.validators import agent_secret

HINTS = {
    "new": "32 characters or more, the same as on the node. It is never shown again after saving.",
    "set": "A secret is set. Leave this empty to keep it; what you type replaces it.",
    "not set": "No secret is set: the node cannot be polled.",
    "locked": "The stored secret is locked: the key it was sealed with is not configured, or the"
    " row was altered. Type the secret again.",
}


def secret_state(node: Node) -> str:
    """Return `set`, `not set` or `locked`."""
    secret = cast(Secret | None, node.secret)
    if secret is None:
        return "not set"
    try:
        secret.reveal()
    except SecretLocked:
        return "locked"
    return "set"


class NodeForm(forms.ModelForm):
    """A node's settings; its secret goes in and never comes out."""

    new_secret = forms.CharField(
        label="Secret",
        required=False,
        max_length=512,
        validators=[agent_secret],
        widget=UnfoldAdminPasswordToggleWidget(
            attrs={"autocomplete": "new-password", "spellcheck": "false", "data-secret": ""}
        ),
    )

    class Meta:
        model = Node
        fields = (
            "name", "group", "agent_url", "tls_pin", "next_tls_pin", "allow_plain_http",
            "enabled", "maintenance", "weight", "max_peers",
        )  # fmt: skip
        help_texts = {"agent_url": "For example https://198.51.100.7:8080"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "new_secret" not in self.fields:  # shown to somebody who may only look
            return
        field, added = self.fields["new_secret"], self.instance._state.adding
        field.required = added
        field.help_text = _help(HINTS["new" if added else secret_state(self.instance)])


def _help(text: str) -> SafeString:
    return format_html(
        '{} <span class="wg-actions"><button type="button" class="wg-button" data-generate>Generate'
        '</button> <button type="button" class="wg-button" data-copy-secret>Copy</button></span>',
        text,
    )


class GroupChoiceForm(forms.Form):
    """Where the chosen nodes go; empty means into no group."""

    group = forms.ModelChoiceField(
        NodeGroup.objects.all(),
        required=False,
        empty_label="Without a group",
        widget=UnfoldAdminSelectWidget,
    )
