"""A federation in one process: updates of any detectors in, global models out."""

from typing import Any

from flead.api.options import settings_of
from flead.errors import FleadError
from flead.federation.rounds import rounds_of
from flead.records import GlobalModel, LocalUpdate


class Federation:
    """The server's side. ``strategy``, ``learner`` and all other settings are by their names (docs/settings.md).

    Unset, the strategy is the learner's own. After updates of ``buffer`` different devices (of a learner that shares
    statistics: after as many updates, whoever they are from) the strategy merges them.

    Examples
    --------
    >>> import flead
    >>> federation = flead.Federation(strategy="fedbuff", learner="zscore", buffer=2)
    >>> site = flead.Detector(learner="zscore", local=True)
    >>> scored = site.observe(flead.simulate(devices=2, seconds=60))
    >>> [federation.add(update) is not None for update in site.take_updates()]
    [False, True]
    >>> federation.model.version, federation.model.num_devices
    (1, 2)
    >>> site.adopt(federation.model)
    """

    def __init__(self, strategy: str | None = None, **settings: Any) -> None:
        self._rounds = rounds_of(settings_of({**settings, "strategy": strategy}))
        self.model: GlobalModel | None = None
        """The newest global model; None before the first round's end."""

    @property
    def strategy(self) -> str:
        """The name of the strategy."""
        return self._rounds.strategy.name

    def add(self, update: LocalUpdate) -> GlobalModel | None:
        """Take in an update; the new global model if it completes a round, else None.

        FleadError for what is no update of this learner's model, or starts from a model that is not this
        federation's.
        """
        if not isinstance(update, LocalUpdate):
            raise FleadError(f"an update is what Detector.take_updates() gives, not {type(update).__name__}")
        refusal = self._rounds.refusal(update)
        if refusal is not None:
            raise FleadError(f"this update of {update.device_id} cannot be merged: {refusal}")
        model = self._rounds.add(update)
        if model is not None:
            self.model = model
        return model
