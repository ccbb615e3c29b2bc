"""The template as the emulator gets it: what `sam package` does, and where the two differ."""

import json
from collections.abc import Mapping
from typing import Any

from tests.template import loading

Template = dict[str, Any]


def packaged(bucket: str, key: str, parameters: Mapping[str, str]) -> str:
    """The template with the uploaded artifact in the place of the folder, for these parameters."""
    template = loading.load()
    del template["Globals"]["Function"]["CodeUri"]
    for properties in loading.functions(template).values():
        properties["CodeUri"] = {"Bucket": bucket, "Key": key}
    _numbers(template, parameters)
    _plain_http(template)
    _batches(template)
    return json.dumps(template)


def _numbers(template: Template, parameters: Mapping[str, str]) -> None:
    """A parameter stays a text, which a later comparison with a number does not survive."""
    wake = template["Resources"]["Worker"]["Properties"]["Events"]["Wake"]["Properties"]
    default = template["Parameters"]["WorkerConcurrency"]["Default"]
    chosen = int(parameters.get("WorkerConcurrency", default))
    wake["ScalingConfig"]["MaximumConcurrency"] = chosen


def _plain_http(template: Template) -> None:
    """The emulator has no TLS and keeps to policies, so the ones that insist on it stay out."""
    for name, resource in list(template["Resources"].items()):
        if resource["Type"] in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"):
            del template["Resources"][name]


def _batches(template: Template) -> None:
    """On AWS `sqs:SendMessage` covers SendMessageBatch; here that is an action of its own."""
    for role in loading.of_type(template, "AWS::IAM::Role").values():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                # A statement may stand under a condition; none of those is about the queue.
                if "sqs:SendMessage" in statement.get("Action", ()):
                    statement["Action"].append("sqs:SendMessageBatch")
