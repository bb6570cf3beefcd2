"""An API in front of a model, called by the client that applications use."""

from __future__ import annotations

from urllib.parse import urlsplit

from constructs_lib.access.client import CsvNumbers, IamAuth, InferenceClient, InferenceError, Json
from tools.demo.patients import RECORDS, TRUTH, accuracy
from tools.demo.stage import DemoFailedError, Stage, must

STACK = "Api"


def run(stage: Stage) -> None:
    """Ask as an application would; then wrongly, which must be refused before the model is asked."""
    auth = IamAuth(session=stage.aws.session())
    client = InferenceClient.for_api(_url(stage), auth=auth).speaking(CsvNumbers(), Json())
    prediction = client.predict(RECORDS, inference_id="demo-api")
    must(prediction.inference_id == "demo-api", "the inference id did not come back")
    how = accuracy(prediction.value["labels"], TRUTH)  # type: ignore[index, call-overload]
    try:
        client.predict([[1, 2, 3]])
    except InferenceError as refused:
        told = type(refused).__name__
    else:
        raise DemoFailedError("three columns of thirty were answered")
    stage.say(f"Api: {how}; a request of three columns is refused: {told}")
    stage.seen.answered.append(("InferenceApi", "the client, signed with SigV4", "1 request", how))
    stage.seen.answered.append(("InferenceApi", "the same, 3 columns of 30", "1 request", f"refused: {told}"))


def _url(stage: Stage) -> str:
    """Names below localhost are not known everywhere: the emulator has the same API at a path, too."""
    (api, *_), stage_of_api = urlsplit(stage.aws.outputs(STACK)["Url"]).netloc.split("."), "$default"
    return f"{stage.aws.url}/_aws/execute-api/{api}/{stage_of_api}"
