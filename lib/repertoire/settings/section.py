"""What every section of the settings is: immutable, typed, and strict about names."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A group of settings. Unknown keys are refused; values are checked when it is made and never change after."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
