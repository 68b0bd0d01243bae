"""Programs for whoever builds and installs."""
