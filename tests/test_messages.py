"""The catalogues hold every sentence that a client may read, and are compiled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy import messages
from tasks.errors import FACTS


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s", text))


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_sentence_of_ours_has_a_translation_with_the_same_values(language: str) -> None:
    catalog = messages.read(language)
    translations = {message.id: message.string for message in catalog if message.id and not message.fuzzy}
    texts = {message.id for message in messages.gathered() if message.id} | {facts.title for facts in FACTS.values()}
    assert len(texts) > 80
    assert [text for text in texts if not translations.get(text)] == []
    assert [text for text in texts if placeholders(str(text)) != placeholders(str(translations[text]))] == []
    assert [text for text in translations if text not in texts] == []


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    assert messages.po_file(language).with_suffix(".mo").read_bytes() == messages.compiled(messages.read(language))


@pytest.mark.parametrize("code", ['InvalidInput(Code.X, f"{a} b")', 'Problem(Code.X, "a" + b)', 'sentence("%s" % a)', 'gettext(f"{a}")'])
def test_a_sentence_that_is_put_together_in_the_code_is_found(tmp_path: Path, code: str) -> None:
    (tmp_path / "x.py").write_text(code)
    with pytest.raises(messages.PutTogether):
        list(messages.sentences(tmp_path / "x.py"))


def test_sentences_are_found_where_they_stand(tmp_path: Path) -> None:
    code = 'raise ValidationError({"a": "One."})\nProblem(Code.X, sentence("Two %(x)s.", x=1))\nother("Three.")\nrefusal(c, 5, "Four.")'
    (tmp_path / "x.py").write_text(code)
    assert sorted(messages.sentences(tmp_path / "x.py")) == ["Four.", "One.", "Two %(x)s."]
