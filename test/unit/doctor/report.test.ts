import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../../../src/doctor/report.ts';
import { finding } from '../../../src/platform/finding.ts';

const needsPerson = new Set(['session-missing']);
const missing = finding('session-missing', 'problem', 'x');

describe('the outcome', () => {
  it.each([
    [[], 'ok'],
    [[finding('a', 'warning', 'x'), finding('b', 'note', 'x')], 'ok'],
    [[missing, finding('a', 'warning', 'x')], 'needs-person'],
    [[missing, finding('a', 'problem', 'x')], 'problem'],
  ])('of %j is %s', (findings, outcome) => {
    expect(outcomeOf(findings, needsPerson)).toBe(outcome);
  });
});
