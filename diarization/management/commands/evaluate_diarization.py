"""`manage.py evaluate_diarization DIR`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import track

from diarization.evaluation import NOT_COUNTED, Judged, compared, read_report, report
from tasks.figures import write_figures

COLUMNS = ("der_strict", "miss", "false_alarm", "confusion", "der_collar")


class Command(BaseCommand):
    help = "How well speakers are told apart in recordings with references (NAME.wav, NAME.rttm). docs/diarization.md says how to read it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="recordings, each with an RTTM file of the same stem")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here too")
        parser.add_argument("--against", type=Path, metavar="FILE", help="--json of another run: say whether the difference is chance")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            others = read_report(options["against"]) if options["against"] else None
            files = self.judged(options["folder"])
            figures = report(files)
            if others is not None:
                figures["against"] = {"file": str(options["against"]), "comparison": compared(files, others)}
        except ValueError as error:  # of the folder or other figures
            raise CommandError(str(error)) from None
        self.tell(figures)
        if options["json"]:
            write_figures(options["json"], figures)

    def judged(self, folder: Path) -> list[Judged]:
        from diarization.inference.evaluate import judged, recordings  # here, as `manage.py help` runs without a model's packages
        from diarization.inference.model import DiarizationModel

        paths = recordings(folder)
        model = DiarizationModel()
        model.load()
        self.stdout.write(f"{model.version} on {len(paths)} recordings")
        console = Console(stderr=True)
        shown = track(judged(model, paths), total=len(paths), console=console, transient=True, disable=not console.is_terminal)
        files = list(shown)
        if all(file.group == NOT_COUNTED for file in files):
            raise ValueError(f"{folder} holds no recording that counts: all are others joined (_{NOT_COUNTED})")
        return files

    # -- for people

    def tell(self, figures: dict[str, Any]) -> None:
        self.stdout.write("\nerrors in percent of the speech: strict and its parts, and outside +-0.25 s around boundaries; overlap scored")
        self.stdout.write(f"  {'':24} " + " ".join(f"{column:>11}" for column in COLUMNS) + "   speakers")
        for row in figures["files"]:
            self.stdout.write(f"  {row['file']:24} {cells(row)}   {row['speakers_found']} of {row['speakers_true']}")
        self.stdout.write("\ngroups, with 95 % intervals (bootstrap over files)")
        for name, row in [*figures["by_group"].items(), ("all", figures)]:
            self.tell_group(f"({name})" if name == NOT_COUNTED else name, row)
        self.tell_reliability(figures["reliability"])
        if "against" in figures:
            self.tell_comparison(figures["against"])

    def tell_group(self, name: str, row: dict[str, Any]) -> None:
        ranges = ", ".join(between(row["intervals"][kind]) for kind in ("der_strict", "der_collar"))
        counted = f"count exact {row['count_exact']:.0%}, off by {row['count_error']:.2f}"
        self.stdout.write(f"  {name:24} {cells(row)}   {row['recordings']} files, {row['seconds']:.0f} s; {counted}; {ranges}")

    def tell_reliability(self, bands: list[dict[str, float]]) -> None:
        if bands:
            self.stdout.write(f"\nconfidence of turns\n  {'':12} {'turns':>6} {'seconds':>8} {'mean':>6} {'right':>6}")
        for band in bands:
            values = f"{band['turns']:6} {band['seconds']:8.1f} {band['confidence']:6.2f} {band['right']:6.2f}"
            self.stdout.write(f"  {band['from']:.2f} - {band['to']:.2f}  {values}")

    def tell_comparison(self, against: dict[str, Any]) -> None:
        self.stdout.write(f"\nbeside {against['file']} (paired bootstrap over files)")
        for name, row in against["comparison"].items():
            values = f"{percent(row['before'])} {percent(row['difference'], '+')}  {between(row['interval'])}  p {row['p']:.4f}"
            self.stdout.write(f"  {name:12} {values}")


def cells(row: dict[str, float | None]) -> str:
    return " ".join(f"{percent(row[column]):>11}" for column in COLUMNS)


def percent(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.2f}"


def between(ends: list[float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:.1f} to {ends[1]:.1f}"
