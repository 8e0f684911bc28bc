from rest_framework import serializers


class TargetSerializer(serializers.Serializer):
    """One node in Prometheus' HTTP service discovery."""

    targets = serializers.ListField(
        child=serializers.CharField(), help_text="ADDRESS:PORT of the agent."
    )
    labels = serializers.DictField(
        child=serializers.CharField(allow_blank=True),
        help_text="`node`, `group`, `region`; `__scheme__`, `__metrics_path__`, `__meta_wgpanel_…`",
    )
