import type { DevaccessError } from '../../platform/errors.ts';
import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';
import { errorFinding } from './host-step.ts';

/** What a document is for. */
export interface DocumentUse {
  /** As people know it. */
  name: string;
  /** What does not work without it. */
  use: string;
  /** Whether ssh needs it. */
  isNeeded: boolean;
  refusal: DevaccessError | undefined;
}

/**
 * What StartSession said to each document: of those that ssh needs a refusal is a problem. A node that is
 * not connected refuses all alike, which is told once.
 *
 * @param endRefusal what TerminateSession said of a session just started
 */
export function documentFindings(
  uses: readonly DocumentUse[],
  endRefusal: DevaccessError | undefined,
): Finding[] {
  const needed = uses.filter(({ isNeeded }) => isNeeded);
  const broken = needed.find(({ refusal }) => refusal !== undefined)?.refusal;
  if (broken !== undefined) return [errorFinding('session-refused', 'problem', broken)];
  const allowed = uses.filter(({ refusal }) => refusal === undefined);
  const names = allowed.map(({ name }) => name).join(', ');
  const others = uses.flatMap(({ name, use, refusal }) => {
    if (refusal === undefined) return [];
    const what = `No session with ${name}, so no ${use}: ${refusal.message}`;
    const fix = refusal.next === undefined ? null : { edit: refusal.next };
    return [finding('document-refused', 'note', what, fix)];
  });
  const ends =
    endRefusal === undefined
      ? []
      : [
          finding(
            'session-end-refused',
            'warning',
            `A session that was started cannot be ended by the API: ${endRefusal.message}`,
            { edit: 'ask for ssm:TerminateSession on your own sessions: devaccess iam policy' },
          ),
        ];
  return [finding('session-start', 'ok', `Sessions start: ${names}`), ...others, ...ends];
}

/**
 * How far the session for an SSH server came: to the agent, and to what listens behind it.
 *
 * @param advice about the agent's version
 */
export function channelFindings(
  {
    agentVersion,
    failure,
  }: { agentVersion: string | undefined; failure: DevaccessError | undefined },
  advice: string | null,
): Finding[] {
  if (agentVersion === undefined) {
    if (failure === undefined) throw new Error('no channel, and no reason');
    return [errorFinding('channel-failed', 'problem', failure)];
  }
  const version = agentVersion === '' ? 'an agent that does not tell its version' : agentVersion;
  const channel = finding('channel', 'ok', `The data channel opens; agent ${version}`);
  if (advice === null) return [channel];
  const fix = { edit: 'update amazon-ssm-agent on the node' };
  return [channel, finding('agent-old', 'warning', sentence(advice), fix)];
}

/** What listens on the port, as far as a session to it told. */
export function portFindings(
  { banner, failure }: { banner: string | undefined; failure: DevaccessError | undefined },
  port: number,
): Finding[] {
  if (failure !== undefined) return [errorFinding('port-silent', 'problem', failure)];
  if (banner?.startsWith('SSH-') === true) {
    return [finding('port', 'ok', `Port ${port} answers: ${banner}`)];
  }
  const what = `On port ${port} there is no SSH server: it says '${banner ?? ''}'`;
  return [finding('port-not-ssh', 'problem', what, { edit: 'check Port in the SSH config' })];
}

function sentence(text: string): string {
  return text.replace(/^./, (first) => first.toUpperCase());
}
