"""Pages of peers, of which there are many: the last costs about as much as the first."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList


class PeerPaginator(Paginator):
    """Finds the keys of a page, where an index alone may do, and reads no row that it skips."""

    def page(self, number: Any) -> Page:
        found = super().page(number)
        rows: Any = found.object_list
        whole: Any = self.object_list
        found.object_list = whole.filter(pk__in=list(rows.values_list("pk", flat=True)))
        return found


class SearchPaginator(PeerPaginator):
    """Counts what it found on the first page, unless there is more than that.

    A search reads all peers, so it is done once where once is enough.
    """

    @cached_property
    def first(self) -> list[Any]:
        """The first page, and one more if there is more."""
        return list(self.object_list[: self.per_page + 1])

    @cached_property
    def count(self) -> int:
        found = len(self.first)
        return found if found <= self.per_page else int(super().count)

    def page(self, number: Any) -> Page:
        if self.validate_number(number) == 1:
            return Page(self.first[: self.per_page], 1, self)
        return super().page(number)


class PeerList(ChangeList):
    """The admin's list, which would ask again, and for all columns, where one page has all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list
