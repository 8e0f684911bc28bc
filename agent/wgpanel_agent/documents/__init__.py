"""What panel and agent say to each other about WireGuard: desired documents and status reports.

Both sides build and read them with these types, so a field exists in one place. Parsing raises
InvalidDocument with the path of the field. Standard library only.
"""

from wgpanel_agent.documents.bodies import (
    MOST_CHANGES,
    MOST_PEERS,
    Delta,
    Document,
    WholeDocument,
    refuse_both,
)
from wgpanel_agent.documents.fingerprints import fingerprint_key, preshared_key_fingerprint
from wgpanel_agent.documents.parts import (
    POLICIES,
    InterfacePart,
    PeerPart,
    fields_of,
    list_of,
    peer_digest,
    refuse_double_claims,
)
from wgpanel_agent.documents.state import State, hash_sum, if_match, parse_if_match, state_hash
from wgpanel_agent.grammar import InvalidDocument
from wgpanel_agent.reporting.reports import InterfaceReport, StatusReport

__all__ = [
    "MOST_CHANGES",
    "MOST_PEERS",
    "POLICIES",
    "Delta",
    "Document",
    "InterfacePart",
    "InterfaceReport",
    "InvalidDocument",
    "PeerPart",
    "State",
    "StatusReport",
    "WholeDocument",
    "fields_of",
    "fingerprint_key",
    "hash_sum",
    "if_match",
    "list_of",
    "parse_if_match",
    "peer_digest",
    "preshared_key_fingerprint",
    "refuse_both",
    "refuse_double_claims",
    "state_hash",
]
