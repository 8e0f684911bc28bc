"""What is kept of the pools of an interface, as its page shows and changes it."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from nodes.models import Interface
from peers.errors import Refused
from peers.models import AddressReservation
from peers.pools import reservations


def pool_context(interface: Interface) -> dict[str, Any]:
    """Reservations, and who holds an outdated file."""
    return {
        "reservations": interface.reservations.select_related("interface"),
        "outdated": interface.peers.existing().outdated().count(),
    }


class PoolPages:
    has_change_permission: Callable[..., bool]

    @method_decorator(require_POST)
    def reserve_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        interface = self._interface(request, pk)
        first = request.POST.get("first", "").strip()
        last, note = request.POST.get("last", "").strip(), request.POST.get("note", "").strip()
        try:
            made = reservations.add(interface, first, last or first, note)
            messages.success(request, f"{made} is kept from peers.")
        except Refused as error:
            messages.error(request, error.sentence)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return redirect("admin:nodes_interface_change", pk)

    @method_decorator(require_POST)
    def unreserve_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        interface, number = self._interface(request, pk), request.POST.get("reservation", "")
        wanted = int(number) if number.isdecimal() and len(number) <= 18 else 0
        row = AddressReservation.objects.filter(interface=interface, pk=wanted).first()
        if row is not None:
            reservations.drop(row)
            messages.success(request, "Peers may get these addresses again.")
        return redirect("admin:nodes_interface_change", pk)

    def _interface(self, request: HttpRequest, pk: uuid.UUID) -> Interface:
        if not self.has_change_permission(request):
            raise PermissionDenied
        return get_object_or_404(Interface.objects.present(), pk=pk)
