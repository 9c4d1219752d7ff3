"""The auditor on Spark: what global models and alarms are worth on labelled readings."""
