"""The recogniser: what a table of unknown origin holds, each guess with its reason and the setting that pins it.

One idea a file: ``containers`` (compression and encoding), ``dialect`` (separator, preamble, header, units),
``sections`` (a header that comes again), ``times`` and ``zones``, ``numbers``, ``sentinels``, ``roles`` (which column
is what, and so the shape), ``documents`` (JSON), ``device_names``. What came of it is an
:class:`~flead.ingest.recognise.understanding.Understanding`.
"""
