"""`manage.py evaluate_keypoints DIR`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import track

from keypoints.evaluation import Judged, compared, read_report, report
from keypoints.labelled import LabelError, LabelledPhoto, read_labels
from tasks.figures import write_figures

FIGURES = ("pck_02", "pck_05", "pck_10", "nme", "median")
CALIBRATION = ("points", "confidence", "wrong", "p90")


class Command(BaseCommand):
    help = "How well the points of labelled photos are found: PCK, NME, lengths, calibration, categories. docs/keypoints.md has the format."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="pictures and a labels.json")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here too")
        parser.add_argument("--weights", type=Path, help="judge these; default: those that the service uses")
        parser.add_argument("--against", type=Path, metavar="FILE", help="--json of other weights: say whether the difference is chance")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            photos = read_labels(options["folder"])
            if not any(photo.points for photo in photos):
                raise LabelError(f"{options['folder']}: no photo has landmarks")
            found = self.judged(photos, options["weights"])
            figures = report(found)
            if options["against"]:
                others = read_report(options["against"])
                figures["against"] = {"file": str(options["against"]), **report(others), "comparison": compared(found, others)}
        except ValueError as error:  # of labels, weights or other figures
            raise CommandError(str(error)) from None
        self.tell(figures)
        if "against" in figures:
            self.tell_comparison(figures["against"])
        if options["json"]:
            write_figures(options["json"], figures)

    def judged(self, photos: list[LabelledPhoto], weights: Path | None) -> list[Judged]:
        from keypoints.inference.evaluate import answers  # here, as `manage.py help` runs without a model's packages
        from keypoints.inference.finders import load_finder
        from keypoints.inference.model import weights_in_use

        file = weights or weights_in_use()
        finder = load_finder(file)
        self.stdout.write(f"{finder.version} ({file}) on {len(photos)} photos")
        console = Console(stderr=True)
        return list(track(answers(finder, photos), total=len(photos), console=console, transient=True, disable=not console.is_terminal))

    # -- for people

    def tell(self, figures: dict[str, Any]) -> None:
        self.stdout.write(f"\n{figures['points']} points of {figures['photos']} photos, with 95 % intervals (bootstrap over photos)")
        for name in FIGURES:
            low, high = figures["intervals"][name]
            self.stdout.write(f"  {name:8} {figures[name]:.4f}  {low:.4f} - {high:.4f}")
        self.table("by category", figures["by_category"], ("points", *FIGURES))
        self.table("by landmark", figures["by_landmark"], ("points", *FIGURES))
        self.table(
            "lengths, relative error with the scale taken as known", figures["lengths"], ("count", "median", "within_05", "within_10")
        )
        calibration = figures["calibration"]
        bands = {f"{band['from']:.2f} - {band['to']:.2f}": band for band in calibration["bands"]}
        self.table("confidence: share of points that are off by .05 or more, and what nine of ten stay under", bands, CALIBRATION)
        self.stdout.write(f"  AUROC {'-' if calibration['auroc'] is None else format(calibration['auroc'], '.3f')}")
        self.tell_categories(figures["categories"])

    def tell_categories(self, categories: dict[str, Any] | None) -> None:
        if categories is None:
            self.stdout.write("\nthe network has no category head")
            return
        self.stdout.write(f"\ncategory: {categories['right']:.3f} of {categories['photos']} photos right")
        for name, row in categories["confusion"].items():
            seen = ", ".join(f"{told} {count}" for told, count in sorted(row.items(), key=lambda item: -item[1]))
            self.stdout.write(f"  {name:24} seen as {seen}")

    def tell_comparison(self, against: dict[str, Any]) -> None:
        self.stdout.write(f"\nbeside {against['file']} (paired bootstrap over photos)")
        for name, row in against["comparison"].items():
            low, high = row["interval"]
            values = f"{against[name]:.4f}  {row['difference']:+.4f}  {low:+.4f} - {high:+.4f}  p {row['p']:.4f}"
            self.stdout.write(f"  {name:8} {values}")

    def table(self, title: str, rows: Mapping[str, Mapping[str, float]], columns: tuple[str, ...]) -> None:
        self.stdout.write(f"\n{title}\n  {'':24} " + " ".join(f"{column:>10}" for column in columns))
        for name, row in rows.items():
            cells = (f"{row[column]:10}" if isinstance(row[column], int) else f"{row[column]:10.3f}" for column in columns)
            self.stdout.write(f"  {name:24} " + " ".join(cells))
