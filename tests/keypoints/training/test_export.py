from __future__ import annotations

from keypoints.training.export import card

FIGURES = {
    "labelled": {
        "photos": 3,
        "points": 40,
        "pck_05": 0.9,
        "intervals": {"pck_05": [0.85, 0.95]},
        "calibration": {"bands": [{"from": 0.85, "to": 1.0, "points": 20, "confidence": 0.9, "wrong": 0.05, "p90": 0.03}]},
    },
    "kinds": {
        "photos": 9,
        "right": 0.8,
        "garments_right": 0.75,
        "no_garment_right": None,
        "by_class": {"skirt": {"photos": 9, "right": 0.8}},
        "caught": {"0.1": {"wrong": 0.9, "right": 0.02}},
    },
    "centimetres": {"all": {"count": 12, "median": 0.61, "p90": 2.4}},
}


def test_the_card_says_how_it_was_trained_and_every_figure() -> None:
    text = card({"version": "garments-2", "steps": 5, "seed": 0}, FIGURES)
    assert "- steps: 5" in text
    assert "| pck_05 | 0.9000 | 0.8500-0.9500 |" in text
    assert "| 0.85-1.0 | 20 | 5.0% | 0.030 |" in text
    assert "of garments 75.0%, of other things -" in text
    assert "| skirt | 9 | 80.0% |" in text
    assert "| 0.1 | 90.0% | 2.0% |" in text
    assert "| all | 12 | 0.61 | 2.40 |" in text


def test_a_card_without_figures_is_only_about_the_training() -> None:
    assert "##" in card({"version": "x"}, {})
    assert "Reliability" not in card({"version": "x"}, {})
