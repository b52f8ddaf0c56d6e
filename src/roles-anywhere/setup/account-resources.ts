/** What an account needs for IAM Roles Anywhere: a trust anchor, a role and a profile, as code. */
import { shellQuote } from '../../platform/shell-quote.ts';

export interface AccountResources {
  /** Of all three. */
  name: string;
  region: string;
  /** PEM. */
  authority: string;
  /** Managed policies: what the role may. */
  policyArns: readonly string[];
  /** Of the machine's sessions, at most. */
  durationSeconds: number;
  /** `devaccess anywhere credential-process` as far as it is known, in words. */
  command: readonly string[];
}

export type ResourceFormat = 'cli' | 'cloudformation' | 'terraform';

/** The file of each format. */
export const RESOURCE_FILES: Readonly<Record<ResourceFormat, string>> = {
  cli: 'roles-anywhere.sh',
  cloudformation: 'roles-anywhere.cfn.json',
  terraform: 'roles-anywhere.tf.json',
};

/** The text of its file. */
export function renderResources(format: ResourceFormat, resources: AccountResources): string {
  switch (format) {
    case 'cli':
      return script(resources);
    case 'cloudformation':
      return `${JSON.stringify(cloudFormation(resources), null, 2)}\n`;
    case 'terraform':
      return `${JSON.stringify(terraform(resources), null, 2)}\n`;
  }
}

/**
 * Who may assume the role: the service, for certificates of this trust anchor alone.
 *
 * @param anchor its ARN, or what a template writes for it
 */
function trustPolicy(anchor: unknown): object {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'rolesanywhere.amazonaws.com' },
        Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
        Condition: { ArnEquals: { 'aws:SourceArn': anchor } },
      },
    ],
  };
}

function cloudFormation(resources: AccountResources): object {
  const { name, authority, policyArns, durationSeconds, command } = resources;
  const attribute = (resource: string, each: string): object => ({
    'Fn::GetAtt': [resource, each],
  });
  const arns = [
    ['--trust-anchor-arn', attribute('TrustAnchor', 'TrustAnchorArn')],
    ['--profile-arn', attribute('Profile', 'ProfileArn')],
    ['--role-arn', attribute('Role', 'Arn')],
  ];
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: 'IAM Roles Anywhere, made by devaccess anywhere setup.',
    Resources: {
      TrustAnchor: {
        Type: 'AWS::RolesAnywhere::TrustAnchor',
        Properties: {
          Name: name,
          Enabled: true,
          Source: {
            SourceType: 'CERTIFICATE_BUNDLE',
            SourceData: { X509CertificateData: authority },
          },
        },
      },
      Role: {
        Type: 'AWS::IAM::Role',
        Properties: {
          RoleName: name,
          AssumeRolePolicyDocument: trustPolicy(attribute('TrustAnchor', 'TrustAnchorArn')),
          ...(policyArns.length === 0 ? {} : { ManagedPolicyArns: policyArns }),
          MaxSessionDuration: Math.max(3600, durationSeconds),
        },
      },
      Profile: {
        Type: 'AWS::RolesAnywhere::Profile',
        Properties: {
          Name: name,
          Enabled: true,
          RoleArns: [attribute('Role', 'Arn')],
          DurationSeconds: durationSeconds,
        },
      },
    },
    Outputs: {
      Command: {
        Description: 'What the machine runs',
        Value: { 'Fn::Join': [' ', [...command, ...arns.flat()]] },
      },
    },
  };
}

function terraform(resources: AccountResources): object {
  const { name, authority, policyArns, durationSeconds, command } = resources;
  const label = 'devaccess';
  const arns = {
    anchor: `\${aws_rolesanywhere_trust_anchor.${label}.arn}`,
    profile: `\${aws_rolesanywhere_profile.${label}.arn}`,
    role: `\${aws_iam_role.${label}.arn}`,
  };
  const attachments = policyArns.map((arn, index) => [
    `${label}_${index + 1}`,
    { role: `\${aws_iam_role.${label}.name}`, policy_arn: literal(arn) },
  ]);
  return {
    resource: {
      aws_rolesanywhere_trust_anchor: {
        [label]: {
          name,
          enabled: true,
          source: {
            source_type: 'CERTIFICATE_BUNDLE',
            source_data: { x509_certificate_data: authority },
          },
        },
      },
      aws_iam_role: {
        [label]: {
          name,
          assume_role_policy: JSON.stringify(trustPolicy(arns.anchor)),
          max_session_duration: Math.max(3600, durationSeconds),
        },
      },
      ...(attachments.length === 0
        ? {}
        : { aws_iam_role_policy_attachment: Object.fromEntries(attachments) as object }),
      aws_rolesanywhere_profile: {
        [label]: { name, enabled: true, role_arns: [arns.role], duration_seconds: durationSeconds },
      },
    },
    output: {
      command: {
        value: [
          ...command.map(literal),
          ...['--trust-anchor-arn', arns.anchor],
          ...['--profile-arn', arns.profile],
          ...['--role-arn', arns.role],
        ].join(' '),
      },
    },
  };
}

/** Terraform reads templates in all texts of its JSON. */
function literal(text: string): string {
  return text.replace(/[$%](?=\{)/g, (sign) => sign + sign);
}

/** For the AWS CLI, in a POSIX shell. */
function script(resources: AccountResources): string {
  const { name, region, authority, policyArns, durationSeconds, command } = resources;
  const source = {
    sourceType: 'CERTIFICATE_BUNDLE',
    sourceData: { x509CertificateData: authority },
  };
  // Single quotes around all but the ARN, which the shell puts in.
  const trust = shellQuote(JSON.stringify(trustPolicy('ANCHOR'))).replace('ANCHOR', `'"$anchor"'`);
  const aws = (words: string): string => `aws ${words} --output text`;
  return [
    '#!/bin/sh',
    '# Makes a trust anchor, a role and a profile, once. Made by devaccess anywhere setup.',
    'set -eu',
    // Not all versions read the same one.
    `AWS_REGION=${region} AWS_DEFAULT_REGION=${region}`,
    'export AWS_REGION AWS_DEFAULT_REGION',
    // Before anything is made: names of trust anchors may be taken any number of times.
    `if aws iam get-role --role-name ${name} >/dev/null 2>&1; then`,
    `  echo 'There is a role ${name} already: this has been run, or setup needs another --name' >&2`,
    '  exit 1',
    'fi',
    'anchor=$(' +
      aws(
        `rolesanywhere create-trust-anchor --name ${name} --enabled ` +
          `--source ${shellQuote(JSON.stringify(source))} --query trustAnchor.trustAnchorArn`,
      ) +
      ')',
    'role=$(' +
      aws(
        `iam create-role --role-name ${name} --max-session-duration ${Math.max(3600, durationSeconds)} ` +
          `--assume-role-policy-document ${trust} --query Role.Arn`,
      ) +
      ')',
    ...policyArns.map(
      (arn) => `aws iam attach-role-policy --role-name ${name} --policy-arn ${shellQuote(arn)}`,
    ),
    'profile=$(' +
      aws(
        `rolesanywhere create-profile --name ${name} --enabled ` +
          `--role-arns "$role" --duration-seconds ${durationSeconds} --query profile.profileArn`,
      ) +
      ')',
    "echo 'On the machine (a new role takes a few seconds to be known everywhere):' >&2",
    `printf '%s' ${shellQuote(command.join(' '))}`,
    `printf ' --trust-anchor-arn %s --profile-arn %s --role-arn %s\\n' "$anchor" "$profile" "$role"`,
    '',
  ].join('\n');
}
