from django.urls import path

from peers.sharing.pages import Share

urlpatterns = [path("share/<slug:lookup>/", Share.as_view(), name="share")]
