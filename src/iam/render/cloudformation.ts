import { asciiJson, commentLines, policyNames } from './template.ts';
import type { PolicyTemplate } from './template.ts';

/** A CloudFormation template, in YAML. */
export function cloudFormation(template: PolicyTemplate): string {
  return [
    '# Made by devaccess iam policy. Deploy it with --capabilities CAPABILITY_NAMED_IAM.',
    ...commentLines(template, '#'),
    yaml({
      AWSTemplateFormatVersion: '2010-09-09',
      Description: 'Access to servers through AWS Systems Manager',
      Resources: resources(template),
    }),
  ].join('\n');
}

function resources(template: PolicyTemplate): Record<string, unknown> {
  const { kind, name, policies, managedPolicyArns, trust } = template;
  const names = policyNames(template);
  const ids = policies.map((_, index) => `Policy${policies.length === 1 ? '' : index + 1}`);
  const holder = kind === 'user' ? 'Group' : 'Role';
  const managed = policies.map((PolicyDocument, index) => [
    ids[index],
    {
      Type: 'AWS::IAM::ManagedPolicy',
      Properties: {
        ManagedPolicyName: names[index],
        PolicyDocument,
        [`${holder}s`]: [{ Ref: holder }],
      },
    },
  ]);
  const arns = managedPolicyArns.length > 0 ? { ManagedPolicyArns: managedPolicyArns } : {};
  const group = { Type: 'AWS::IAM::Group', Properties: { GroupName: name } };
  const role = {
    Type: 'AWS::IAM::Role',
    Properties: { RoleName: name, AssumeRolePolicyDocument: trust, ...arns },
  };
  const profile = {
    Type: 'AWS::IAM::InstanceProfile',
    Properties: { InstanceProfileName: name, Roles: [{ Ref: 'Role' }] },
  };
  return {
    [holder]: kind === 'user' ? group : role,
    ...(kind === 'instance' ? { InstanceProfile: profile } : {}),
    ...(Object.fromEntries(managed) as Record<string, unknown>),
  };
}

/**
 * YAML in block style. Every text is in double quotes with JSON's escapes, which mean the same in
 * YAML: none can be taken for another type, a tag or a function.
 */
function yaml(value: unknown, indent = ''): string {
  if (Array.isArray(value)) {
    return value.map((each) => `${indent}- ${nested(each, `${indent}  `).trimStart()}`).join('\n');
  }
  if (typeof value !== 'object' || value === null) return `${indent}${scalar(value)}`;
  return Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([key, each]) => {
      const isPlain = typeof each !== 'object' || each === null;
      const text = isPlain ? ` ${scalar(each)}` : `\n${nested(each, `${indent}  `)}`;
      return `${indent}${keyText(key)}:${text}`;
    })
    .join('\n');
}

function nested(value: unknown, indent: string): string {
  return yaml(value, indent);
}

function keyText(key: string): string {
  return /^[A-Z][A-Za-z0-9]*$/.test(key) ? key : asciiJson(key);
}

function scalar(value: unknown): string {
  return typeof value === 'string' ? asciiJson(value) : JSON.stringify(value);
}
