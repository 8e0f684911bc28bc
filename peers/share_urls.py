from django.urls import path

from peers.share_views import Share

urlpatterns = [path("share/<slug:lookup>/", Share.as_view(), name="share")]
