"""The page "Where would the next peer go?": nothing on it changes anything."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET

from selection.decision import WORDS, Candidate, NoNodeAvailable
from selection.forms import QuestionForm
from selection.outlook import WhatIf, what_if

MOST_ROWS = 20


@dataclass(frozen=True)
class Row:
    """A candidate, and how many of the next peers it would take."""

    candidate: Candidate
    places: int


@require_GET
def where_next(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("nodes.view_node"):
        raise PermissionDenied
    form = QuestionForm(request.GET or {"strategy": "auto", "peers": "1"})
    context = {
        **admin.site.each_context(request),
        "title": "Where would the next peer go?",
        "form": form,
        **(_answered(form.cleaned_data) if form.is_valid() else {}),
    }
    return TemplateResponse(request, "selection/where_next.html", context)


def _answered(question: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = what_if(**question)
    except NoNodeAvailable as error:
        return {"refusal": error, "exclusions": _in_words(error.exclusions)}
    rows = _rows(answer)
    return {
        "answer": answer,
        "rows": rows,
        "more_nodes": len(answer.outlook.shares) - sum(row.places > 0 for row in rows),
        "longest": max(row.candidate.score.total for row in rows),
        "exclusions": _in_words(answer.exclusions),
    }


def _rows(answer: WhatIf) -> list[Row]:
    """Return those who would take a peer, the first first, then the candidates who would not."""
    taking = [Row(share.candidate, share.places) for share in answer.outlook.shares]
    named = {row.candidate.node_id for row in taking}
    rest = [Row(one, 0) for one in answer.decision.candidates if one.node_id not in named]
    return [*taking, *rest][:MOST_ROWS]


def _in_words(exclusions: dict[str, int]) -> Iterable[tuple[int, str]]:
    return [(count, WORDS[code]) for code, count in exclusions.items()]
