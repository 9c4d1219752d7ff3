"""How flagged readings become alarms, and where alarms are sent."""

import re

from pydantic import Field, SecretStr, field_validator

from flead.settings.section import Secret, Section


class AlarmSettings(Section):
    """How flagged readings become alarms, and where alarms are sent."""

    alarm_gap: float = Field(
        10.0,
        gt=0,
        le=86_400,
        description="Flagged readings at most this many seconds of event time apart are one event; set it to a few"
        " times the interval between readings.",
    )
    alarm_readings: int = Field(
        5, ge=1, description="Flagged readings that make an event an alarm; a single critical one is enough."
    )
    alarm_clear: float = Field(
        60.0, gt=0, le=2_592_000, description="Seconds without a flagged reading after which an alarm closes itself."
    )
    webhook_url: SecretStr | None = Field(
        None, description="The http or https address that new critical alarms are posted to, as JSON."
    )
    webhook_secret: Secret | None = Field(
        None, description="Signs what is posted there: HMAC-SHA-256, in the header X-FLEAD-Signature."
    )

    @field_validator("webhook_url")
    @classmethod
    def _is_address(cls, webhook_url: SecretStr | None) -> SecretStr | None:
        if webhook_url is not None and not re.match(r"https?://[^\s/]+\S*$", webhook_url.get_secret_value()):
            raise ValueError("not an address that begins with http:// or https://")
        return webhook_url
