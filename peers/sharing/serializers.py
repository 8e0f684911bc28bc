from django.utils import timezone
from rest_framework import serializers

from peers.models import ShareLink
from peers.sharing import links as share_links


class ShareLinkSerializer(serializers.ModelSerializer[ShareLink]):
    """A link as it can be shown again: without its secret."""

    created_by = serializers.CharField(
        source="created_by.username", read_only=True, allow_null=True, default=None
    )
    has_pin = serializers.SerializerMethodField()
    is_usable = serializers.SerializerMethodField(help_text="Somebody can still take the file.")

    class Meta:
        model = ShareLink
        fields = (
            "lookup", "has_pin", "is_usable", "uses_left", "used_at", "expires_at", "created_by",
            "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_has_pin(self, link: ShareLink) -> bool:
        return bool(link.pin_hash)

    def get_is_usable(self, link: ShareLink) -> bool:
        tries_left = link.pin_tries < share_links.MOST_PIN_TRIES
        return tries_left and link.uses_left > 0 and link.expires_at > timezone.now()


class NewLinkSerializer(ShareLinkSerializer):
    """A new link; its address is shown in this answer and never again."""

    url = serializers.CharField(read_only=True, help_text="Shown once: the secret is not stored.")

    class Meta(ShareLinkSerializer.Meta):
        fields = (*ShareLinkSerializer.Meta.fields, "url")  # type: ignore[assignment]


class LinkWishSerializer(serializers.Serializer):
    hours = serializers.IntegerField(
        default=share_links.DEFAULT_HOURS, min_value=1, max_value=share_links.MOST_HOURS
    )
    uses = serializers.IntegerField(default=1, min_value=1, max_value=share_links.MOST_USES)
    pin = serializers.CharField(
        default="", allow_blank=True, max_length=12, write_only=True, help_text="4 to 12 digits."
    )


class RevokedSerializer(serializers.Serializer):
    revoked = serializers.IntegerField(help_text="How many links could still be used.")
