"""A right value of every kind, what each of its properties may be, and a pool of what is wrong somewhere."""

from .additions import ADDITIONS
from .alarms import ALARMS, VALUES_OF_ALARMS
from .batches import BATCHES, VALUES_OF_BATCHES
from .edge import FLEETS, VALUES_OF_EDGE
from .endpoints import ENDPOINTS
from .experiments import EXPERIMENTS, VALUES_OF_EXPERIMENTS
from .hosting import VALUES_OF_HOSTING
from .models import MODELS, VALUES_OF_MODELS
from .monitors import MONITORED, VALUES_OF_MONITORS
from .optimisations import OPTIMISATIONS, VALUES_OF_OPTIMISATIONS
from .pool import POOL, Property, Subject
from .scaling import VALUES_OF_SCALING
from .shadow import SHADOWS, VALUES_OF_SHADOWS

VALUES = [
    *VALUES_OF_SCALING,
    *VALUES_OF_HOSTING,
    *VALUES_OF_MODELS,
    *VALUES_OF_EXPERIMENTS,
    *VALUES_OF_SHADOWS,
    *VALUES_OF_ALARMS,
    *VALUES_OF_MONITORS,
    *VALUES_OF_BATCHES,
    *VALUES_OF_EDGE,
    *VALUES_OF_OPTIMISATIONS,
]
CONSTRUCTS = [
    *MODELS,
    *ENDPOINTS,
    *EXPERIMENTS,
    *SHADOWS,
    *ALARMS,
    *MONITORED,
    *BATCHES,
    *FLEETS,
    *OPTIMISATIONS,
]

__all__ = ["ADDITIONS", "CONSTRUCTS", "POOL", "VALUES", "Property", "Subject"]
