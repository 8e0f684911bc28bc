"""A node that joins, as the panel hears it: every byte as `wgpanel-agent enrol` would send it."""

import json
from dataclasses import dataclass, field
from typing import Any

from rest_framework.test import APIClient
from wgpanel_agent.proof import Agreement, Share, Token, prove_hello

from nodes.enrolment import making
from nodes.enrolment.join_token import JoinToken

ENROL = "/api/v1/enrol/"


def make_token(by: Any = None, **fields: Any) -> tuple[JoinToken, str]:
    return making.make(by, **fields)


def make_hello(token: str, share: Share, fields: dict[str, Any]) -> str:
    told = {
        "protocol": 1, "token": Token.parse(token).lookup, "share": share.public, "host": "fra1",
        "version": "1.0.0", "port": 8080, "agent_url": "", "tls_pin": "",
        "panel_url": "http://testserver", "panel_pin": "", "node_id": "", "managed": ["wg0"],
        "interfaces": [],
    }  # fmt: skip
    return json.dumps({**told, **fields})


@dataclass
class Joiner:
    """A node with a token; it sends the same bytes each time."""

    token: str
    told: dict[str, Any] = field(default_factory=dict)
    address: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self.share = Share.new()
        self.hello = make_hello(self.token, self.share, self.told)

    @property
    def body(self) -> dict[str, str]:
        token = Token.parse(self.token)
        proof = prove_hello(token.key, self.hello)
        return {"token": token.lookup, "hello": self.hello, "proof": proof}

    def ask(self, **changed: Any) -> Any:
        client = APIClient(REMOTE_ADDR=self.address)
        return client.post(ENROL, {**self.body, **changed})

    def agree(self, answer: dict[str, str]) -> tuple[dict[str, Any], str]:
        """Verify the panel's proof; return what it told and the secret. Raises ProofError."""
        offer, key = answer["offer"], Token.parse(self.token).key
        told = json.loads(offer)
        agreed = Agreement.reach(key, self.share, told["share"], hello=self.hello, offer=offer)
        agreed.check_offer(answer["proof"])
        return told, agreed.secret
