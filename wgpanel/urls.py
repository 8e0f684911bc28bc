from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView

from accounts.setup_page import setup
from accounts.stepping_up import confirm
from selection.admin_page import where_next
from wgpanel import dashboard, health
from wgpanel.api_docs import Docs
from wgpanel.key_backup import key_backup
from wgpanel.metrics import metrics

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/live/", admin.site.admin_view(dashboard.live), name="dashboard-live"),
    path("admin/next-peers/", admin.site.admin_view(where_next), name="where-next"),
    path("admin/confirm/", admin.site.admin_view(confirm), name="confirm-password"),
    path("admin/key-backup/", admin.site.admin_view(key_backup), name="key-backup"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("groups.urls")),
    path("api/v1/", include("nodes.urls")),
    path("api/v1/", include("selection.urls")),
    path("api/v1/", include("peers.urls")),
    path("api/v1/", include("reconcile.urls")),
    path("api/v1/", include("monitoring.urls")),
    path("", include("peers.sharing.urls")),
    path("setup/<slug:token>/", setup, name="setup"),
    path("", include("nodes.enrolment.install_urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", staff_member_required(Docs.as_view(url_name="schema")), name="docs"),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics, name="metrics"),
]
handler400 = "wgpanel.api.bad_request"
handler404 = "wgpanel.api.not_found"
handler500 = "wgpanel.api.server_error"
