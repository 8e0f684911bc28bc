"""At the panel's root, because people read these addresses."""

from django.urls import path

from nodes.enrolment import install_views

urlpatterns = [
    path("install.sh", install_views.install_script, name="install-script"),
    path("agent/<str:name>", install_views.wheel, name="agent-wheel"),
]
