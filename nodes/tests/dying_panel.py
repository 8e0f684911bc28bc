"""A panel whose processes are killed: `python dying_panel.py PORT`, one act in JSON a line.

Each act runs in a process of its own that was forked from here, and is answered by one line. An act
with a step ends itself by kill -9 there, before or after a call of one function.
"""

import importlib
import json
import os
import signal
import sys
from typing import Any

import django
from django.core.servers.basehttp import run
from django.core.wsgi import get_wsgi_application


def arm(module: str, name: str, moment: str, which: int = 1) -> None:
    """Die at the nth call of this function."""
    holder = importlib.import_module(module)
    true, calls = getattr(holder, name), [0]

    def dies(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == which and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        told = true(*args, **kwargs)
        if calls[0] == which and moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return told

    setattr(holder, name, dies)


def serve(port: str) -> None:
    run("127.0.0.1", int(port), get_wsgi_application(), threading=True)


def make_token(**fields: Any) -> dict[str, str]:
    from nodes.enrolment import making

    row, token = making.make(None, **fields)
    return {"pk": str(row.pk), "token": token}


def call(pk: str) -> dict[str, str]:
    from nodes.enrolment import calling

    try:
        return {"problem": calling.call_now(pk).call_problem}  # type: ignore[arg-type]
    except calling.NothingToCall:
        return {"problem": "nothing to call"}


def look(pk: str) -> dict[str, Any]:
    """What the panel holds of the only node, and of its token."""
    from nodes.enrolment.join_token import JoinToken
    from nodes.models import Node

    row, nodes = JoinToken.objects.get(pk=pk), list(Node.objects.all())
    told = {"step": str(row.step), "has_alarm": row.has_alarm, "count": len(nodes)}
    if nodes:
        (node,) = nodes
        told |= {"node": str(node.pk), "seq": node.secret_seq, "pin": node.tls_pin}
        told["secret"] = node.secret.reveal() if node.secret else ""
    return told


def forget() -> dict[str, str]:
    from nodes.models import JoinToken, Node

    JoinToken.objects.all().delete()
    Node.objects.all().delete()
    return {}


ACTS = {"serve": serve, "make_token": make_token, "call": call, "look": look, "forget": forget}


def fork(act: str, step: list[Any] | None, words: dict[str, Any]) -> int:
    if pid := os.fork():
        return pid
    if step:
        arm(*step)
    told = ACTS[act](**words)
    os.write(1, f"{json.dumps(told)}\n".encode())
    os._exit(0)


def main(port: str) -> None:
    django.setup()
    for line in sys.stdin:
        asked = json.loads(line)
        pid = fork(asked["act"], asked.get("step"), asked.get("words", {}))
        if asked["act"] == "serve" and not asked.get("step"):
            os.write(1, f"{pid}\n".encode())
            continue
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            os.write(1, f"-{os.WTERMSIG(status)}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
