"""Pages of a search: it reads all peers, so it is done once where once is enough."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList


class SearchPaginator(Paginator):
    """Counts what it found on the first page, unless there is more than that."""

    @cached_property
    def count(self) -> int:
        first = list(self.object_list[: self.per_page + 1])
        if len(first) > self.per_page:
            return int(super().count)
        self.object_list = first
        return len(first)


class SearchedList(ChangeList):
    """The admin's list, which would ask again for a page that is the only one."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        found: Any = self.paginator.object_list
        if isinstance(found, list):
            self.result_list = found
