"""Who may do what through the REST API: deny by default."""

from typing import Any

from rest_framework import permissions


class StaffModelPermissions(permissions.DjangoModelPermissions):
    """Staff only, and each act needs the model permission of that act; reading needs `view`."""

    perms_map = {
        **permissions.DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
    }

    def has_permission(self, request: Any, view: Any) -> bool:
        return bool(request.user and request.user.is_staff) and super().has_permission(
            request, view
        )
