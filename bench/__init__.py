"""How fast Farthing is on this machine, against baselines in the same run. Never part of a test: `./dev bench`."""
