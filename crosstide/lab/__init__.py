"""A lab that makes truth: real model services, real faults, measured effects."""
