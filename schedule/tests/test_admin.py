"""The schedule in the admin: operators change intervals, those with the right."""

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.tests.builders import make_staff

pytestmark = pytest.mark.django_db
LIST = reverse("admin:django_celery_beat_periodictask_changelist")


@pytest.fixture
def task():
    every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    return PeriodicTask.objects.create(name="tidy up", task="nodes.tasks.tidy", interval=every)


def page(task):
    return reverse("admin:django_celery_beat_periodictask_change", args=[task.pk])


def typed(task, /, **fields):
    form = {
        "name": task.name, "task": task.task, "regtask": "", "enabled": "on", "args": "[]",
        "kwargs": "{}", "headers": "{}", "interval": str(task.interval_id),
    }  # fmt: skip
    return {**form, **fields}


def test_another_interval_is_chosen(admin_client, task):
    minute = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.MINUTES)
    admin_client.post(page(task), typed(task, interval=str(minute.pk)))
    task.refresh_from_db()
    assert task.interval == minute


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kwargs": "{"}, "Unable to parse JSON"),
        ({"task": ""}, "Need name of task"),
        ({"interval": ""}, "must be set"),
    ],
)
def test_a_task_that_cannot_run_is_refused(admin_client, task, fields, sentence):
    assert sentence in admin_client.post(page(task), typed(task, **fields)).content.decode()


@pytest.mark.parametrize(("action", "after"), [("disable_tasks", False), ("enable_tasks", True)])
def test_tasks_are_switched_on_and_off(admin_client, task, action, after):
    PeriodicTask.objects.update(enabled=not after)
    admin_client.post(LIST, {"action": action, ACTION_CHECKBOX_NAME: [task.pk]})
    task.refresh_from_db()
    assert task.enabled is after


def test_who_may_only_look_switches_nothing(client, task):
    client.force_login(make_staff("django_celery_beat.view_periodictask"))
    client.post(LIST, {"action": "disable_tasks", ACTION_CHECKBOX_NAME: [task.pk]})
    task.refresh_from_db()
    assert task.enabled is True
    assert client.get(page(task)).status_code == 200


@pytest.mark.parametrize(
    "model",
    ["periodictask", "intervalschedule", "crontabschedule", "solarschedule", "clockedschedule"],
)
@pytest.mark.parametrize("name", ["changelist", "add"])
def test_every_page_opens(admin_client, model, name):
    answer = admin_client.get(reverse(f"admin:django_celery_beat_{model}_{name}"))
    assert answer.status_code == 200
    assert b"unfold" in answer.content
