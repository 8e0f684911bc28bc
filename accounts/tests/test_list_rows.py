"""Rows of the admin's lists."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from unfold.admin import ModelAdmin

from accounts.list_rows import ListRows


@pytest.mark.parametrize("key", [7, "3f2c", '"><script>'])
def test_the_box_of_a_row_is_the_one_that_unfold_makes(key):
    row = User(pk=key)
    pages = ListRows(User, admin.site)
    assert pages.action_checkbox(row) == ModelAdmin.action_checkbox(pages, row)
