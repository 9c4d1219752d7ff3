"""An agent: where its readings come from, and where it reports to."""

from pydantic import Field

from flead.settings.section import SPEED, Section


class AgentSettings(Section):
    """An agent: where its readings come from, and where it reports to."""

    source: str | None = Field(
        None,
        description="Where an agent's readings come from: mqtt://HOST/TOPICS with a wildcard in place of the"
        " device's id, csv:DIR, skab:DIR, or - for lines on standard input.",
    )
    playback: str = Field(
        "60",
        pattern=SPEED,
        description="How fast an agent plays recordings: event time per real time, 60 is a minute a second; or max.",
    )
    uplink: str | None = Field(
        None, description="Where an agent sends updates and alarms: mqtt://HOST:PORT or kafka://HOST:PORT."
    )
    agent_name: str | None = Field(
        None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="Name of the agent; unset: the host name."
    )
    share_values: bool = Field(
        False, description="Include in an agent's alarms the measured value, and the mean and std it was judged by."
    )
    store_seconds: float = Field(
        1.0,
        gt=0,
        le=60,
        description="Seconds between writes of an agent's store: a crash loses at most this much; longer spares flash.",
    )
    outbox_megabytes: float = Field(
        64.0,
        ge=0.01,
        description="Size of an agent's outbox while its uplink is away; when full, superseded updates go first.",
    )
    outbox_days: float = Field(7.0, gt=0, description="Days after which a waiting record is too old to be sent.")
    uplink_rate: float = Field(
        200.0, gt=0, description="Most records a second that an agent sends, so that it catches up without a burst."
    )
