"""What templates use to show differences; the work is done in `reconcile.checks.wording`."""

from django import template

from reconcile.checks import wording

register = template.Library()
register.filter("what", wording.what)
register.filter("told", wording.told)
register.filter("kinds", wording.kinds)
