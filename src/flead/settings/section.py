"""What all sections have in common, and the types of values that several of them take."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

SPEED = r"^(max|0*[1-9][0-9]*(\.[0-9]+)?|0*\.0*[1-9][0-9]*)$"
"""A number above 0, or max."""

Port = Annotated[int, Field(ge=0, le=65535)]


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < 8:
        raise ValueError("shorter than 8 characters, and so too easy to guess")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
"""A secret that guards something others can reach: at least 8 characters."""


class Section(BaseModel):
    """Some of the settings, immutable. A part of FLEAD takes the section that it reads, not all settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)
