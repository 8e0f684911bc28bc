"""What an operator chooses for a node that is to join."""

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from nodes.enrolment.join_token import DEFAULT_MINUTES, MOST_MINUTES, JoinToken


class JoinTokenForm(forms.ModelForm):
    minutes = forms.IntegerField(
        label="Good for",
        initial=DEFAULT_MINUTES,
        min_value=1,
        max_value=MOST_MINUTES,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Minutes until the line is worth nothing.",
    )

    class Meta:
        model = JoinToken
        fields = ("name", "group", "weight", "max_peers", "dial_url", "source", "wants_approval")
