"""A right value of every kind, what each of its properties may be, and a pool of what is wrong somewhere."""

from .additions import ADDITIONS
from .endpoints import ENDPOINTS
from .experiments import EXPERIMENTS, VALUES_OF_EXPERIMENTS
from .hosting import VALUES_OF_HOSTING
from .models import MODELS, VALUES_OF_MODELS
from .pool import POOL, Property, Subject
from .scaling import VALUES_OF_SCALING
from .shadow import SHADOWS, VALUES_OF_SHADOWS

VALUES = [
    *VALUES_OF_SCALING,
    *VALUES_OF_HOSTING,
    *VALUES_OF_MODELS,
    *VALUES_OF_EXPERIMENTS,
    *VALUES_OF_SHADOWS,
]
CONSTRUCTS = [*MODELS, *ENDPOINTS, *EXPERIMENTS, *SHADOWS]

__all__ = ["ADDITIONS", "CONSTRUCTS", "POOL", "VALUES", "Property", "Subject"]
