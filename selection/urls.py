from django.urls import path

from selection.views import SelectionView

urlpatterns = [path("selection/", SelectionView.as_view(), name="selection")]
