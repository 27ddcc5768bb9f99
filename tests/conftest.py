"""What every test shares: one Hypothesis profile, without a deadline, since a busy machine is no reason to fail."""

from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
