"""How people name a group: by its id or by its name."""

import uuid

from django.core.exceptions import ValidationError

from groups.models import NodeGroup
from groups.validators import printable


def find(reference: str) -> NodeGroup:
    """Return the group with this id or, if there is none, this name.

    Raises NodeGroup.DoesNotExist; also for text that no name can be, such as a NUL byte.
    """
    try:
        printable(reference)
    except ValidationError as error:
        raise NodeGroup.DoesNotExist from error
    return _with_id(reference) or NodeGroup.objects.get(name=reference)


def _with_id(reference: str) -> NodeGroup | None:
    try:
        return NodeGroup.objects.filter(pk=uuid.UUID(reference)).first()
    except ValueError:
        return None
