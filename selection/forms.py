"""What an operator asks about the next peers."""

from django import forms

from groups.models import NodeGroup
from selection.outlook import MOST
from selection.pool import AUTO, PRIORITY

STRATEGIES = {AUTO: "Lowest score", PRIORITY: "Groups by priority, then score"}


class QuestionForm(forms.Form):
    """All of it may be left out: then it is the next peer, anywhere, by score."""

    group = forms.ModelChoiceField(
        NodeGroup.objects.all(), required=False, empty_label="The whole fleet"
    )
    strategy = forms.ChoiceField(choices=list(STRATEGIES.items()), required=False)
    peers = forms.IntegerField(min_value=1, max_value=MOST, required=False, label="Next peers")

    def clean_strategy(self) -> str:
        return self.cleaned_data["strategy"] or AUTO

    def clean_peers(self) -> int:
        return self.cleaned_data["peers"] or 1
