import { describe, expect, it } from 'vitest';
import { renderResources } from '../../../src/roles-anywhere/setup/account-resources.ts';

const RESOURCES = {
  name: 'node',
  region: 'eu-central-1',
  authority: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
  durationSeconds: 7200,
  command: ['devaccess', '--certificate', "'/a${b}%{c}.pem'"],
};

describe('what an account needs', () => {
  it('is a CloudFormation template whose parts name one another', () => {
    const template = JSON.parse(renderResources('cloudformation', RESOURCES)) as {
      Resources: Record<string, { Type: string; Properties: object }>;
      Outputs: object;
    };
    const { TrustAnchor, Role, Profile } = template.Resources;
    const anchor = { 'Fn::GetAtt': ['TrustAnchor', 'TrustAnchorArn'] };
    expect(TrustAnchor).toMatchObject({
      Type: 'AWS::RolesAnywhere::TrustAnchor',
      Properties: {
        Enabled: true,
        Source: {
          SourceType: 'CERTIFICATE_BUNDLE',
          SourceData: { X509CertificateData: RESOURCES.authority },
        },
      },
    });
    expect(Role).toMatchObject({
      Type: 'AWS::IAM::Role',
      Properties: {
        AssumeRolePolicyDocument: {
          Statement: [
            {
              Principal: { Service: 'rolesanywhere.amazonaws.com' },
              Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
              Condition: { ArnEquals: { 'aws:SourceArn': anchor } },
            },
          ],
        },
        MaxSessionDuration: 7200,
        ManagedPolicyArns: RESOURCES.policyArns,
      },
    });
    expect(Profile).toMatchObject({
      Type: 'AWS::RolesAnywhere::Profile',
      Properties: { RoleArns: [{ 'Fn::GetAtt': ['Role', 'Arn'] }], DurationSeconds: 7200 },
    });
    expect(JSON.stringify(template.Outputs)).toContain('"--trust-anchor-arn",{"Fn::GetAtt"');
  });

  it('is a Terraform module, where only what is meant is a reference', () => {
    const { resource, output } = JSON.parse(renderResources('terraform', RESOURCES)) as {
      resource: Record<string, Record<string, Record<string, unknown>>>;
      output: { command: { value: string } };
    };
    const role = resource['aws_iam_role']!['devaccess']!;
    expect(role['assume_role_policy']).toContain(
      '"aws:SourceArn":"${aws_rolesanywhere_trust_anchor.devaccess.arn}"',
    );
    expect(resource['aws_iam_role_policy_attachment']).toMatchObject({
      devaccess_1: { policy_arn: RESOURCES.policyArns[0] },
    });
    expect(resource['aws_rolesanywhere_profile']!['devaccess']).toMatchObject({
      role_arns: ['${aws_iam_role.devaccess.arn}'],
      duration_seconds: 7200,
    });
    expect(output.command.value).toContain("'/a$${b}%%{c}.pem'");
  });
});
