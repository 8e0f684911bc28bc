"""How lists are searched and ordered; what cannot be done is refused, not ignored."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import F, Model, OrderBy, QuerySet
from rest_framework import filters
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

MAX_SEARCH = 100  # characters; each word is a condition of its own in SQL


class Search(filters.SearchFilter):
    search_description = f"Words that must all occur; at most {MAX_SEARCH} characters."

    def get_search_terms(self, request: Request) -> list[str]:
        if len(request.query_params.get(self.search_param, "")) > MAX_SEARCH:
            raise ValidationError({self.search_param: [f"At most {MAX_SEARCH} characters."]})
        return super().get_search_terms(request)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        (parameter,) = super().get_schema_operation_parameters(view)
        return [{**parameter, "schema": {"type": "string", "maxLength": MAX_SEARCH}}]


class Ordering(filters.OrderingFilter):
    """`?ordering=name,-cpu_percent`, by the names in the view's `ordering_fields`.

    That is a mapping from the public name to the column. Rows without a value come last, and rows
    that are equal keep one order, so that pages neither repeat nor miss a row.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        terms = self.get_ordering(request, queryset, view) or ()
        columns, model = view.ordering_fields, queryset.model
        ordered = [_expression(term, columns[term.removeprefix("-")], model) for term in terms]
        among_equals = "-pk" if terms and terms[0].startswith("-") else "pk"
        return queryset.order_by(*ordered, among_equals)

    def remove_invalid_fields(
        self, queryset: QuerySet, fields: Iterable[str], view: Any, request: Request
    ) -> list[str]:
        terms = list(fields)
        names = [term.removeprefix("-") for term in terms]
        if not set(names) <= set(view.ordering_fields) or len(names) > len(set(names)):
            raise ValidationError({self.ordering_param: [_description(view)]})
        return terms

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        (parameter,) = super().get_schema_operation_parameters(view)
        return [{**parameter, "description": _description(view)}]


def _expression(term: str, column: str, model: type[Model]) -> OrderBy:
    """Nothing is said of nulls where there are none: an index then serves both directions."""
    nulls_last = _may_be_null(model, column) or None
    if term.startswith("-"):
        return F(column).desc(nulls_last=nulls_last)
    return F(column).asc(nulls_last=nulls_last)


def _may_be_null(model: type[Model], column: str) -> bool:
    """A column of another table, or one that is worked out, may be."""
    try:
        return bool(model._meta.get_field(column).null)
    except FieldDoesNotExist:
        return True


def _description(view: Any) -> str:
    return f"Each at most once, with - in front for descending: {', '.join(view.ordering_fields)}."
