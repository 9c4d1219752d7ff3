"""Where the web viewer listens, and who may open it."""

from pydantic import Field

from flead.settings.section import Port, Secret, Section


class ViewerSettings(Section):
    """Where the web viewer listens, and who may open it."""

    web_host: str = Field("127.0.0.1", description="The address that the viewer listens on.")
    web_port: Port = Field(8082, description="Port of the viewer; 0 takes a free one.")
    web_password: Secret | None = Field(
        None, description="Opens the viewer and, as a bearer token, its API; required on any address but loopback."
    )
    streams_port: Port = Field(8081, description="A second port, on which flead up shows the viewer's Streams page.")
