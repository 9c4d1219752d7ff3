"""Grafana's data source and dashboards as code; ``make docs`` writes them to ``deploy/grafana``."""
