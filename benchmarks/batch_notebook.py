"""What the sample notebooks of SageMaker do with the output of a transform job.

https://github.com/aws/amazon-sagemaker-examples, sagemaker_batch_transform: they download the output, read it with
``pd.read_csv(…, header=None)``, and put it beside the data by position. They end there; how a frame comes into
is told by boto3's guide: ``with table.batch_writer() as batch: batch.put_item(…)``, in a loop, numbers as `Decimal`.

Favours to them: of the input only the key's column is parsed, and rows come from ``itertuples``, not ``iterrows``.

What it does not do: nothing is asked of what is there, so an older run overwrites a newer one; two records with one
key fail or overwrite each other; nobody counts whether as many records came out as went in, or that all were written;
a line too few moves all scores after it to other customers; what breaks off begins again, and was seen half; nothing
tells which run wrote an item. All is in memory at once.
"""

from __future__ import annotations

import io
from decimal import Decimal

import pandas as pd

from .batch_aws import BUCKET, Aws
from .batch_files import INPUTS, NOTEBOOK


class Notebook:
    """A cell of a notebook."""

    def __init__(self, aws: Aws, sink: str) -> None:
        session = aws.session()
        self._s3 = session.client("s3")
        self._table = session.resource("dynamodb").Table("churn")
        self._sink = sink

    def __call__(self) -> int:
        """Read all, and write all; how many records that were."""
        listed = self._s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{INPUTS}/")["Contents"]
        frames = [self._scored(each["Key"].removeprefix(f"{INPUTS}/")) for each in listed]
        frame = pd.concat(frames, ignore_index=True)
        if self._sink == "dynamodb":
            self._put_items(frame)
        else:
            # Not to_parquet: it needs pyarrow, which this project does not lock.
            text = frame.to_csv(index=False)
            self._s3.put_object(Bucket=BUCKET, Key="predictions/churn.csv", Body=text.encode())
        return len(frame)

    def _scored(self, name: str) -> pd.DataFrame:
        """A file's keys with the scores beside them, by position."""
        keys = pd.read_csv(
            self._body(f"{INPUTS}/{name}"), header=None, usecols=[0], names=["customer"], index_col=False
        )
        scores = pd.read_csv(self._body(f"{NOTEBOOK}/{name}.out"), header=None, names=["churn"])
        return pd.concat([keys, scores], axis=1)

    def _body(self, key: str) -> io.BytesIO:
        return io.BytesIO(self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def _put_items(self, frame: pd.DataFrame) -> None:
        with self._table.batch_writer() as batch:
            for row in frame.itertuples(index=False):
                batch.put_item(Item={"customer": row.customer, "churn": Decimal(str(row.churn))})
