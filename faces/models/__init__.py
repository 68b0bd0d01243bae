"""Galleries and the people in them."""

from faces.models.changes import Change
from faces.models.galleries import DEFAULT_GALLERY, Gallery
from faces.models.people import Consent, Part, Person, PersonJob, Read
from faces.models.receipts import Erased, Receipt
from faces.models.templates import Rejection, Template

__all__ = [
    "DEFAULT_GALLERY",
    "Change",
    "Consent",
    "Erased",
    "Gallery",
    "Part",
    "Person",
    "PersonJob",
    "Read",
    "Receipt",
    "Rejection",
    "Template",
]
