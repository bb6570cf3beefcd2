"""What the model is made of: a scikit-learn estimator, or ONNX already; and the ONNX that follows from it."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import onnx
import sklearn
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType

from .archive import ModelFile
from .errors import BadHeldOut, BadModel
from .held_out import HeldOut, X
from .metrics import Predictions
from .onnx_model import OnnxModel
from .options import Options

Array = npt.NDArray[Any]
INPUT = "features"
"""What the input of a converted estimator is called."""
_ML_OPSET = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A model as it was given, what it predicts, and itself in ONNX."""

    kind: str
    """``scikit-learn`` or ``onnx``."""
    predictions: Predictions
    model: OnnxModel
    classes: Array | None
    """In the order of the scores, where they are known."""
    digest: str
    """SHA-256 of the file."""
    warnings: tuple[str, ...] = ()


def source_of(file: ModelFile, held_out: HeldOut, options: Options) -> Source:
    """The model, and what it says of the held-out set.

    :raises BadModel: it cannot be loaded, converted or run.
    :raises BadHeldOut: its records are not for this model.
    """
    digest = hashlib.sha256(file.content).hexdigest()
    return (_of_onnx if file.is_onnx else _of_estimator)(file, held_out, options, digest)


def told_by(model: OnnxModel, held_out: HeldOut, options: Options) -> Predictions:
    """What an ONNX model says of the held-out set, as a device would run it."""
    outputs = model.run(model.feed(held_out.inputs), batch=options.batch)
    return model.classes_told(outputs) if options.classifies else model.numbers_told(outputs)


def _of_onnx(file: ModelFile, held_out: HeldOut, options: Options, digest: str) -> Source:
    model = checked(file.content)
    told = told_by(model, held_out, options)
    return Source(kind="onnx", predictions=told, model=model, classes=None, digest=digest)


def checked(content: bytes) -> OnnxModel:
    """The model, once ONNX's checker and ONNX Runtime have nothing against it.

    :raises BadModel: they have.
    """
    try:
        proto = onnx.load_from_string(content)
    except Exception as error:  # protobuf's, which onnx does not name
        raise BadModel(f"it is no ONNX model ({type(error).__name__}: {error})") from error
    if any(each.data_location == onnx.TensorProto.EXTERNAL for each in proto.graph.initializer):
        raise BadModel("its weights are in files beside it: save it in one file of less than 2 GB")
    try:
        onnx.checker.check_model(proto, full_check=True)
    except Exception as error:  # ValidationError, or one of shape inference
        raise BadModel(f"the checker of ONNX {onnx.__version__} refuses it: {error}") from error
    return OnnxModel(content)


# --- scikit-learn --------------------------------------------------------------------------------------------


def _of_estimator(file: ModelFile, held_out: HeldOut, options: Options, digest: str) -> Source:
    estimator, told = _unpickled(file)
    if options.classifies != sklearn.base.is_classifier(estimator):
        wanted = "a classifier" if options.classifies else "a regressor"
        raise BadModel(f"{type(estimator).__name__} is not {wanted}, which {options.metric} is a measure of")
    features = _features(estimator, held_out)
    predictions, classes = _predicted(estimator, features, options)
    model = checked(_converted(estimator, features.shape[1], options))
    return Source(
        kind="scikit-learn",
        predictions=predictions,
        model=model,
        classes=classes,
        digest=digest,
        warnings=told,
    )


def _unpickled(file: ModelFile) -> tuple[Any, tuple[str, ...]]:
    """The estimator: the job is the user's own, as is the archive, and it has no network."""
    here = f"this image has scikit-learn {sklearn.__version__}"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator = joblib.load(io.BytesIO(file.content))
        except Exception as error:  # unpickling raises whatever a class wants to
            raise BadModel(
                f"{file.name} cannot be unpickled ({type(error).__name__}: {error}); {here}: "
                "export it to ONNX where it was trained, or give an image that has what it needs"
            ) from error
    if not callable(getattr(estimator, "predict", None)):
        raise BadModel(f"{file.name} holds a {type(estimator).__name__}, which cannot predict")
    versions = {
        str(each.message.original_sklearn_version)
        for each in caught
        if isinstance(each.message, sklearn.exceptions.InconsistentVersionWarning)
    }
    return estimator, tuple(f"saved with scikit-learn {each}, and {here}" for each in sorted(versions))


def _features(estimator: Any, held_out: HeldOut) -> Array:
    """The records as the estimator takes them: a table of numbers."""
    if set(held_out.inputs) != {X} or held_out.inputs[X].ndim != 2 or held_out.inputs[X].dtype.kind == "U":
        raise BadHeldOut("a scikit-learn estimator takes one table of numbers: X with a row a record")
    found = np.asarray(held_out.inputs[X], dtype=np.float64)
    wanted = getattr(estimator, "n_features_in_", found.shape[1])
    if found.shape[1] != wanted:
        raise BadHeldOut(f"a record has {found.shape[1]} features, and the model takes {wanted}")
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and held_out.features is not None and list(names) != list(held_out.features):
        first = next(at for at, name in enumerate(names) if name != held_out.features[at])
        raise BadHeldOut(
            f"feature {first + 1} is {held_out.features[first]!r}, and the model was fitted with {names[first]!r} there"
        )
    return found


def _predicted(estimator: Any, features: Array, options: Options) -> tuple[Predictions, Array | None]:
    with warnings.catch_warnings():
        # That the records have no names, where those of training had: their order was compared.
        warnings.simplefilter("ignore")
        try:
            values = np.asarray(estimator.predict(features))
            scores = (
                np.asarray(estimator.predict_proba(features))
                if options.classifies and hasattr(estimator, "predict_proba")
                else None
            )
        except Exception as error:  # an estimator raises whatever its author wanted
            raise BadModel(f"the estimator cannot predict ({type(error).__name__}: {error})") from error
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise BadModel(f"it predicts {values.shape[1:]} values a record, of which devices compare one")
    if not options.classifies:
        return Predictions(values=values.astype(np.float64)), None
    return Predictions(values=as_classes(values), scores=scores), as_classes(np.asarray(estimator.classes_))


def as_classes(values: Array) -> Array:
    """Classes as ONNX has them: whole numbers, or texts."""
    if values.dtype.kind not in "biuf":
        return values.astype(np.str_)
    whole = values.astype(np.int64)
    if values.dtype.kind == "f" and not np.array_equal(whole, values):
        raise BadModel(
            "its classes are numbers with fractions, which ONNX does not have: give them whole numbers"
        )
    return whole


def _converted(estimator: Any, width: int, options: Options) -> bytes:
    """In ONNX: named, so that the same estimator has the same bytes."""
    inner = getattr(estimator, "best_estimator_", estimator)
    given = {
        "name": "model",
        "initial_types": [(INPUT, FloatTensorType([None, width]))],
        "target_opset": {"": options.opset, "ai.onnx.ml": _ML_OPSET},
    }
    # Scores as one array: a list of dictionaries is no tensor.
    shaping = {id(inner): {"zipmap": False}} if options.classifies else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = _convert(inner, given, shaping)
    except Exception as error:  # skl2onnx's have no common class
        raise BadModel(
            f"skl2onnx cannot convert {type(inner).__name__} ({type(error).__name__}: {error})"
        ) from error
    return bytes(found.SerializeToString(deterministic=True))


def _convert(
    estimator: Any, given: Mapping[str, Any], shaping: Mapping[int, Mapping[str, bool]] | None
) -> Any:
    try:
        return convert_sklearn(estimator, options=shaping, **given)
    except NameError as error:
        # Those that never give a list of dictionaries do not know the option.
        if "zipmap" not in str(error):
            raise
        return convert_sklearn(estimator, **given)
