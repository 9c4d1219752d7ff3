"""How the server merges the devices' updates into global models."""

from pydantic import Field

from flead.settings.section import Section


class FederationSettings(Section):
    """How the server merges the devices' updates into global models."""

    strategy: str | None = Field(
        None, description="How the server merges updates; unset: the learner's own, which for zscore is fedbuff."
    )
    buffer: int = Field(20, ge=1, description="Updates, each of a different device, that make a global model.")
    proximal: float = Field(
        1.0, ge=0, description="fedprox: how strongly a training is held to the global model that it starts from."
    )
    server_momentum: float = Field(
        0.9, ge=0, lt=1, description="fedavgm and the adaptive ones: how much of its last step the server repeats."
    )
    server_rate: float = Field(
        0.01, gt=0, description="fedadagrad, fedadam, fedyogi: about how far a round moves a parameter."
    )
    second_momentum: float = Field(
        0.99, ge=0, lt=1, description="fedadam, fedyogi: decay of the average of squared changes (beta 2)."
    )
    adaptivity: float = Field(
        1e-3, gt=0, description="fedadagrad, fedadam, fedyogi: changes much smaller than this are damped (tau)."
    )
    hostile: float = Field(
        0.2, ge=0, lt=0.5, description="trimmed_mean, krum, multi_krum: the share of updates that may be hostile."
    )
