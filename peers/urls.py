from django.urls import path
from rest_framework.routers import SimpleRouter

from peers.configuration.views import ConfigView, ExportView, QrView
from peers.interfaces.views import InterfaceViewSet
from peers.many.views import BulkView
from peers.pools.views import OverlapsView, ReservationsView, ReservationView
from peers.sharing.views import ShareLinksView, ShareLinkView
from peers.views import PeerViewSet

router = SimpleRouter(use_regex_path=False)
router.register("interfaces", InterfaceViewSet, basename="interface")
router.register("peers", PeerViewSet, basename="peer")
urlpatterns = [
    *router.urls,
    path("interfaces/overlaps/", OverlapsView.as_view(), name="pool-overlaps"),
    path("interfaces/<uuid:pk>/reservations/", ReservationsView.as_view(), name="reservations"),
    path("interfaces/<uuid:pk>/reservations/<slug:reservation>/", ReservationView.as_view()),
    path("peers/bulk/", BulkView.as_view(), name="peers-bulk"),
    path("peers/export/", ExportView.as_view(), name="peers-export"),
    path("peers/<uuid:pk>/config/", ConfigView.as_view(), name="peer-config"),
    path("peers/<uuid:pk>/qr/", QrView.as_view(), name="peer-qr"),
    path("peers/<uuid:pk>/share-links/", ShareLinksView.as_view(), name="peer-share-links"),
    path(
        "peers/<uuid:pk>/share-links/<slug:lookup>/",
        ShareLinkView.as_view(),
        name="peer-share-link",
    ),
]
