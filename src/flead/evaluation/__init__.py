"""The auditor: what models are worth on labelled readings that they were not trained on."""
