from . import plimsoll_events
