import type { FeatureVerdict, IdentityCheck } from './check.ts';

/** The table of `devaccess iam check`, and what to add, for a person to read. */
export function checkTable({ features }: IdentityCheck): {
  heads: string[];
  rows: string[][];
} {
  const isSplit = features.some(({ withMfa }) => withMfa !== null);
  const verdicts = ({ withMfa, withoutMfa, asIs }: FeatureVerdict): string[] =>
    isSplit ? [withMfa ?? '', withoutMfa ?? ''] : [asIs ?? ''];
  return {
    heads: ['FEATURE', ...(isSplit ? ['WITH MFA', 'WITHOUT'] : ['ALLOWED']), 'MISSING'],
    rows: features.map((verdict) => [verdict.feature, ...verdicts(verdict), missingText(verdict)]),
  };
}

function missingText({ missing }: FeatureVerdict): string {
  const known = missing.filter(({ why }) => why !== 'unknown');
  const [first] = known.length > 0 ? known : missing;
  if (first === undefined) return '';
  const all = known.length > 0 ? known : missing;
  const more = all.length > 1 ? `, and ${all.length - 1} more` : '';
  const on = first.resource === '*' ? '' : ` on ${shortArn(first.resource)}`;
  const what = first.why === 'not allowed' ? '' : ` (${first.why})`;
  return `${first.action}${on}${what}${more}`;
}

/** `arn:aws:ssm:eu-central-1::document/AWS-StartSSHSession` → `document/AWS-StartSSHSession` */
function shortArn(arn: string): string {
  return arn.split(':').slice(5).join(':');
}

/** What to add to a policy, as JSON. */
export function additionLines({ statements }: IdentityCheck): string[] {
  if (statements.length === 0) return [];
  return ['', 'To add:', ...JSON.stringify(statements, null, 2).split('\n')];
}
