"""Where agents come from: files of this deployment, or somebody else's product."""
