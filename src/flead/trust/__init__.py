"""Who may speak: keys and signatures of agents, and the rules by which the platform believes them."""
