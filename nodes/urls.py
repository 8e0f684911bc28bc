from django.urls import path
from rest_framework.routers import SimpleRouter

from nodes.enrolment.views import EnrolView, JoinTokenViewSet
from nodes.views import GroupPollView, NodeViewSet

router = SimpleRouter(use_regex_path=False)
router.register("nodes", NodeViewSet, basename="node")
router.register("join-tokens", JoinTokenViewSet, basename="join-token")
urlpatterns = [
    path("enrol/", EnrolView.as_view(), name="enrol"),
    *router.urls,
    path("groups/<uuid:pk>/poll/", GroupPollView.as_view(), name="group-poll"),
]
