"""The services of the platform: a module each, whose ``run(settings)`` lasts until the service is told to stop."""

SERVICES = {
    "producer": "flead.platform.producer",
    "training": "flead.platform.training.service",
    "aggregator": "flead.platform.aggregator.service",
    "collector": "flead.platform.collector.service",
    "evaluation": "flead.platform.evaluation.service",
    "analytics": "flead.platform.analytics.service",
    "gateway": "flead.platform.gateway.service",
    "viewer": "flead.platform.viewer",
}
"""What ``flead service NAME`` runs. Each is imported when it is run: none needs what only the others need."""

ONCE = {"analytics": "flead.platform.analytics.once"}
"""What ``flead service NAME --once`` runs: its ``run(settings)`` ends once its work is done."""
