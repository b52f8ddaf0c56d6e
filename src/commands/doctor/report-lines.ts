import { tableLines } from '../../cli/table.ts';
import { count } from '../../doctor/report.ts';
import type { TopicFinding } from '../../doctor/report.ts';
import { printable } from '../../platform/errors.ts';
import type { Finding } from '../../platform/finding.ts';
import type { CredentialsReport } from './credentials-report.ts';

const CHOSEN_BY: Readonly<Record<CredentialsReport['profileFrom'], string>> = {
  flag: '--profile',
  AWS_PROFILE: 'AWS_PROFILE',
  AWS_DEFAULT_PROFILE: 'AWS_DEFAULT_PROFILE',
  fallback: 'nothing names another',
};

/** The report for people: what was found, by topic, then how it stands. */
export function reportLines(report: CredentialsReport, width: number): string[] {
  const { profile, profileFrom, region, findings } = report;
  const topics = [...new Set(findings.map(({ topic }) => topic))];
  return [
    `Profile ${profile} (${CHOSEN_BY[profileFrom]}), ${region === null ? 'no region' : `region ${region}`}`,
    ...topics.flatMap((topic) => [
      '',
      heading(topic),
      ...findings.filter((found) => found.topic === topic).flatMap(findingLines),
      ...(topic === 'credentials' && isDivided(findings) ? toolLines(report, width) : []),
    ]),
    '',
    summary(report),
  ].map(printable);
}

function heading(topic: TopicFinding['topic']): string {
  return topic.replace(/^./, (first) => first.toUpperCase());
}

/** With the fix below, so that a command can be copied as a line. */
export function findingLines({ id, severity, what, fix }: Finding): string[] {
  const told = severity === 'ok' ? what : `${what} [${id}]`;
  const lines = [`  ${severity.padEnd(7)}  ${told}`];
  if (fix === null) return lines;
  return [
    ...lines,
    'command' in fix ? `           run: ${fix.command}` : `           fix: ${fix.edit}`,
  ];
}

function isDivided(findings: readonly Finding[]): boolean {
  return findings.some(({ id }) => id.startsWith('tools-disagree'));
}

function toolLines({ tools }: CredentialsReport, width: number): string[] {
  const columns = [
    { head: 'TOOL', cells: tools.map(({ name }) => name.replace(/^the /, '')), dispensable: 0 },
    { head: 'PROFILE', cells: tools.map(({ profile }) => profile ?? '-'), dispensable: 1 },
    { head: 'REGION', cells: tools.map(({ region }) => region ?? '-'), dispensable: 1 },
    { head: 'CREDENTIALS', cells: tools.map(({ source }) => source), dispensable: 0 },
  ].map((column) => ({ ...column, cells: column.cells.map(printable) }));
  return ['', ...tableLines(columns, Math.max(20, width - 2), '…').map((line) => `  ${line}`)];
}

function summary({ outcome, findings }: CredentialsReport): string {
  const [problems, warnings] = [count(findings, 'problem'), count(findings, 'warning')];
  const many = (number: number, word: string): string =>
    `${number} ${word}${number === 1 ? '' : 's'}`;
  const rest = warnings === 0 ? '' : `, ${many(warnings, 'warning')}`;
  switch (outcome) {
    case 'ok':
      return warnings === 0 ? 'All is well.' : `No problem${rest}.`;
    case 'needs-person':
      return `All that is missing is a session${rest}.`;
    case 'problem':
      return `${many(problems, 'problem')}${rest}.`;
  }
}
