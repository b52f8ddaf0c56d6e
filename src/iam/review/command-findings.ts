import { refsOf } from './exemplars.ts';
import type { PolicyBench, Situation } from './exemplars.ts';
import type { Finding } from './finding.ts';
import { NODES } from './grant-findings.ts';

/** Session documents, which Run Command does not take. */
const SESSION_DOCUMENT =
  /:document\/(AWS-Start(SSH|PortForwarding|Interactive|NonInteractive)|SSM-SessionManagerRunShell$)/;

/** Documents that the policy names and Run Command could send. */
function namedDocuments({ policy }: PolicyBench): string[] {
  const arns = policy.statements
    .filter(({ effect, allResourcesBut }) => effect === 'Allow' && !allResourcesBut)
    .flatMap(({ resources }) => resources)
    .filter((arn) => /:document\/[^*?]+$/.test(arn) && !SESSION_DOCUMENT.test(arn));
  return [...new Set(arns)].map((arn) => {
    // What the ARN leaves open is filled in as for any other.
    const [, partition = '', , region = '', account = '', ...name] = arn.split(':');
    const open = (text: string, letter: string) => (/[*?]/.test(text) ? letter : text);
    const owner = /^document\/(AWS|Amazon|Amzn)/i.test(name[0] ?? '') ? '' : open(account, 'A');
    return ['arn', open(partition, 'P'), 'ssm', open(region, 'R'), owner, ...name].join(':');
  });
}

/** Run Command is root: with any document, with some, or as soon as one is added. */
export function commandFindings(bench: PolicyBench): Finding[] {
  const SEND = 'ssm:SendCommand';
  const code: Situation = { mfa: 'fresh' };
  const nodes = bench.allows(SEND, bench.nodes, code);
  if (nodes === undefined) return [];
  const unlisted = bench.allows(
    SEND,
    ['arn:P:ssm:R:A:document/Unlisted-Document', 'arn:P:ssm:R::document/AWS-UnlistedDocument'],
    code,
  );
  const script = bench.allows(
    SEND,
    ['arn:P:ssm:R::document/AWS-RunShellScript', 'arn:P:ssm:R::document/AWS-RunPowerShellScript'],
    code,
  );
  const open = bench.allows(SEND, NODES, { ...code, untagged: true });
  const named = namedDocuments(bench).flatMap((arn) => {
    const allowance = bench.allows(SEND, arn, code);
    return allowance === undefined
      ? []
      : [{ ...allowance, name: arn.split(':document/')[1] ?? '' }];
  });
  const statements = refsOf(
    [nodes, unlisted, script, ...named].flatMap((each) =>
      each === undefined ? [] : [each.statement],
    ),
  );
  if (unlisted === undefined && script === undefined && named.length === 0) {
    return [
      {
        id: 'send-command-latent',
        severity: 'medium',
        title: 'Run Command that waits for a document',
        statements,
        why: 'SendCommand is allowed on nodes, and on no document that it could send: useless today, and root on these nodes as soon as one is added.',
        fix: 'take ssm:SendCommand away',
      },
    ];
  }
  const isWide = unlisted !== undefined || open !== undefined;
  return [
    {
      id: 'send-command',
      severity: isWide ? 'high' : 'medium',
      title: 'Commands as root by Run Command',
      statements,
      why:
        (unlisted !== undefined
          ? 'Any document'
          : script !== undefined
            ? 'Any line of a shell'
            : `What ${named.map(({ name }) => name).join(', ')} does with the parameters of the caller`) +
        ` runs as root on ${open === undefined ? 'the nodes of the policy' : 'every node of the account'}, past Run As and the log of sessions.`,
      fix: 'take it away where sessions do (devaccess run uses them); else name AWS-RunShellScript, nodes by tag, and MFA',
    },
  ];
}
