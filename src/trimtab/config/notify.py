"""The ``notify`` section: who is told how a run ended."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from trimtab.config.base import Section
from trimtab.config.kubernetes import VariableName

Address = Annotated[str, StringConstraints(pattern=r"^[^@\s<>,]+@[^@\s<>,]+$")]


class Notify(Section):
    """Who is told how a run ended. URLs are secrets, which variables of the environment have."""

    slack: VariableName | None = Field(None, description="Variable with the URL of a Slack webhook.")
    webhook: VariableName | None = Field(
        None, description="Variable with a URL that gets the notice as JSON, by POST."
    )
    email: list[Address] = Field([], description="Who gets a mail.")
    smtp: VariableName | None = Field(
        None,
        description="Variable with the mail server: `smtps://user:password@host:465`, or `smtp://` for one "
        "that is asked to encrypt.",
    )

    heartbeat: VariableName | None = Field(
        None,
        description="Variable with a URL that is asked for at the end of each run that did not fail, as of a "
        "dead man's switch: who watches it tells when no run has ended well for too long.",
    )

    @model_validator(mode="after")
    def _can_send_mail(self) -> Self:
        if bool(self.email) != bool(self.smtp):
            raise ValueError("email and smtp come together: expected who gets a mail, and the mail server")
        return self
