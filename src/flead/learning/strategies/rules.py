"""The numbers that strategies go by, with the defaults of the papers that they come from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StrategyRules:
    """What the server's merging depends on beside the updates. Each strategy reads those that it names."""

    server_momentum: float = 0.9
    """Of the server's steps (FedAvgM; beta 1 of the adaptive strategies)."""
    server_rate: float = 0.01
    """Step size of the adaptive strategies: about how far a parameter moves in a round."""
    second_momentum: float = 0.99
    """Beta 2 of FedAdam and FedYogi: how slowly they forget how much a parameter used to change."""
    adaptivity: float = 1e-3
    """Tau of the adaptive strategies: a change much smaller than this counts as none."""
    hostile: float = 0.2
    """The share of a round's updates that may be hostile (trimmed mean, Krum, Multi-Krum); below one half."""

    def __post_init__(self) -> None:
        if not 0 <= self.hostile < 0.5:
            raise ValueError(f"hostile = {self.hostile}: no strategy can bear half of the updates or more")


DEFAULTS = StrategyRules()
