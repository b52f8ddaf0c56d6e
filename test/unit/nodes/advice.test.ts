import { describe, expect, it } from 'vitest';
import { agentAdvice, tierAdvice } from '../../../src/nodes/advice.ts';

describe('advice on agents', () => {
  it.each([
    ['2.3.671.9', /no SSH/],
    ['2.3.672.0', /one connection at a time/],
    ['3.0.196.0', /one connection at a time/],
    ['3.0.197.0', /hosts behind it/],
    ['3.1.1373.0', /hosts behind it/],
    ['3.1.1374.0', /exit codes/],
    ['3.1.1510.0', /exit codes/],
  ])('tells what %s lacks', (version, lack) => {
    expect(agentAdvice(version, true)).toMatch(lack);
  });

  it('says nothing of an agent that can all, unless there is a newer one', () => {
    expect(agentAdvice('3.1.1511.0', true)).toBeNull();
    expect(agentAdvice('3.1.1511.0', undefined)).toBeNull();
    expect(agentAdvice('3.3.987.0', false)).toMatch(/newer/);
    expect(agentAdvice('strange', true)).toBeNull();
  });

  it('asks whether an agent is started that has not reported', () => {
    expect(agentAdvice(null, undefined)).toMatch(/started/);
  });
});

describe('advice on the tier', () => {
  it('tells what it means for the nodes there are', () => {
    expect(tierAdvice('standard', 3, 'eu-west-1')).toMatch(/eu-west-1.*refuses sessions/);
    expect(tierAdvice('standard', 3, 'eu-west-1')).not.toMatch(/1000/);
    expect(tierAdvice('standard', 950, 'eu-west-1')).toMatch(/950 of the 1000/);
    expect(tierAdvice('advanced', 3, 'eu-west-1')).toMatch(/charges/);
    expect(tierAdvice('advanced', 0, 'eu-west-1')).toBeNull();
    expect(tierAdvice(null, 3, 'eu-west-1')).toBeNull();
  });
});
