"""Node and panel prove a token to each other; nobody else gets a key from what they said."""

import pytest
from wgpanel_agent.proof import (
    Agreement,
    ProofError,
    Share,
    Token,
    check_hello,
    new_token,
    prove_hello,
)

HELLO, OFFER = '{"share": "a"}', '{"share": "b"}'
NO_SHARES = ("00" * 32, "01" + "00" * 31, "xyz", "", "AB" * 32)


@pytest.fixture
def token() -> Token:
    return Token.parse(new_token())


def reach(key: bytes, mine: Share, other: Share, **texts: str) -> Agreement:
    return Agreement.reach(key, mine, other.public, **{"hello": HELLO, "offer": OFFER} | texts)


def test_both_sides_reach_the_same_secret_and_believe_each_other(token: Token) -> None:
    node, panel = Share.new(), Share.new()
    check_hello(token.key, HELLO, prove_hello(token.key, HELLO))
    at_panel, at_node = reach(token.key, panel, node), reach(token.key, node, panel)
    at_node.check_offer(at_panel.prove_offer())
    assert at_node.secret == at_panel.secret
    assert len(bytes.fromhex(at_node.secret)) == 32


def test_the_secret_of_a_second_joining_is_another(token: Token) -> None:
    assert (
        reach(token.key, Share.new(), Share.new()).secret
        != reach(token.key, Share.new(), Share.new()).secret
    )


@pytest.mark.parametrize("what", ["hello", "offer"])
def test_a_changed_text_changes_the_secret_and_breaks_the_proof(token: Token, what: str) -> None:
    node, panel = Share.new(), Share.new()
    true, forged = reach(token.key, panel, node), reach(token.key, node, panel, **{what: "{}"})
    assert true.secret != forged.secret
    with pytest.raises(ProofError):
        forged.check_offer(true.prove_offer())


def test_another_token_proves_nothing(token: Token) -> None:
    other = Token.parse(new_token()).key
    with pytest.raises(ProofError):
        check_hello(token.key, HELLO, prove_hello(other, HELLO))
    node, panel = Share.new(), Share.new()
    with pytest.raises(ProofError):
        reach(token.key, node, panel).check_offer(reach(other, panel, node).prove_offer())


def test_the_same_secret_under_another_name_is_another_key(token: Token) -> None:
    assert Token("0" * 24, token.secret).key != token.key


@pytest.mark.parametrize("proof", ["", "00" * 32, "é" * 64, "AB" * 32, "0" * 63])
def test_a_proof_that_cannot_be_one_is_wrong(token: Token, proof: str) -> None:
    with pytest.raises(ProofError):
        check_hello(token.key, HELLO, proof)


@pytest.mark.parametrize("share", NO_SHARES)
def test_a_share_that_would_give_a_known_key_is_refused(share: str) -> None:
    with pytest.raises(ProofError):
        Share.new().exchange(share)


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "A", str.upper, lambda t: ""])
def test_a_token_that_was_cut_or_altered_is_no_token(change) -> None:
    with pytest.raises(ProofError):
        Token.parse(change(new_token()))


def test_nothing_secret_is_in_a_text_for_people(token: Token) -> None:
    share = Share.new()
    told = repr((token, share, reach(token.key, share, Share.new())))
    assert token.secret.hex() not in told
    assert repr(token.secret) not in told
    assert repr(share.private) not in told
