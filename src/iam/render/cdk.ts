import { asciiJson, commentLines, policyNames } from './template.ts';
import type { PolicyTemplate } from './template.ts';

/** A stack for the AWS CDK, in TypeScript. */
export function cdk(template: PolicyTemplate): string {
  const { kind, name, trust, managedPolicyArns } = template;
  const names = policyNames(template);
  const lines = [
    '// Made by devaccess iam policy.',
    ...commentLines(template, '//'),
    "import { Stack, type StackProps } from 'aws-cdk-lib';",
    "import * as iam from 'aws-cdk-lib/aws-iam';",
    "import { Construct } from 'constructs';",
    '',
    'export class DevaccessStack extends Stack {',
    '  constructor(scope: Construct, id: string, props?: StackProps) {',
    '    super(scope, id, props);',
  ];
  if (kind === 'user') {
    lines.push(
      `    const group = new iam.CfnGroup(this, 'Group', { groupName: ${asciiJson(name)} });`,
    );
  } else {
    lines.push(
      "    const role = new iam.CfnRole(this, 'Role', {",
      `      roleName: ${asciiJson(name)},`,
      `      assumeRolePolicyDocument: ${literal(trust, '      ')},`,
      ...(managedPolicyArns.length > 0
        ? [`      managedPolicyArns: ${literal(managedPolicyArns, '      ')},`]
        : []),
      '    });',
    );
  }
  if (kind === 'instance') {
    lines.push(
      "    new iam.CfnInstanceProfile(this, 'InstanceProfile', {",
      `      instanceProfileName: ${asciiJson(name)},`,
      '      roles: [role.ref],',
      '    });',
    );
  }
  template.policies.forEach((policy, index) => {
    const id = template.policies.length === 1 ? 'Policy' : `Policy${index + 1}`;
    lines.push(
      `    new iam.CfnManagedPolicy(this, '${id}', {`,
      `      managedPolicyName: ${asciiJson(names[index] ?? name)},`,
      kind === 'user' ? '      groups: [group.ref],' : '      roles: [role.ref],',
      `      policyDocument: ${literal(policy, '      ')},`,
      '    });',
    );
  });
  return [...lines, '  }', '}'].join('\n');
}

/** A value as TypeScript has it: JSON, in ASCII. */
function literal(value: unknown, indent: string): string {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((each) => `${inner}${literal(each, inner)},`);
    return `[\n${items.join('\n')}\n${indent}]`;
  }
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'string' ? asciiJson(value) : JSON.stringify(value);
  }
  const members = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([key, each]) => `${inner}${propertyName(key)}: ${literal(each, inner)},`);
  return `{\n${members.join('\n')}\n${indent}}`;
}

function propertyName(key: string): string {
  return /^[A-Za-z][A-Za-z0-9]*$/.test(key) ? key : asciiJson(key);
}
