"""The Python API for notebooks and scripts: what ``import flead`` gives. See docs/api.md."""
