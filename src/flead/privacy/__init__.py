"""Privacy beyond the arithmetic of learning: privacy accounting, and secure aggregation.

Needs the packages of the extra ``privacy``.
"""
