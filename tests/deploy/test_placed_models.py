"""Archives of models, placed and taken away by a stack whose function may do just that: IAM is enforced."""

from __future__ import annotations

import pytest

from tests.deploy.conftest import Account
from tools.cdk_cli import Cdk, CdkError

IN_REGION = {"LocationConstraint": "eu-west-1"}


@pytest.fixture(scope="module")
def cdk(strict_account: Account) -> Cdk:
    """The CLI, in an account with a registry of two archives, and a model that the stack knows nothing of."""
    cdk, s3 = strict_account.cdk("placed"), strict_account.aws.client("s3")
    for bucket in ("registry", "models"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=IN_REGION)
    for archive in ("first", "second"):
        s3.put_object(Bucket="registry", Key=f"churn/{archive}/model.tar.gz", Body=archive.encode())
    s3.put_object(Bucket="models", Key="tenants/theirs.tar.gz", Body=b"theirs")
    cdk.run("bootstrap", context={"archive": "first", "id": "Churn"})
    return cdk


@pytest.mark.deploy
def test_a_model_comes_changes_moves_and_goes(strict_account: Account, cdk: Cdk) -> None:
    s3 = strict_account.aws.client("s3")

    def deployed(archive: str | None, *, id: str = "Churn", keep: str = "false") -> list[str]:
        """The archives that lie there after deploying this one, under a construct of this id."""
        context = {"archive": archive or "second", "id": id, "keep": keep}
        if archive is None:
            cdk.run("destroy", "Placed", "--force", context=context)
        else:
            cdk.deploy("Placed", context=context)
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket="models")["Contents"]]
        return sorted(s3.get_object(Bucket="models", Key=key)["Body"].read().decode() for key in keys)

    assert deployed("first") == ["first", "theirs"]
    assert deployed("second") == ["second", "theirs"], "the new one first, then the old one goes"
    assert deployed("second", id="Renamed") == ["second", "theirs"], "the old resource took nothing along"
    assert deployed("second", id="Renamed", keep="true") == ["second", "theirs"]
    assert deployed(None, id="Renamed", keep="true") == ["second", "theirs"]


@pytest.mark.deploy
def test_a_model_that_is_not_there_fails_the_stack_with_the_reason(cdk: Cdk) -> None:
    """And the failed stack can be deleted: what was never placed is not looked for."""
    context = {"archive": "missing", "id": "Churn"}
    with pytest.raises(CdkError, match="HeadObject"):
        cdk.deploy("Placed", context=context)
    cdk.run("destroy", "Placed", "--force", context=context)
