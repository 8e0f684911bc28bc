from django.urls import path

from reconcile.history_views import Decisions, DriftHistory, TellAgain
from reconcile.views import (
    DriftList,
    GroupReconcile,
    InterfaceConflict,
    InterfaceDrift,
    InterfaceReconcile,
    NodeDrift,
    NodeReconcile,
)

urlpatterns = [
    path("drift/", DriftList.as_view(), name="drift-list"),
    path("interfaces/<uuid:pk>/drift/", InterfaceDrift.as_view(), name="interface-drift"),
    path("interfaces/<uuid:pk>/drift/history/", DriftHistory.as_view(), name="drift-history"),
    path("interfaces/<uuid:pk>/drift/decisions/", Decisions.as_view(), name="drift-decisions"),
    path("interfaces/<uuid:pk>/drift/tell-again/", TellAgain.as_view(), name="drift-tell-again"),
    path("interfaces/<uuid:pk>/reconcile/", InterfaceReconcile.as_view()),
    path("interfaces/<uuid:pk>/conflict/", InterfaceConflict.as_view()),
    path("nodes/<uuid:pk>/drift/", NodeDrift.as_view(), name="node-drift"),
    path("nodes/<uuid:pk>/reconcile/", NodeReconcile.as_view(), name="node-reconcile"),
    path("groups/<uuid:pk>/reconcile/", GroupReconcile.as_view(), name="group-reconcile"),
]
