"""The services of the streaming platform, a module or a package each: what ``flead service NAME`` runs."""
