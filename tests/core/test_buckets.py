"""The bucket for data: private, encrypted, kept; and what is said of what it does without."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms

from constructs_lib.core.buckets import data_bucket
from tests.support.synth import flat, properties, resource, resources, synthesized, types

BUCKET, KEY = "AWS::S3::Bucket", "AWS::KMS::Key"


def test_it_is_encrypted_with_a_key_of_its_own_that_rotates(stack: cdk.Stack) -> None:
    data_bucket(stack, "Answers", what="Answers of the endpoint")
    template = synthesized(stack)
    (key,) = resources(template, KEY)
    assert key.startswith("AnswersKey")
    assert properties(template, KEY)["EnableKeyRotation"] is True
    assert properties(template, KEY)["Description"] == "Answers of the endpoint"
    (rule,) = properties(template, BUCKET)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": {"Fn::GetAtt": [key, "Arn"]},
        },
    }


def test_your_key_is_used_and_no_other_made(stack: cdk.Stack) -> None:
    key = kms.Key.from_key_arn(stack, "Mine", "arn:aws:kms:eu-west-1:111122223333:key/mine")
    bucket = data_bucket(stack, "Answers", what="Answers", key=key)
    template = synthesized(stack)
    assert KEY not in types(template)
    assert "key/mine" in str(properties(template, BUCKET)["BucketEncryption"])
    assert bucket.encryption_key is not None
    assert bucket.encryption_key.key_arn == key.key_arn


def test_it_is_private_versioned_kept_and_speaks_tls_only(stack: cdk.Stack) -> None:
    data_bucket(stack, "Answers", what="Answers")
    template = synthesized(stack)
    made = resource(template, BUCKET)
    assert (made["DeletionPolicy"], made["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert made["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(made["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    (deny,) = properties(template, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Action"]) == ("Deny", "s3:*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (bucket,) = resources(template, BUCKET)
    assert [flat(each) for each in deny["Resource"]] == [f"<{bucket}.Arn>", f"<{bucket}.Arn>/*"]


def test_old_versions_and_broken_uploads_go(stack: cdk.Stack) -> None:
    data_bucket(stack, "Answers", what="Answers")
    (rule,) = properties(synthesized(stack), BUCKET)["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert "ExpirationInDays" not in rule, "what is current stays"


def test_two_in_one_scope_do_not_meet(stack: cdk.Stack) -> None:
    for name in ("Answers", "Failures"):
        data_bucket(stack, name, what=name)
    template = synthesized(stack)
    assert len(resources(template, BUCKET)) == len(resources(template, KEY)) == 2


def test_what_it_does_without_is_acknowledged_on_it_alone(stack: cdk.Stack) -> None:
    bucket = data_bucket(stack, "Answers", what="Answers")
    shown = str([entry.data for entry in bucket.node.metadata])
    for finding in ("AwsSolutions-S1", "S3BucketLoggingEnabled", "S3BucketReplicationEnabled"):
        assert finding in shown
    assert "AwsSolutions-S1" not in str([entry.data for entry in stack.node.metadata])
