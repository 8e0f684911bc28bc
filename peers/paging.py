"""Pages of a search among peers, and the admin's list of them."""

from typing import Any

from django.core.paginator import Page
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

from nodes.paging import KeyPaginator


class SearchPaginator(KeyPaginator):
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
    """The admin's list, which would ask again, and for all columns, where one page has all.

    It counts no peers but those it shows, and offers to show all only where some are left out.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list
        if not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count
