from rest_framework import serializers

from peers.models import AddressReservation
from peers.pools.networks import Claim

ADDRESS = 39  # characters of an IPv6 address


class ReservationSerializer(serializers.ModelSerializer[AddressReservation]):
    """Addresses of a pool that no peer gets unless an operator names one; both ends belong to it.

    Without `last` it is one address.
    """

    first = serializers.CharField(max_length=ADDRESS, source="first_address")
    last = serializers.CharField(max_length=ADDRESS, source="last_address", required=False)

    class Meta:
        model = AddressReservation
        fields = ("id", "family", "first", "last", "note")
        read_only_fields = ("id", "family")


class ClaimSerializer(serializers.Serializer[Claim]):
    pool = serializers.CharField(source="network")
    interface = serializers.UUIDField(source="interface_id")
    what = serializers.CharField(help_text="Whose pool it is, in words.")


class OverlapSerializer(serializers.Serializer):
    """Pools of different interfaces that overlap; the widest comes first."""

    pools = ClaimSerializer(many=True)
