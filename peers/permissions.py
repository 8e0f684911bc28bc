"""Rights on peers beside those that every model has."""

from accounts.permissions import StaffModelPermissions

VIEW_CONFIGURATION = "peers.view_configuration"
_HAND_OUT = ["peers.view_peer", VIEW_CONFIGURATION]


class HandOutPermissions(StaffModelPermissions):
    """Whatever shows or gives away a configuration, and with it keys, needs its own right."""

    perms_map = {**dict.fromkeys(StaffModelPermissions.perms_map, _HAND_OUT), "OPTIONS": []}
