from __future__ import annotations

from django.urls import path

from faces.people import views

urlpatterns = [
    path("faces/enrol", views.EnrolView.as_view(), name="faces-enrol"),
    path("faces/import", views.BulkEnrolView.as_view(), name="faces-import"),
    path("faces/identify", views.IdentifyView.as_view(), name="faces-identify"),
    path("faces/galleries", views.GalleriesView.as_view(), name="faces-galleries"),
    path("faces/galleries/<str:name>", views.GalleryView.as_view(), name="faces-gallery"),
    path("faces/people", views.PeopleView.as_view(), name="faces-people"),
    path("faces/people/<uuid:pk>", views.PersonView.as_view(), name="faces-person"),
    path("faces/people/<uuid:pk>/history", views.HistoryView.as_view(), name="faces-history"),
    path("faces/people/<uuid:pk>/merge", views.MergeView.as_view(), name="faces-merge"),
    path("faces/people/<uuid:pk>/split", views.SplitView.as_view(), name="faces-split"),
    path("faces/people/<uuid:pk>/templates/<uuid:template>", views.TemplateView.as_view(), name="faces-template"),
    path("faces/people/<uuid:pk>/rejections", views.RejectionsView.as_view(), name="faces-rejections"),
    path("faces/people/<uuid:pk>/rejections/<uuid:rejection>", views.RejectionView.as_view(), name="faces-rejection"),
    path("faces/changes/<uuid:pk>/undo", views.UndoView.as_view(), name="faces-undo"),
    path("faces/erasures", views.ReceiptsView.as_view(), name="faces-receipts"),
    path("faces/erasures/key", views.ReceiptKeyView.as_view(), name="faces-receipt-key"),
    path("faces/erasures/<uuid:pk>", views.ReceiptView.as_view(), name="faces-receipt"),
]
