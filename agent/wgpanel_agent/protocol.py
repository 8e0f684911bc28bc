"""How panel and agent sign what they say: a closed profile of RFC 9421 with RFC 9530 digests.

hmac-sha256 only, one signature, one spelling of everything. Standard library only: the panel
imports this module too.

    panel: request = sign_request(keys, method=…, authority=…, path=…, now=…)
    agent: received = parse_request(method=…, path=…, query=…, headers=…)
           check_mac(keys, received)              before the body is read
           check_time(received.binding.created, now)
           check_node(keys, received)             after the nonce was claimed
           check_digest(received.binding.content_digest, body)
           headers = sign_response(keys, received.binding, status=…, body=…, now=…)
    panel: verify_response(keys, request.binding, status=…, headers=…, body=…)
"""

from wgpanel_agent.signing.agreement import BadShare, Half, agreed_secret, make_half
from wgpanel_agent.signing.base import (
    ANSWER_TIME,
    FUTURE_SKEW,
    JSON,
    MAX_AGE,
    Binding,
    ProtocolError,
    Reason,
    check_digest,
)
from wgpanel_agent.signing.keys import NODE_ID, Keys, derive_keys, weakness
from wgpanel_agent.signing.requests import (
    ReceivedRequest,
    SignedRequest,
    check_mac,
    check_node,
    check_time,
    parse_request,
    sign_request,
)
from wgpanel_agent.signing.responses import VerifiedResponse, sign_response, verify_response

__all__ = [
    "ANSWER_TIME",
    "FUTURE_SKEW",
    "JSON",
    "MAX_AGE",
    "NODE_ID",
    "BadShare",
    "Binding",
    "Half",
    "Keys",
    "ProtocolError",
    "Reason",
    "ReceivedRequest",
    "SignedRequest",
    "VerifiedResponse",
    "agreed_secret",
    "check_digest",
    "check_mac",
    "check_node",
    "check_time",
    "derive_keys",
    "make_half",
    "parse_request",
    "sign_request",
    "sign_response",
    "verify_response",
    "weakness",
]
