"""How much noise protects a device's updates."""

from pydantic import Field

from flead.settings.section import Section


class PrivacySettings(Section):
    """How much noise protects a device's updates."""

    privacy_noise: float = Field(
        0.0,
        ge=0,
        description="Noise added to an update, in multiples of privacy_clip; 0: updates are not private.",
    )
    privacy_clip: float = Field(
        1.0, gt=0, description="The largest distance of a private update from the newest global model."
    )
    privacy_seed: int | None = Field(
        None,
        ge=0,
        lt=2**128,
        description="Seed of the noise, for experiments only: whoever knows it can remove the noise. Unset:"
        " unpredictable noise.",
    )
