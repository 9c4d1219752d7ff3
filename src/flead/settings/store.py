"""The database, and what is kept in it."""

from pydantic import Field, SecretStr

from flead.settings.directories import DirectorySettings
from flead.settings.section import Port


class StoreSettings(DirectorySettings):
    """The database, and what is kept in it."""

    database_port: Port = Field(5432, description="Port of the database; if it is in use, flead run takes another.")
    database_host: str = Field("127.0.0.1", description="Host of the platform's database; flead run has its own.")
    database_password: SecretStr = Field(SecretStr("password"), description="Password of the database user flead.")
    reader_password: SecretStr = Field(
        SecretStr("password"), description="Password of the database user flead_reader, which can only read."
    )
    predictions_per_version: int = Field(
        100, ge=0, description="Individual predictions stored for every global model that is tested."
    )
    signal_rows_per_second: int = Field(
        300, ge=1, description="Signal points stored per second of event time; a larger fleet's signals are thinned."
    )
