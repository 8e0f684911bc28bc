from django.urls import path
from rest_framework.routers import SimpleRouter

from nodes.views import GroupPollView, NodeViewSet

router = SimpleRouter(use_regex_path=False)
router.register("nodes", NodeViewSet, basename="node")
urlpatterns = [
    *router.urls,
    path("groups/<uuid:pk>/poll/", GroupPollView.as_view(), name="group-poll"),
]
