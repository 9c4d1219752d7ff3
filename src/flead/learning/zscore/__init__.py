"""The published rule: z-scores over a window, and logistic regression on them."""
