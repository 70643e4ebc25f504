"""What the questions of verbs have in common: each opens with its usual answers."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_wtf import FlaskForm


class QuestionForm(FlaskForm):
    """A question that opens with its usual answers; what the person answered is read once it was asked."""

    def __init__(self) -> None:
        self.asked = request.form.get("_asked") == "1"
        super().__init__(**({} if self.asked else {"formdata": None}))

    def usual(self, **answers: Any) -> None:
        """The answers that the question opens with."""
        if not self.asked:
            for name, value in answers.items():
                self[name].data = value
