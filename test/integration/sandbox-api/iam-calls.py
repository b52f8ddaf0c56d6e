"""Calls of IAM as an administrator makes them, by boto3: against the endpoint given, and against moto.

Prints {"sandbox": [...], "refused": [...], "moto": [...]}: for each call the shape of its answer or its
error; `refused` has the places of calls that moto was spared.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

ACCOUNT = "123456789012"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "ssm:StartSession", "Resource": "*"}],
    }
)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::%s:root" % ACCOUNT},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
ARN = "arn:aws:iam::%s:policy/ssh" % ACCOUNT
DEVICE = "arn:aws:iam::%s:mfa/phone" % ACCOUNT
TAGS = [{"Key": "SSMSessionRunAs", "Value": "bob"}]

# What AWS refuses and moto does not: made against the endpoint alone.
REFUSED = "refused"

CALLS = [
    ("create_policy", dict(PolicyName="ssh", PolicyDocument=POLICY, Description="d", Tags=TAGS)),
    ("create_policy", dict(PolicyName="ssh", PolicyDocument=POLICY)),
    ("create_policy", dict(PolicyName="broken", PolicyDocument="{}")),
    ("create_policy", dict(PolicyName="broken", PolicyDocument="nothing")),
    ("create_policy", dict(PolicyName="broken", PolicyDocument=POLICY.replace("ssm:", "ssm"))),
    ("create_policy", dict(PolicyName="broken", PolicyDocument=POLICY.replace("*", "i-1"))),
    ("get_policy", dict(PolicyArn=ARN)),
    ("get_policy", dict(PolicyArn=ARN + "x")),
    ("create_policy_version", dict(PolicyArn=ARN, PolicyDocument=POLICY, SetAsDefault=True)),
    ("list_policy_versions", dict(PolicyArn=ARN)),
    ("get_policy_version", dict(PolicyArn=ARN, VersionId="v2")),
    ("get_policy_version", dict(PolicyArn=ARN, VersionId="v9")),
    ("delete_policy_version", dict(PolicyArn=ARN, VersionId="v2")),
    ("delete_policy_version", dict(PolicyArn=ARN, VersionId="v1")),
    ("list_policies", dict(Scope="Local")),
    ("create_group", dict(GroupName="ssh", Path="/dev/")),
    ("create_group", dict(GroupName="ssh")),
    ("put_group_policy", dict(GroupName="ssh", PolicyName="inline", PolicyDocument=POLICY)),
    ("put_group_policy", dict(GroupName="none", PolicyName="inline", PolicyDocument=POLICY)),
    ("get_group_policy", dict(GroupName="ssh", PolicyName="inline")),
    ("get_group_policy", dict(GroupName="ssh", PolicyName="none")),
    ("list_group_policies", dict(GroupName="ssh")),
    ("attach_group_policy", dict(GroupName="ssh", PolicyArn=ARN)),
    ("attach_group_policy", dict(GroupName="ssh", PolicyArn=ARN + "x")),
    ("list_attached_group_policies", dict(GroupName="ssh")),
    ("create_user", dict(UserName="bob", Tags=TAGS)),
    ("create_user", dict(UserName="bob")),
    ("get_user", dict(UserName="bob")),
    ("get_user", dict(UserName="carol")),
    ("list_users", dict()),
    ("tag_user", dict(UserName="bob", Tags=TAGS)),
    ("list_user_tags", dict(UserName="bob")),
    ("untag_user", dict(UserName="bob", TagKeys=["SSMSessionRunAs"])),
    ("add_user_to_group", dict(GroupName="ssh", UserName="bob")),
    ("add_user_to_group", dict(GroupName="none", UserName="bob")),
    ("get_group", dict(GroupName="ssh")),
    ("get_group", dict(GroupName="none")),
    ("list_groups_for_user", dict(UserName="bob")),
    ("list_groups", dict()),
    ("put_user_permissions_boundary", dict(UserName="bob", PermissionsBoundary=ARN)),
    ("delete_user_permissions_boundary", dict(UserName="bob")),
    ("put_user_policy", dict(UserName="bob", PolicyName="inline", PolicyDocument=POLICY)),
    ("get_user_policy", dict(UserName="bob", PolicyName="inline")),
    ("list_user_policies", dict(UserName="bob")),
    ("attach_user_policy", dict(UserName="bob", PolicyArn=ARN)),
    ("list_attached_user_policies", dict(UserName="bob")),
    ("list_entities_for_policy", dict(PolicyArn=ARN)),
    ("delete_policy", dict(PolicyArn=ARN), REFUSED),
    ("create_access_key", dict(UserName="bob")),
    ("create_access_key", dict(UserName="bob")),
    ("create_access_key", dict(UserName="bob")),
    ("list_access_keys", dict(UserName="bob")),
    ("get_access_key_last_used", dict(AccessKeyId="KEY")),
    ("update_access_key", dict(UserName="bob", AccessKeyId="KEY", Status="Inactive")),
    ("delete_access_key", dict(UserName="bob", AccessKeyId="KEY")),
    ("delete_access_key", dict(UserName="bob", AccessKeyId="KEY")),
    ("delete_access_key", dict(UserName="bob", AccessKeyId="OTHER")),
    ("create_virtual_mfa_device", dict(VirtualMFADeviceName="phone")),
    ("create_virtual_mfa_device", dict(VirtualMFADeviceName="phone")),
    ("list_virtual_mfa_devices", dict(AssignmentStatus="Unassigned")),
    ("list_mfa_devices", dict(UserName="bob")),
    ("deactivate_mfa_device", dict(UserName="bob", SerialNumber=DEVICE)),
    ("delete_virtual_mfa_device", dict(SerialNumber=DEVICE)),
    ("delete_virtual_mfa_device", dict(SerialNumber=DEVICE)),
    ("create_role", dict(RoleName="ops", AssumeRolePolicyDocument=TRUST, Tags=TAGS)),
    ("create_role", dict(RoleName="ops", AssumeRolePolicyDocument=TRUST)),
    ("create_role", dict(RoleName="broken", AssumeRolePolicyDocument=POLICY), REFUSED),
    ("get_role", dict(RoleName="ops")),
    ("get_role", dict(RoleName="none")),
    ("list_roles", dict()),
    ("list_role_tags", dict(RoleName="ops")),
    ("update_assume_role_policy", dict(RoleName="ops", PolicyDocument=TRUST)),
    ("put_role_policy", dict(RoleName="ops", PolicyName="inline", PolicyDocument=POLICY)),
    ("get_role_policy", dict(RoleName="ops", PolicyName="inline")),
    ("list_role_policies", dict(RoleName="ops")),
    ("delete_role", dict(RoleName="ops")),
    ("delete_role_policy", dict(RoleName="ops", PolicyName="inline")),
    ("delete_role", dict(RoleName="ops")),
    ("delete_user", dict(UserName="bob")),
    ("detach_user_policy", dict(UserName="bob", PolicyArn=ARN)),
    ("detach_user_policy", dict(UserName="bob", PolicyArn=ARN)),
    ("delete_user_policy", dict(UserName="bob", PolicyName="inline")),
    ("delete_user_policy", dict(UserName="bob", PolicyName="inline")),
    ("delete_group", dict(GroupName="ssh"), REFUSED),
    ("remove_user_from_group", dict(GroupName="ssh", UserName="bob")),
    ("detach_group_policy", dict(GroupName="ssh", PolicyArn=ARN)),
    ("delete_group_policy", dict(GroupName="ssh", PolicyName="inline")),
    ("delete_group", dict(GroupName="ssh")),
    ("delete_policy", dict(PolicyArn=ARN)),
    ("delete_user", dict(UserName="bob")),
    ("delete_user", dict(UserName="bob")),
]


def shape(value):
    """Members and types; of a list, the shape of its first item."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def run(client, calls):
    """Makes every call; `KEY` and `OTHER` stand for the first and the second key that were made."""
    records = []
    keys = []
    places = {"KEY": 0, "OTHER": 1}
    for operation, arguments, *_ in calls:
        if arguments.get("AccessKeyId") in places:
            arguments = {**arguments, "AccessKeyId": keys[places[arguments["AccessKeyId"]]]}
        try:
            answer = getattr(client, operation)(**arguments)
            if operation == "create_access_key":
                keys.append(answer["AccessKey"]["AccessKeyId"])
            records.append({"operation": operation, "answer": shape(answer)})
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            message = error.response["Error"]["Message"]
            failed = {"code": code, "status": status, "message": message}
            records.append({"operation": operation, "error": failed})
        except NotImplementedError:
            records.append({"operation": operation, "missing": True})
    return records


def client(endpoint, key_id, secret):
    return boto3.client(
        "iam",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 1}),
    )


endpoint, access_key_id, secret_access_key = json.load(sys.stdin)
result = {"sandbox": run(client(endpoint, access_key_id, secret_access_key), CALLS)}
common = [call for call in CALLS if REFUSED not in call]
result["refused"] = [at for at, call in enumerate(CALLS) if REFUSED in call]
with mock_aws():
    result["moto"] = run(client(None, "testing", "testing"), common)
print(json.dumps(result))
