import { commentLines, policyNames } from './template.ts';
import type { PolicyTemplate } from './template.ts';

/** A Terraform (or OpenTofu) module of the AWS provider. */
export function terraform(template: PolicyTemplate): string {
  return [
    ['# Made by devaccess iam policy.', ...commentLines(template, '#')].join('\n'),
    ...holder(template),
    ...policies(template),
  ].join('\n\n');
}

function holder({ kind, name, trust, managedPolicyArns }: PolicyTemplate): string[] {
  if (kind === 'user') {
    return [block(['aws_iam_group', 'devaccess'], [`name = ${text(name)}`])];
  }
  const role = block(
    ['aws_iam_role', 'devaccess'],
    [`name = ${text(name)}`, `assume_role_policy = jsonencode(${expression(trust)})`],
  );
  const aws = managedPolicyArns.map((arn, index) =>
    block(
      ['aws_iam_role_policy_attachment', `aws_${index + 1}`],
      ['role = aws_iam_role.devaccess.name', `policy_arn = ${text(arn)}`],
    ),
  );
  if (kind === 'role') return [role, ...aws];
  const profile = block(
    ['aws_iam_instance_profile', 'devaccess'],
    [`name = ${text(name)}`, 'role = aws_iam_role.devaccess.name'],
  );
  return [role, profile, ...aws];
}

function policies(template: PolicyTemplate): string[] {
  const isGroup = template.kind === 'user';
  const names = policyNames(template);
  return template.policies.flatMap((policy, index) => {
    const label = template.policies.length === 1 ? 'devaccess' : `devaccess_${index + 1}`;
    return [
      block(
        ['aws_iam_policy', label],
        [
          `name = ${text(names[index] ?? template.name)}`,
          `policy = jsonencode(${expression(policy)})`,
        ],
      ),
      block(
        [isGroup ? 'aws_iam_group_policy_attachment' : 'aws_iam_role_policy_attachment', label],
        [
          isGroup ? 'group = aws_iam_group.devaccess.name' : 'role = aws_iam_role.devaccess.name',
          `policy_arn = aws_iam_policy.${label}.arn`,
        ],
      ),
    ];
  });
}

function block([type, label]: readonly [string, string], lines: readonly string[]): string {
  const members = lines.map((line) => {
    const at = line.indexOf(' = ');
    return [line.slice(0, at), line.slice(at + 3)] as const;
  });
  return `resource "${type}" "${label}" {\n${aligned(members, '  ')}\n}`;
}

/** A value as an expression of HCL. */
function expression(value: unknown, indent = '  '): string {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((each) => `${inner}${expression(each, inner)},`);
    return `[\n${items.join('\n')}\n${indent}]`;
  }
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'string' ? text(value) : JSON.stringify(value);
  }
  const members = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([key, each]) => [attribute(key), expression(each, inner)] as const);
  return `{\n${aligned(members, inner)}\n${indent}}`;
}

/** Lines `name = value` as `terraform fmt` has them: neighbours of one line each share a column. */
function aligned(members: readonly (readonly [string, string])[], indent: string): string {
  const isLong = ([, value]: readonly [string, string]): boolean => value.includes('\n');
  return members
    .map((member, index) => {
      const [name, value] = member;
      if (isLong(member)) return `${indent}${name} = ${value}`;
      let from = index;
      while (from > 0 && !isLong(members[from - 1] ?? member)) from -= 1;
      let to = index + 1;
      while (to < members.length && !isLong(members[to] ?? member)) to += 1;
      const width = Math.max(...members.slice(from, to).map(([each]) => each.length));
      return `${indent}${name.padEnd(width)} = ${value}`;
    })
    .join('\n');
}

function attribute(key: string): string {
  return /^[A-Za-z][A-Za-z0-9]*$/.test(key) ? key : text(key);
}

/**
 * A quoted text of HCL. `${` and `%{` begin templates there: doubled, they are themselves; after
 * another of the kind doubling would not be seen as such, and it is written by its number.
 */
export function text(value: string): string {
  const escaped = value
    .replace(/[\\"]/g, '\\$&')
    .replace(/[$%]+(?=\{)/g, (run) =>
      run.length === 1 ? run + run : run.replace(/./g, (char) => unicode(char)),
    )
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, unicode);
  return `"${escaped}"`;
}

function unicode(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
