"""What every section of the config has in common."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from trimtab.errors import ConfigError
from trimtab.registry import STORES


class Section(BaseModel):
    """A section of the config: unknown fields are errors, values are immutable, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, values: Any) -> Any:
        """Refuses a boolean (in YAML also yes, no, on, off) for a number: pydantic would take 1 or 0."""
        given = values if isinstance(values, dict) else {}
        wrong = [
            InitErrorDetails(type="float_type", loc=(name,), input=given[name])
            for name, field in cls.model_fields.items()
            if isinstance(given.get(name), bool) and _is_number(field.annotation)
        ]
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return values


def _is_number(annotation: Any) -> bool:
    accepted = {annotation, *get_args(annotation)}
    return bool(accepted & {int, float}) and bool not in accepted


def _location(value: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ConfigError(
            f"the name of a file or folder is not UTF-8 text: {value!r}",
            hint="Rename it, or give a link to it that has another name.",
        )
    scheme, separator, _ = value.partition("://")
    if not value.strip() or (separator and scheme not in (*STORES, "sklearn")):
        known = ", ".join(f"{name}://" for name in STORES)
        raise ValueError(f"expected a path or a URI ({known}); got {value!r}")
    return value


Location = Annotated[str, AfterValidator(_location)]
"""Where something is, or is to be: on this machine, in an object store, or among what scikit-learn ships."""
