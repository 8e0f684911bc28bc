"""What a bare server fetches to become a node: the install script, and the agent's wheel."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from nodes.enrolment.wheel import agent_wheel

UNIT = settings.BASE_DIR / "agent" / "wgpanel-agent.service"


@require_GET
def install_script(request: HttpRequest) -> HttpResponse:
    """The script names the wheel's SHA-256: who trusts the script trusts the wheel."""
    shown = {"wheel": agent_wheel(), "unit": UNIT.read_text("utf-8")}
    return HttpResponse(
        render_to_string("nodes/install.sh", shown),
        content_type="text/x-shellscript; charset=utf-8",
    )


@require_GET
def wheel(request: HttpRequest, name: str) -> HttpResponse:
    made = agent_wheel()
    if name != made.name:
        raise Http404
    return HttpResponse(made.content, content_type="application/octet-stream")
