"""Who may do what through the REST API: deny by default."""

from typing import Any

from rest_framework import exceptions, permissions
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from accounts.sessions import is_fresh

VIEW = ["%(app_label)s.view_%(model_name)s"]
CHANGE = ["%(app_label)s.change_%(model_name)s"]


class StaffModelPermissions(permissions.DjangoModelPermissions):
    """Staff only, and each act needs the model permission of that act; reading needs `view`."""

    perms_map = {
        **permissions.DjangoModelPermissions.perms_map,
        "GET": VIEW,
        "HEAD": VIEW,
    }

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.is_staff) and super().has_permission(
            request, view
        )


class ViewPermissions(StaffModelPermissions):
    """For questions that need a body: a POST changes nothing, so it needs `view`."""

    perms_map = {**StaffModelPermissions.perms_map, "POST": VIEW}


class ChangePermissions(StaffModelPermissions):
    """For acts on what exists already: a POST creates nothing, so it needs `change`."""

    perms_map = {**StaffModelPermissions.perms_map, "POST": CHANGE}


class PasswordNeeded(exceptions.PermissionDenied):
    default_code = "password_needed"
    default_detail = (
        "An open session is not enough for this: type your password at /admin/confirm/, then send"
        " the request again. An API token needs none."
    )


def check_password_typed(request: Request) -> None:
    """Raise PasswordNeeded for a session in which nobody typed the password just now.

    A token has its rights and no password: what a program may do is decided where it is made.
    """
    is_session = isinstance(request.successful_authenticator, SessionAuthentication)
    if is_session and not is_fresh(request._request):
        raise PasswordNeeded
