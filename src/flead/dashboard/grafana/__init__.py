"""Grafana's data source and dashboards as code; ``make deploy`` writes them to ``deploy/grafana``."""
