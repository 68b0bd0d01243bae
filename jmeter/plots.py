"""The plots of a report, each an SVG to stand in a page; seconds count from the run's first sample."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jmeter.results import Sample, percentile
from jmeter.watch import Look

# Okabe and Ito's colours, which people who see fewer colours tell apart too.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000")
DEATH = "#d62728"
MOST_BINS = 120
FEW_POINTS = 30
Series = Mapping[str, Sequence[float]]


class Plots:
    """`samples` in the order of their ends, one at least."""

    def __init__(self, samples: Sequence[Sample], looks: Sequence[Look]) -> None:
        self.samples = samples
        self.jobs = [sample for sample in samples if sample.whole_job]
        self.looks = looks
        self.begin = min(sample.at for sample in samples)
        self.width = max(1, math.ceil((max(sample.end for sample in samples) - self.begin) / MOST_BINS))
        self.bins = 1 + int((max(sample.end for sample in samples) - self.begin) / self.width)
        self.deaths = [(look.at - self.begin, ", ".join(look.died)) for look in looks if look.died]

    def all(self) -> dict[str, str]:
        """Title -> SVG."""
        plots = {
            "Jobs that ended, a second": self.throughput(),
            "Time to result, by percentile": self.results(),
            "Where the time goes: mean of a job, queue and run as the job says, the rest is the way there and back": self.parts(),
            "CPU cores by process": self.machine("cores", lambda look: look.cores),
            "Memory by process, MB (PSS: shared pages counted once)": self.machine("MB", lambda look: look.megabytes),
        }
        if not all(sample.ok for sample in self.samples):
            plots["Failed samples"] = self.failures()
        if any(look.queued or look.running for look in self.looks):
            plots["Jobs that wait, by kind"] = self.machine("jobs", lambda look: look.queued)
        return plots

    # -- by samples
    def throughput(self) -> str:
        rates = {
            name: [len(some) / self.width for some in self.binned(job for job in self.jobs if job.operation == name)]
            for name in sorted({job.operation for job in self.jobs})
        }
        return self.drawn("jobs/s", lambda axes: lines(axes, self.times(), rates))

    def results(self) -> str:
        binned = self.binned(self.jobs)
        series = {
            f"p{share}": [percentile([job.milliseconds for job in some], share / 100) / 1000 if some else math.nan for some in binned]
            for share in (50, 95, 99)
        }
        return self.drawn("seconds", lambda axes: lines(axes, self.times(), series))

    def parts(self) -> str:
        told = [[job for job in some if job.queued_ms is not None and job.run_ms is not None] for some in self.binned(self.jobs)]
        queued = [mean([job.queued_ms or 0 for job in some]) / 1000 for some in told]
        running = [mean([job.run_ms or 0 for job in some]) / 1000 for some in told]
        whole = [mean([job.milliseconds for job in some]) / 1000 for some in told]
        rest = [max(0.0, all_of - one - other) for all_of, one, other in zip(whole, queued, running, strict=True)]

        def draw(axes: Axes) -> None:
            axes.stackplot(self.times(), queued, running, rest, labels=("queue", "run", "rest"), colors=COLOURS, alpha=0.85)

        return self.drawn("seconds", draw)

    def failures(self) -> str:
        failed = [sample for sample in self.samples if not sample.ok]
        counts = {
            name: [float(len(some)) for some in self.binned(sample for sample in failed if sample.label == name)]
            for name in sorted({sample.label for sample in failed})
        }
        return self.drawn(f"in {self.width} s", lambda axes: lines(axes, self.times(), counts))

    def binned(self, samples: Iterable[Sample]) -> list[list[Sample]]:
        """By the moment of their end."""
        found: list[list[Sample]] = [[] for _ in range(self.bins)]
        for sample in samples:
            found[int((sample.end - self.begin) / self.width)].append(sample)
        return found

    def times(self) -> list[float]:
        return [(number + 0.5) * self.width for number in range(self.bins)]

    # -- by looks
    def machine(self, unit: str, values: Callable[[Look], Mapping[str, float]]) -> str:
        """Means of as many looks as the other plots take together: one a second of an hour would be a smear."""
        names = dict.fromkeys(name for look in self.looks for name in values(look))
        together = self.together()
        times = [mean([look.at - self.begin for look in some]) for some in together]
        series = {name: [mean([values(look).get(name, 0.0) for look in some]) for some in together] for name in names}
        return self.drawn(unit, lambda axes: lines(axes, times, series))

    def together(self) -> list[list[Look]]:
        """Looks within one width of time, in order; never none."""
        return [list(some) for _, some in groupby(self.looks, key=lambda look: int((look.at - self.begin) // self.width))]

    def drawn(self, unit: str, draw: Callable[[Axes], None]) -> str:
        with mpl.rc_context({"svg.fonttype": "none", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
            figure = Figure(figsize=(9, 2.6), layout="constrained")
            axes = figure.add_subplot()
            axes.grid(color="#e5e5e5")
            draw(axes)
            for at, who in self.deaths:
                axes.axvline(at, color=DEATH, linestyle="--", linewidth=1, label=f"died: {who}")
            axes.set(ylabel=unit, xlabel="seconds", xlim=(0, None), ylim=(0, None))
            if axes.get_legend_handles_labels()[1]:
                axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
            target = io.StringIO()
            figure.savefig(target, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        return target.getvalue().partition("<svg")[1] + target.getvalue().partition("<svg")[2]


def lines(axes: Axes, times: Sequence[float], series: Series) -> None:
    for number, (name, values) in enumerate(series.items()):
        style = "-" if number < len(COLOURS) else "--"
        marker = "." if len(times) < FEW_POINTS else ""
        axes.plot(times, values, style, color=COLOURS[number % len(COLOURS)], label=name, linewidth=1.3, marker=marker)


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
