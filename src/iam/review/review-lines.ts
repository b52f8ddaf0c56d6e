import { printable } from '../../platform/errors.ts';
import type { Finding, StatementRef } from './finding.ts';
import { SEVERITIES } from './finding.ts';
import type { PolicyReview } from './review.ts';

/** A review for a person to read. Names and values of the policy are made safe for the terminal. */
export function reviewLines(review: PolicyReview): string[] {
  const { findings, counts, lacks, notNeeded, source } = review;
  const lines = findings.flatMap(findingLines);
  const total = SEVERITIES.map((each) => `${counts[each]} ${each}`).join(', ');
  if (findings.length === 0) lines.push('Nothing found that should not be.');
  if (lacks.length > 0) {
    lines.push('', 'devaccess needs besides:');
    for (const { missing, without, statement } of lacks) {
      lines.push('', `  ${missing.join(', ')}`, `  without: ${without}`);
      lines.push(
        ...JSON.stringify(statement, null, 2)
          .split('\n')
          .map((line) => `  ${line}`),
      );
    }
  }
  if (notNeeded.length > 0) {
    lines.push('', `Allowed, and not needed by devaccess: ${notNeeded.join(', ')}`);
  }
  lines.push('', `${source}: ${total}`);
  return lines.map(printable);
}

function findingLines({ id, severity, title, statements, why, fix }: Finding): string[] {
  const where = statements.length === 0 ? 'the policy' : statements.map(placeOf).join(', ');
  return [
    `${severity.padEnd(8)}  ${title} [${id}]`,
    `          in ${where}`,
    `          ${why}`,
    `          fix: ${fix}`,
  ];
}

function placeOf({ statement, sid }: StatementRef): string {
  return sid === null ? `statement ${statement}` : `statement ${statement} (${sid})`;
}
