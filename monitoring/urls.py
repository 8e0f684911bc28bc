from django.urls import path

from monitoring.views import TargetsView

urlpatterns = [path("prometheus/targets", TargetsView.as_view(), name="prometheus-targets")]
