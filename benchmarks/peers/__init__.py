"""Other ways to build the same service, as somebody would who knows the tools well; one file each."""
