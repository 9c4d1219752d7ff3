"""The auditor on Spark: the quality of global models and alarms on labelled readings."""
