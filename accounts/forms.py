from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from accounts import tokens
from accounts.models import ApiToken


class TokenForm(forms.ModelForm):
    """What is asked for a new API token."""

    days = forms.IntegerField(
        label="Lives for (days)",
        initial=tokens.DEFAULT_DAYS,
        min_value=1,
        max_value=tokens.MAX_DAYS,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    class Meta:
        model = ApiToken
        fields = ("name",)
