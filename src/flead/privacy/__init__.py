"""Privacy beyond the arithmetic of learning: accounts of what was told, and sums that hide their terms.

Needs the packages of the extra ``privacy``.
"""
