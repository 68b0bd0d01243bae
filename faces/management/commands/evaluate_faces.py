"""`manage.py evaluate_faces DIR`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from faces.labelled import LabelError, read_folder
from faces.rates import Rate
from tasks.figures import write_figures

WARNING = (
    "Press pictures of celebrities flatter: the encoder was trained on such. Intervals (95 %, Wilson) take each pair for independent, which"
    " those of one person are not: the true ones are wider."
)


class Command(BaseCommand):
    help = (
        "How well faces are judged and told apart on labelled pictures, with 5 points and with 68. docs/faces.md has the folder's format."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="laid out as data/faces/dev")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here too; those of FACE_LANDMARKS are on top")
        parser.add_argument("--landmarks", type=int, choices=[5, 68], action="append", help="judge with these points only")
        parser.add_argument("--thorough", action="store_true", help="also by the faces' width, which takes twice as long")

    def handle(self, *args: Any, **options: Any) -> None:
        points = options["landmarks"] or [5, 68]
        found: dict[int, dict[str, Any]] = {}
        try:
            folder = read_folder(options["folder"])
            for count in points:
                found[count] = self.evaluated(folder, count, options["thorough"])
                self.tell(count, found[count])
        except (LabelError, OSError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"\n{WARNING}")
        if options["json"]:
            first = found.get(settings.FACE_LANDMARKS) or next(iter(found.values()))
            write_figures(options["json"], {**first, "by_landmarks": {str(count): figures for count, figures in found.items()}})

    def evaluated(self, folder: Any, points: int, thorough: bool) -> dict[str, Any]:
        from faces.inference.evaluate import Evaluation  # here, as `manage.py help` runs without a model's packages
        from faces.inference.model import FaceModel

        model = FaceModel(points)
        model.load()
        return {"landmarks": points, "model_version": model.version, **Evaluation(model, folder).figures(thorough)}

    # -- for people

    def tell(self, points: int, found: dict[str, Any]) -> None:
        self.stdout.write(f"\n== {points} points ({found['model_version']})")
        self.stdout.write(
            f"pairs: {share(found['pairs_accuracy'])} of {found['pairs']} right, {found['pairs_unanswered']} without an answer"
        )
        self.stdout.write(f"selfie cases: {found['selfie_cases_right']} of {found['selfie_cases']} right")
        refused = f"{found['unknowns_refused']} of {found['unknowns']} unknown people refused"
        self.stdout.write(
            f"workload: {share(found['workload_accuracy'])} of {found['workload']} right, {found['wrong_names']} wrong names, {refused}"
        )
        if found["original_workload"]:
            self.stdout.write(
                f"original elastic workload: {share(found['original_workload_accuracy'])} of {found['original_workload']} right"
            )
        if points == 68:
            self.stdout.write(f"challenges: {found['challenges_right']} of {found['challenges']} right")
        for name in ("selfie_cases_wrong", "workload_wrong", "challenges_wrong"):
            for line in found[name]:
                self.stdout.write(f"  {line}")
        self.tell_rates(found["rates"])
        self.tell_galleries(found["galleries"])
        self.tell_sizes(found.get("face_sizes", {}))

    def tell_rates(self, rates: dict[str, Any]) -> None:
        for source, rows in rates.items():
            self.stdout.write(f"\npairs of {source}\n  {'distance':10}{'FMR':48}FNMR")
            for row in rows:
                self.stdout.write(f"  {row['distance']:<10}{rate(row['fmr']):48}{rate(row['fnmr'])}")

    def tell_galleries(self, galleries: list[dict[str, Any]]) -> None:
        self.stdout.write(f"\nrandom galleries\n  {'people':8}{'photos':8}{'threshold':11}{'FPIR':48}FNIR, wrong names")
        for row in galleries:
            facts = f"{row['people']:<8}{row['photos']:<8}{row['threshold']:<11}"
            self.stdout.write(f"  {facts}{rate(row['fpir']):48}{rate(row['fnir'])}, {row['wrong_names']}")

    def tell_sizes(self, sizes: dict[str, Any]) -> None:
        if sizes:
            self.stdout.write(f"\nfaces shrunk to a width\n  {'pixels':8}{'threshold':11}{'from itself':13}{'not found':12}{'FMR':48}FNMR")
        for width, row in sizes.items():
            missed = f"{row['not_found']['wrong']} of {row['not_found']['count']}"
            facts = f"{width:8}{row['threshold']:<11}{row['from_itself'] or 0:<13.3f}{missed:12}"
            self.stdout.write(f"  {facts}{rate(row['fmr']):48}{rate(row['fnmr'])}")
            self.stdout.write(f"  {'':12}both so small: {rate(row['both_so_small']['fmr'])}, {rate(row['both_so_small']['fnmr'])}")


def share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def rate(found: dict[str, Any]) -> str:
    return str(Rate(found["wrong"], found["count"]))
