from django.urls import path

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
    path("interfaces/<uuid:pk>/reconcile/", InterfaceReconcile.as_view()),
    path("interfaces/<uuid:pk>/conflict/", InterfaceConflict.as_view()),
    path("nodes/<uuid:pk>/drift/", NodeDrift.as_view(), name="node-drift"),
    path("nodes/<uuid:pk>/reconcile/", NodeReconcile.as_view(), name="node-reconcile"),
    path("groups/<uuid:pk>/reconcile/", GroupReconcile.as_view(), name="group-reconcile"),
]
