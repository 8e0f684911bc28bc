"""The next pin becomes the pin, once the agent has shown that certificate and signed an answer."""

import uuid

from django.db import transaction

from nodes.calling.pins import Pins
from nodes.models import Node

PROMOTED = "The agent shows its next certificate."


@transaction.atomic
def promote(node_id: uuid.UUID, pins: Pins) -> bool:
    """Keep only the next of `pins`; False where the row has other pins by now."""
    node = (
        Node.objects.select_for_update()
        .filter(pk=node_id, tls_pin=pins.current, next_tls_pin=pins.next)
        .first()
    )
    if node is None:
        return False
    node.tls_pin, node.next_tls_pin = pins.next, ""
    node._change_reason = PROMOTED  # type: ignore[attr-defined]  # read by simple_history
    node.save(update_fields=["tls_pin", "next_tls_pin", "updated_at"])
    return True
