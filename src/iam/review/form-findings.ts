import type { PolicyBench } from './exemplars.ts';
import { refsOf } from './exemplars.ts';
import type { Finding } from './finding.ts';
import type { ReviewedCondition, ReviewedStatement } from './reviewed-policy.ts';

/** What a statement does by its form: more than it seems to, or nothing at all. */
export function formFindings(bench: PolicyBench): Finding[] {
  const { statements } = bench.policy;
  const allows = statements.filter(({ effect }) => effect === 'Allow');
  return [
    ...versionFindings(bench),
    ...report(
      allows.filter(({ allBut }) => allBut),
      {
        id: 'not-action',
        severity: 'high',
        title: 'Allow with NotAction',
        why: 'It allows whatever is not listed, of every service, and what AWS adds tomorrow.',
        fix: 'list the actions that are needed',
      },
    ),
    ...report(
      allows.filter(({ allResourcesBut }) => allResourcesBut),
      {
        id: 'not-resource',
        severity: 'high',
        title: 'Allow with NotResource',
        why: 'It allows the actions on whatever is not listed.',
        fix: 'list the resources that are needed',
      },
    ),
    ...report(
      allows.filter(
        ({ actions, allBut }) =>
          !allBut && actions.some((action) => /^(\*|[^:]+:\*)$/.test(action)),
      ),
      {
        id: 'all-actions',
        severity: 'medium',
        title: 'All actions of a service',
        why: 'What else the service can do is allowed too, and what AWS adds tomorrow.',
        fix: 'list the actions that are needed',
      },
    ),
    ...report(
      allows.filter(({ conditions }) => conditions.some(({ set }) => set === 'ForAllValues')),
      {
        id: 'for-all-values',
        severity: 'medium',
        title: 'ForAllValues in an Allow',
        why: 'It holds as well where the key is not in the request at all.',
        fix: 'add "Null": {"KEY": "false"}, or use ForAnyValue',
      },
    ),
    ...documentForm(allows),
    ...checkForm(allows),
    ...variableForm(bench),
    ...scopeForm(bench, allows),
  ];
}

function report(
  statements: readonly ReviewedStatement[],
  finding: Omit<Finding, 'statements'>,
): Finding[] {
  return statements.length === 0 ? [] : [{ ...finding, statements: refsOf(statements) }];
}

function versionFindings({ policy }: PolicyBench): Finding[] {
  if (policy.version === '2012-10-17') return [];
  const withVariables = policy.statements.filter(
    ({ resources, conditions }) =>
      resources.some(hasVariable) || conditions.some(({ values }) => values.some(hasVariable)),
  );
  return [
    {
      id: 'old-version',
      severity: withVariables.length > 0 ? 'high' : 'low',
      title: 'The policy language of 2008',
      statements: refsOf(withVariables),
      why:
        withVariables.length > 0
          ? '${aws:username} and the like are that very text there, and match nothing that is meant.'
          : 'Without a Version it is the one of 2008, which knows no variables.',
      fix: '"Version": "2012-10-17"',
    },
  ];
}

function hasVariable(text: string): boolean {
  return text.includes('${');
}

const DOCUMENT = /^arn:[^:]*:ssm:[^:]*:([^:]*):document\/(.+)$/;

function documentForm(allows: readonly ReviewedStatement[]): Finding[] {
  const wrongAccount = allows.filter(({ resources }) =>
    resources.some((arn) => {
      const [, account = '', name = ''] = DOCUMENT.exec(arn) ?? [];
      if (name === '' || account.includes('*')) return false;
      const isAws = /^(AWS|Amazon|Amzn)/i.test(name);
      return isAws ? account !== '' : account === '' && !name.includes('*');
    }),
  );
  const tagged = allows.filter(
    ({ actions, resources, conditions }) =>
      actions.some((action) => /^ssm:(StartSession|SendCommand|\*)$/i.test(action)) &&
      resources.some((arn) => DOCUMENT.test(arn)) &&
      conditions.some(({ key, ifExists }) => /^(ssm|aws):resourcetag\//i.test(key) && !ifExists),
  );
  return [
    ...report(wrongAccount, {
      id: 'document-account',
      severity: 'medium',
      title: 'A document that is never matched',
      why: "ARNs of AWS's documents have no account (arn:aws:ssm:REGION::document/AWS-StartSSHSession), those of your own have yours.",
      fix: 'correct the account field',
    }),
    ...report(tagged, {
      id: 'tag-on-document',
      severity: 'medium',
      title: 'A tag condition on documents',
      why: 'The tags of nodes are not those of documents: for the document the condition does not hold, and the session is refused.',
      fix: 'put documents into a statement of their own, without the tag',
    }),
  ];
}

function checkForm(allows: readonly ReviewedStatement[]): Finding[] {
  const isCheck = ({ key }: ReviewedCondition): boolean =>
    key.toLowerCase() === 'ssm:sessiondocumentaccesscheck';
  return [
    ...report(
      allows.filter(({ conditions }) => conditions.some((each) => isCheck(each) && !each.ifExists)),
      {
        id: 'check-operator',
        severity: 'medium',
        title: 'SessionDocumentAccessCheck without IfExists',
        why: 'Where the key is not in the request, documents that are listed are refused as well.',
        fix: '"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}',
      },
    ),
  ];
}

function variableForm({ policy, holder }: PolicyBench): Finding[] {
  if (holder === 'user') return [];
  const byName = policy.statements.filter(
    ({ resources, conditions }) =>
      resources.some(hasUserName) || conditions.some(({ values }) => values.some(hasUserName)),
  );
  return report(byName, {
    id: 'username-in-role',
    severity: 'medium',
    title: '${aws:username} in the policy of a role',
    why: 'Roles and people of IAM Identity Center have no user name: the statement matches nothing.',
    fix: 'use ${aws:userid}, or the tag ssm:resourceTag/aws:ssmmessages:session-id',
  });
}

function hasUserName(text: string): boolean {
  return /\$\{aws:username\b/i.test(text);
}

function scopeForm(bench: PolicyBench, allows: readonly ReviewedStatement[]): Finding[] {
  const starts = allows.filter(({ actions, allBut }) =>
    actions.some((action) => !allBut && /^ssm:(start\*|startsession|\*)$/i.test(action)),
  );
  const arns = starts.flatMap(({ resources }) => resources);
  const hybrid = bench.allows(
    'ssm:StartSession',
    'arn:P:ssm:R:A:managed-instance/mi-0f0f0f0f0f0f0f0f0',
    {
      mfa: 'fresh',
      documentCheck: true,
    },
  );
  const isWide = arns.some((arn) => /:instance\/(i-)?\*$/.test(arn));
  const regions = new Set(
    starts
      .flatMap(({ resources }) => resources)
      .filter((arn) => arn !== '*')
      .map((arn) => arn.split(':')[3] ?? ''),
  );
  const partitions = new Set(
    bench.policy.statements
      .flatMap(({ resources }) => resources)
      .map((arn) => arn.split(':')[1] ?? '*')
      .filter((partition) => !partition.includes('*')),
  );
  return [
    ...(hybrid === undefined && isWide
      ? report(starts, {
          id: 'no-hybrid-nodes',
          severity: 'low',
          title: 'Hybrid nodes are left out',
          why: 'Nodes with ids mi-… are arn:PARTITION:ssm:REGION:ACCOUNT:managed-instance/*, which no statement lists.',
          fix: 'add them where there are any',
        })
      : []),
    ...(regions.size > 1 && regions.has('*')
      ? report(starts, {
          id: 'region-mix',
          severity: 'low',
          title: 'Regions of nodes and documents differ',
          why: 'One is narrowed to a region and the other is not: what is allowed is what both allow.',
          fix: 'name the same regions for both',
        })
      : []),
    ...(partitions.size > 1
      ? report(bench.policy.statements, {
          id: 'partition-mix',
          severity: 'medium',
          title: 'ARNs of several partitions',
          why: `An account is in one of ${[...partitions].join(', ')}: the others match nothing.`,
          fix: 'use the partition of the account',
        })
      : []),
  ];
}
