"""What a worker and its application say to each other, under keys of the WSGI environment."""

from typing import Final

DRAINING: Final = "scaleguard.draining"
"""Whether it is about to stop."""

OVERLOADED: Final = "scaleguard.overloaded"
"""Whether too many requests are in flight, so that this one is to be sent away."""

LAST: Final = "scaleguard.last"
"""Said by the application: the connection ends with this answer."""

SHORT_WAY: Final = "scaleguard.short_way"
"""Under this key of its extensions a Flask application has what answers past it, if anything."""
