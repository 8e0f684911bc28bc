"""What templates use to show differences; the work is done in `reconcile.wording`."""

from django import template

from reconcile import wording

register = template.Library()
register.filter("what", wording.what)
register.filter("told", wording.told)
