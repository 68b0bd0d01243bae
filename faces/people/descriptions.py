"""What the routes of people take and answer."""

from __future__ import annotations

from faces.people.serializers import (
    ChangeSerializer,
    ErasedGallerySerializer,
    GalleriesSerializer,
    MergeSerializer,
    PeopleFilterSerializer,
    PeoplePageSerializer,
    ReadingsSerializer,
    ReceiptFilterSerializer,
    ReceiptPageSerializer,
    ReceiptSerializer,
    RejectionSerializer,
    RejectionsSerializer,
    RejectSerializer,
    RenameSerializer,
    SplitSerializer,
    WholePersonSerializer,
)
from tasks.errors import Code
from tasks.openapi.descriptions import Answer, Description
from tasks.serializers import PageSerializer

TAG = "people"
CACHED = ("Cache-Control",)
OF_A_PERSON = (Code.NOT_FOUND, Code.FORBIDDEN)
OF_A_CHANGE = (*OF_A_PERSON, Code.PRECONDITION_REQUIRED, Code.STALE_REVISION)
PERSON_NOW = Answer("The person.", WholePersonSerializer, ("ETag", "Cache-Control"))
RECEIPT_ANSWER = Answer("The signed receipt.", ReceiptSerializer, CACHED)

GALLERIES = Description(
    name="listGalleries",
    tag=TAG,
    summary="One's own galleries",
    answers={200: Answer("All of them.", GalleriesSerializer, CACHED)},
    codes=(Code.FORBIDDEN,),
)
ERASE_GALLERY = Description(
    name="eraseGallery",
    tag=TAG,
    summary="Erase a gallery with everybody in it",
    text="Each person as `erasePerson` does, with a receipt each. Enrolments for it that wait or run are erased too.",
    answers={
        200: Answer("Nobody is left, and the gallery is gone.", ErasedGallerySerializer, CACHED),
        202: Answer(
            "There were many: nobody finds the gallery any more, and the others are being erased.", ErasedGallerySerializer, CACHED
        ),
    },
    codes=OF_A_PERSON,
)
PEOPLE = Description(
    name="listPeople",
    tag=TAG,
    summary="People of one's galleries",
    query=PeopleFilterSerializer,
    answers={200: Answer("A page of them, newest first.", PeoplePageSerializer, CACHED)},
    codes=OF_A_PERSON,
)
PERSON = Description(name="getPerson", tag=TAG, summary="A person", answers={200: PERSON_NOW}, codes=OF_A_PERSON)
RENAME = Description(
    name="renamePerson",
    tag=TAG,
    summary="Give a person another name",
    request=RenameSerializer,
    headers=("If-Match",),
    answers={200: PERSON_NOW},
    codes=OF_A_CHANGE,
)
ERASE = Description(
    name="erasePerson",
    tag=TAG,
    summary="Erase a person everywhere",
    text="Templates, consents, name, readings, key, and every job that spoke of them with its files. Again, it answers the same receipt.",
    answers={200: RECEIPT_ANSWER},
    codes=(*OF_A_PERSON, Code.PERSON_MERGED),
)
REMOVE_TEMPLATE = Description(
    name="removeTemplate",
    tag=TAG,
    summary="Remove a template of a person for good",
    text="With the stored photo that it was made of, in backups too, as the others get another key. It cannot be undone.",
    headers=("If-Match",),
    answers={200: PERSON_NOW},
    codes=(*OF_A_CHANGE, Code.NO_TEMPLATE),
)
HISTORY = Description(
    name="getPersonHistory",
    tag=TAG,
    summary="Who read a person's templates, and for what",
    query=PageSerializer,
    answers={200: Answer("A page of readings, newest first.", ReadingsSerializer, CACHED)},
    codes=OF_A_PERSON,
)
MERGE = Description(
    name="mergePeople",
    tag=TAG,
    summary="Say that another record is of this person",
    request=MergeSerializer,
    headers=("If-Match",),
    answers={200: PERSON_NOW},
    codes=(*OF_A_CHANGE, Code.NOT_MERGEABLE),
)
SPLIT = Description(
    name="splitPerson",
    tag=TAG,
    summary="Say that some templates are of somebody else",
    request=SplitSerializer,
    headers=("If-Match",),
    answers={201: Answer("The change; its `target` is who was made.", ChangeSerializer, CACHED)},
    codes=(*OF_A_CHANGE, Code.NOT_SPLITTABLE, Code.NO_TEMPLATE, Code.CONSENT_NEEDED),
)
UNDO = Description(
    name="undoChange",
    tag=TAG,
    summary="Take a merge or split back",
    headers=("If-Match",),
    answers={200: Answer("The change, undone.", ChangeSerializer, CACHED)},
    codes=(*OF_A_CHANGE, Code.NOT_UNDOABLE, Code.NO_TEMPLATE),
)
REJECTIONS = Description(
    name="listRejections",
    tag=TAG,
    summary="What was said not to be a person",
    answers={200: Answer("All of it.", RejectionsSerializer, CACHED)},
    codes=OF_A_PERSON,
)
REJECT = Description(
    name="rejectAnswer",
    tag=TAG,
    summary="Say of a job's answer: this is not that person",
    request=RejectSerializer,
    answers={201: Answer("It is remembered.", RejectionSerializer, CACHED)},
    codes=(*OF_A_PERSON, Code.NOTHING_TO_REJECT),
)
TAKE_BACK = Description(
    name="takeRejectionBack",
    tag=TAG,
    summary="Take a rejection back",
    answers={204: Answer("It is forgotten.")},
    codes=OF_A_PERSON,
)
RECEIPTS = Description(
    name="listReceipts",
    tag=TAG,
    summary="Receipts of erasures",
    query=ReceiptFilterSerializer,
    answers={200: Answer("A page of them, newest first.", ReceiptPageSerializer, CACHED)},
    codes=OF_A_PERSON,
)
RECEIPT = Description(name="getReceipt", tag=TAG, summary="A receipt of an erasure", answers={200: RECEIPT_ANSWER}, codes=OF_A_PERSON)
RECEIPT_KEY = Description(
    name="getReceiptKey",
    tag=TAG,
    summary="The public key of receipts",
    answers={200: Answer("An Ed25519 key as PEM.", "application/x-pem-file")},
)
