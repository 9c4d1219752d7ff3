"""Learner ``sentinel``: events and states of any number of channels, by what a fleet teaches itself.

Five ideas, a file each: views against a fixed reference (``reference``), what channels say of each other
(``relations``), how rare all of it is for its signal (``rarities``), a twin of a signal that suffers faults
(``twins``), and the model that tells twins from signals, which is what devices share (``model``). ``observe`` is a
reading's way through them, ``learner`` the learner. The derivation is in docs/sentinel.md.
"""
