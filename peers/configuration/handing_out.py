"""A peer's file as a page shows it: text, code and name; noted as delivered."""

from base64 import b64encode
from dataclasses import dataclass, field

from django.views.decorators.debug import sensitive_variables

from peers.configuration import delivery, qr
from peers.configuration.client_conf import PLACEHOLDER, NoClientConf
from peers.models import Peer


@dataclass(frozen=True, slots=True)
class HandedOut:
    """What a person takes away. Without a file `obstacle` says why, and so for the code."""

    peer: Peer
    name: str = ""
    text: str = field(default="", repr=False)
    is_complete: bool = False
    code: str = field(default="", repr=False)
    warning: str = ""
    obstacle: str = ""
    placeholder: str = PLACEHOLDER

    @property
    def data_url(self) -> str:
        """The file as a link that needs no second request (RFC 2397)."""
        return f"data:application/octet-stream;base64,{b64encode(self.text.encode()).decode()}"


@sensitive_variables()
def handed_out(peer: Peer, private_key: str | None = None) -> HandedOut:
    """Deliver the file of `peer`, as it is, with a key that the panel may not have stored."""
    present = Peer.objects.select_related("interface__node").get(pk=peer.pk)
    try:
        file = delivery.deliver(present, private_key)
    except NoClientConf as error:
        return HandedOut(present, obstacle=str(error))
    complete = file.conf.is_complete
    try:
        code = qr.of_conf(file.conf)
    except qr.NoQrCode as error:
        return HandedOut(present, file.name, file.text, complete, warning=str(error))
    return HandedOut(present, file.name, file.text, complete, code.svg, code.warning)
