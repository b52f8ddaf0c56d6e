import { accessPolicy } from '../policy/access-policy.ts';
import type { AccessRequest } from '../policy/access-request.ts';
import { OPTIONAL_STATEMENTS } from '../policy/policy-document.ts';
import type { ExplainedStatement, PolicyStatement } from '../policy/policy-document.ts';
import { ANY, filled, ownId } from './exemplars.ts';
import type { PolicyBench, Situation } from './exemplars.ts';
import { matchesAction } from './pattern.ts';

/** What devaccess needs and the policy does not allow. */
export interface Lack {
  /** `ACTION on RESOURCE`, as far as it is missing. */
  missing: string[];
  /** What does not work. */
  without: string;
  /** What the generator would add. */
  statement: PolicyStatement;
}

/** Compares with what the generator would write, call by call, in each region. */
export function lacks(bench: PolicyBench, request: AccessRequest): Lack[] {
  return neededStatements(request).flatMap(({ statement, without }) => {
    const missing = actionsOf(statement).flatMap((action) =>
      targetsOf(statement, bench, request).flatMap(({ name, arns }) =>
        bench.allows(action, arns, situationOf(statement, bench)) === undefined
          ? [name === '' ? action : `${action} on ${name}`]
          : [],
      ),
    );
    return missing.length === 0 ? [] : [{ missing, without, statement }];
  });
}

/** Actions that are allowed and that devaccess has no use for. */
export function notNeeded(bench: PolicyBench, request: AccessRequest): string[] {
  const needed = accessPolicy(request).permissions.flatMap(({ statement }) =>
    statement.Effect === 'Allow' ? actionsOf(statement) : [],
  );
  const allowed = bench.policy.statements
    .filter(({ effect, allBut }) => effect === 'Allow' && !allBut)
    .flatMap(({ actions }) => actions);
  return [...new Set(allowed)].filter(
    (pattern) => !needed.some((action) => matchesAction(pattern, action)),
  );
}

/** Guards are not needed for anything to work. */
function neededStatements(request: AccessRequest): ExplainedStatement[] {
  return accessPolicy(request).permissions.filter(
    ({ statement }) => statement.Effect === 'Allow' && !OPTIONAL_STATEMENTS.has(statement.Sid),
  );
}

function actionsOf({ Action }: PolicyStatement): readonly string[] {
  return typeof Action === 'string' ? [Action] : Action;
}

/** Requests for the resources of a statement: each has to be allowed, on any of its ARNs. */
function targetsOf(
  { Resource = '*', Sid }: PolicyStatement,
  bench: PolicyBench,
  { place }: AccessRequest,
): { name: string; arns: readonly string[] }[] {
  if (Resource === '*') return [{ name: '', arns: ['*'] }];
  const arns = typeof Resource === 'string' ? [Resource] : Resource;
  const inRegions = (name: string, templates: readonly string[]) =>
    place.regions.map((region) => ({
      name: place.regions.length > 1 ? `${name} in ${region}` : name,
      arns: templates.map((arn) => filled(arn, { ...place, region })),
    }));
  // Nodes that are tagged and nodes that are named: some have to be in reach.
  if (/(Tagged|Named|All)Nodes\d*$/.test(Sid)) return inRegions('nodes', bench.nodes);
  if (/^Own(DataChannel|Sessions)\d*$/.test(Sid)) {
    const owners = [ANY.ownName, ANY.ownId];
    const sessions = owners.map((who) => `arn:P:ssm:R:A:session/${who}-0a1b2c3d4e5f60718`);
    return inRegions('own sessions', sessions);
  }
  const documents = arns.filter((arn) => arn.includes(':document/'));
  if (documents.length > 0) {
    return documents.map((arn) => {
      const [, , , region = '', , ...rest] = arn.split(':');
      const name = rest.join(':').replace(/^document\//, '');
      return { name: place.regions.length > 1 ? `${name} in ${region}` : name, arns: [arn] };
    });
  }
  // Of a user and their device, each call knows one.
  return [{ name: '', arns: arns.map((arn) => arn.replace('${aws:username}', ANY.ownName)) }];
}

function situationOf({ Sid }: PolicyStatement, { holder }: PolicyBench): Situation {
  const isFirst = Sid === 'FirstDevice';
  return {
    mfa: isFirst ? 'none' : 'fresh',
    keys: {
      'ssm:resourcetag/aws:ssmmessages:session-id': [ownId(holder)],
      // Sessions of devaccess name their document: the key is there only where none is named.
      'ssm:sessiondocumentaccesscheck': 'absent',
    },
  };
}
