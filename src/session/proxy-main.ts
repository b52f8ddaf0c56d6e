import { parseArgs } from 'node:util';
import { Connections } from '../aws/connections.ts';
import { DevaccessError, EXIT, errorLine } from '../platform/errors.ts';
import { fileLog, SILENT_LOG } from '../platform/log.ts';
import { envValue } from '../platform/paths.ts';
import { VERSION } from '../platform/version.ts';
import { readFlow } from './flow.ts';
import type { Flow } from './flow.ts';
import type { KeyOffer, OfferedKey } from './login-key/offer-key.ts';
import type { SessionRequest } from './session-api.ts';
import { sessionPlaces } from './session-places.ts';
import { isRemoteHost } from '../platform/remote-host.ts';

const USAGE = `Usage: devaccess-proxy --target ID --port N [--profile P] [--region R]
       devaccess-proxy ID PORT [--profile P] [--region R]
       devaccess-proxy --jump NAME --host ADDRESS --port N --key METHOD --key-node ID …

The ProxyCommand of devaccess: carries one SSH connection through AWS Systems Manager Session
Manager, between standard input and output and a port on the node.

  --target ID      instance id (i-…) or managed node id (mi-…); %h in ssh_config
  --port N         port on the node, 22 by default; %p in ssh_config
  --host REMOTE    a host that the node reaches: the port is REMOTE's, no login on the node
  --key METHOD     give the server a key that logs in for a minute: instance-connect (EC2 Instance
                   Connect) or run-command (into authorized_keys, and out again)
  --user NAME      the login name that the key is for; else that of the user here
  --key-node ID    the node that the key is for, where it is not the target
  --agent PATH     where ssh finds the key's private half (IdentityAgent); without it the key is
                   the first of the agent of SSH_AUTH_SOCK
  --jump NAME      no session of its own: through the host NAME of the SSH config, as ProxyJump
  --ssh-config F   the SSH config that --jump reads
  --profile P      AWS profile; without it the usual chain, environment first
  --region R       AWS region; else AWS_REGION, AWS_DEFAULT_REGION, the profile's region
  --log-file FILE  append a diagnostic log (no payload, no secret); also DEVACCESS_LOG
  --pace N[/M]|off data messages per second to send at most (900), M at once; also DEVACCESS_PACE
  --window KIB     unacknowledged data in flight at most (8192); also DEVACCESS_WINDOW
  --help, --version
`;

/** Ids of EC2 instances, hybrid nodes and ECS targets; nothing that a shell or ssh could misread. */
const TARGET = /^(i-|mi-|ecs:)[A-Za-z0-9][A-Za-z0-9_.:-]{0,390}$/;
const PARENT_WATCH_MS = 500;
const PROMPT_GRACE_MS = 1_000;
const SIGNAL_EXIT = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

interface ProxyArguments {
  /** Empty with a jump host. */
  target: string;
  port: number;
  remoteHost: string | undefined;
  key: Omit<KeyOffer, 'profile' | 'region'> | undefined;
  jump: { through: string; configFile: string | undefined } | undefined;
  profile: string | undefined;
  region: string | undefined;
  logFile: string | undefined;
  flow: Flow;
}

/** What the entry file wants to know, to keep the compiled code of a run worth keeping. */
export interface ProxyHooks {
  /** The far end has spoken: all that a start needs has run. */
  onSessionWorks: () => void;
  /** `devaccess mfa` as program and first arguments: a person may have to be asked. */
  mfaCommand: readonly [string, ...string[]];
}

/** Runs `devaccess-proxy` with its arguments and resolves to the exit code; never rejects. */
export async function proxyMain(argv: string[], hooks?: ProxyHooks): Promise<number> {
  // Or the SDK prints its advice about Node versions into the person's ssh session.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const say = (line: string): void => {
    process.stderr.write(`devaccess-proxy: ${line}\n`);
  };
  try {
    const args = readArguments(argv);
    if (args === 'warm-up') {
      const { warmUp } = await import('./warm-up.ts');
      await warmUp(() => hooks?.onSessionWorks()).catch(() => undefined);
      return EXIT.done;
    }
    if (typeof args === 'string') {
      process.stdout.write(args);
      return EXIT.done;
    }
    return await runWithSignals(args, say, hooks);
  } catch (error) {
    say(errorLine(error));
    return error instanceof DevaccessError ? error.exitCode : EXIT.failed;
  }
}

async function runWithSignals(
  args: ProxyArguments,
  say: (line: string) => void,
  hooks: ProxyHooks | undefined,
): Promise<number> {
  const stop = new AbortController();
  let exitCode: number = EXIT.done;
  for (const [signal, code] of Object.entries(SIGNAL_EXIT)) {
    process.on(signal, () => {
      exitCode = code;
      stop.abort();
    });
  }
  const parent = process.ppid;
  const isParentAlive = (): boolean => process.ppid === parent;
  const run: ProxyRun = { args, say, hooks, stop: stop.signal, isParentAlive };
  const offered = args.key === undefined ? undefined : offer(args.key, run);
  try {
    if (args.jump === undefined) await connectOrAsk(run, () => stop.abort());
    else exitCode = await throughJump(args.jump, run);
  } catch (error) {
    // ssh ends its proxy with a signal; what that interrupts is not news to the person.
    if (!stop.signal.aborted) throw error;
  } finally {
    await (await offered)?.close();
  }
  return exitCode;
}

/** What the person's own keys may do as well is not given up. */
async function offer(
  key: NonNullable<ProxyArguments['key']>,
  { args, say, stop }: ProxyRun,
): Promise<OfferedKey | undefined> {
  try {
    const { offerKey } = await import('./login-key/offer-key.ts');
    const { profile, region } = args;
    return await offerKey({ ...key, profile, region }, { env: process.env, say, stop });
  } catch (error) {
    say(errorLine(error));
    return undefined;
  }
}

async function throughJump(
  jump: NonNullable<ProxyArguments['jump']>,
  { args, stop }: ProxyRun,
): Promise<number> {
  const { carryJump } = await import('./login-key/carry-jump.ts');
  return carryJump({ ...jump, host: args.remoteHost ?? '', port: args.port }, stop);
}

/** With a session; where it wants a code, the person is asked for it once. */
async function connectOrAsk(run: ProxyRun, stop: () => void): Promise<void> {
  const startMs = Date.now();
  try {
    await connectAndCarry(run);
  } catch (error) {
    if (run.stop.aborted || !isForPerson(error)) throw error;
    // A person may be asked for minutes; nobody waits for the code any more when ssh is gone.
    const watch = setInterval(() => !run.isParentAlive() && stop(), PARENT_WATCH_MS);
    const isRenewed = await renewed(run, startMs, { onTerminal: true }).finally(() =>
      clearInterval(watch),
    );
    if (!isRenewed) throw error;
    await connectAndCarry(run);
  }
}

interface ProxyRun {
  args: ProxyArguments;
  say: (line: string) => void;
  hooks: ProxyHooks | undefined;
  stop: AbortSignal;
  isParentAlive: () => boolean;
}

/** Starts a session and carries its bytes to the end. @throws DevaccessError */
async function connectAndCarry(run: ProxyRun): Promise<void> {
  const { args, say, hooks, stop, isParentAlive } = run;
  const connections = new Connections(process.env);
  try {
    // What follows is in the order in which it is needed: while the network is at work, so is this.
    const { env } = process;
    const { profile, region } = args;
    const places = sessionPlaces({ profile, region, env });
    connections.expect('api', places.api);
    await turnOfTheLoop();
    const { SsmSessionApi } = await import('./ssm-session-api.ts');
    const api = new SsmSessionApi(places, { profile, env, connections });
    let onSent: () => void = () => undefined;
    const sent = new Promise<void>((resolve) => (onSent = resolve));
    const session = api.start(sessionRequest(args), onSent);
    // Whoever stops waiting for it must not be told of its failure.
    session.catch(() => undefined);
    await turnOfTheLoop();
    if (places.gateway !== undefined) connections.expect('gateway', places.gateway);
    await Promise.race([sent, session, aborted(stop)]);
    const { runSshProxy } = await import('./ssh-proxy.ts');
    await runSshProxy({
      api,
      session,
      connections,
      target: args.target,
      port: args.port,
      remoteHost: args.remoteHost,
      stdin: process.stdin,
      stdout: process.stdout,
      say,
      log: args.logFile === undefined ? SILENT_LOG : fileLog(args.logFile),
      flow: args.flow,
      // The terminal is in ssh's hands by then.
      renewCredentials: () => renewed(run, Date.now(), { onTerminal: false }),
      onWorks: () => hooks?.onSessionWorks(),
      isParentAlive,
      stop,
    });
  } finally {
    connections.closeExpected();
  }
}

/** What has arrived is seen to, and what it answers is sent: the next step of a TLS handshake. */
function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve());
  });
}

/** Whether a failure may be one that an MFA code mends. */
function isForPerson(error: unknown): boolean {
  return (
    error instanceof DevaccessError &&
    ['DA_CREDENTIALS_EXPIRED', 'DA_NO_CREDENTIALS'].includes(error.code)
  );
}

/** Whether the profile's session has been renewed, by this process or another one. */
async function renewed(
  { args, say, hooks, stop }: ProxyRun,
  failedAtMs: number,
  { onTerminal }: { onTerminal: boolean },
): Promise<boolean> {
  const { env } = process;
  const named =
    args.profile ?? envValue(env, 'AWS_PROFILE') ?? envValue(env, 'AWS_DEFAULT_PROFILE');
  const usesEnvironment = named === undefined && envValue(env, 'AWS_ACCESS_KEY_ID') !== undefined;
  if (hooks === undefined || usesEnvironment) return false;
  const { COOL_DOWN_MS, renewByPerson } = await import('../aws/renewal.ts');
  const renewal = renewByPerson({
    profile: named ?? 'default',
    env,
    onTerminal,
    failedAtMs,
    command: hooks.mfaCommand,
    say,
    signal: stop,
    coolDownMs: COOL_DOWN_MS,
  });
  const givenUp = aborted(stop).then(async () => {
    // Time for a prompt to be cleared away.
    await new Promise((resolve) => setTimeout(resolve, PROMPT_GRACE_MS));
    return false;
  });
  return Promise.race([renewal, givenUp]);
}

/** A remote host is reached by the document that forwards, with one connection in it. */
function sessionRequest({ target, port, remoteHost }: ProxyArguments): SessionRequest {
  const portNumber = [String(port)];
  if (remoteHost === undefined) {
    return { target, documentName: 'AWS-StartSSHSession', parameters: { portNumber } };
  }
  return {
    target,
    documentName: 'AWS-StartPortForwardingSessionToRemoteHost',
    parameters: { host: [remoteHost], portNumber, localPortNumber: ['0'] },
  };
}

/** The arguments, or the text to print for --help and --version. @throws DevaccessError DA_USAGE */
function readArguments(argv: string[]): ProxyArguments | string {
  const { values, positionals } = parse(argv);
  if (values.help === true) return USAGE;
  // Not for people: `hosts sync` has the compiled code made before the first ssh.
  if (values['warm-up'] === true) return 'warm-up';
  if (values.version === true) return `devaccess-proxy ${VERSION}\n`;
  if (positionals.length > 2) throw usage(`unexpected argument '${positionals[2] ?? ''}'`);
  const target = values.target ?? positionals[0] ?? '';
  if (values.jump === undefined) {
    if (target === '') throw usage('no target given');
    checkTarget(target);
  } else if (target !== '' || values.host === undefined) {
    throw usage('--jump takes --host and --port, and no target');
  }
  const portText = values.port ?? positionals[values.target === undefined ? 1 : 0] ?? '22';
  const port = Number(portText);
  if (!/^\d{1,5}$/.test(portText) || port < 1 || port > 65_535) {
    throw usage(`'${portText}' is not a port (1 to 65535)`);
  }
  if (values.host !== undefined && !isRemoteHost(values.host)) {
    throw usage(`'${values.host}' is not a host name or address`);
  }
  return {
    target,
    port,
    remoteHost: values.host,
    key: readKey(values, target),
    jump:
      values.jump === undefined
        ? undefined
        : { through: values.jump, configFile: values['ssh-config'] },
    profile: values.profile,
    region: values.region,
    logFile: values['log-file'] ?? envValue(process.env, 'DEVACCESS_LOG'),
    flow: readFlow(values, process.env),
  };
}

function checkTarget(target: string): void {
  if (TARGET.test(target)) return;
  throw usage(`'${target}' is not an instance id (i-…) or managed node id (mi-…)`);
}

function readKey(
  values: ReturnType<typeof parse>['values'],
  target: string,
): ProxyArguments['key'] {
  const method = values.key;
  if (method === undefined) return undefined;
  if (method !== 'instance-connect' && method !== 'run-command') {
    throw usage(`'${method}' is not a way to give a server a key (instance-connect, run-command)`);
  }
  const node = values['key-node'] ?? target;
  checkTarget(node);
  return { method, node, user: values.user, agentPath: values.agent };
}

function parse(argv: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        target: text,
        port: text,
        host: text,
        key: text,
        user: text,
        'key-node': text,
        agent: text,
        jump: text,
        'ssh-config': text,
        profile: text,
        region: text,
        'log-file': text,
        pace: text,
        window: text,
        help: flag,
        version: flag,
        'warm-up': flag,
      },
    });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function usage(what: string): DevaccessError {
  return new DevaccessError('DA_USAGE', `${what}.`, {
    exitCode: EXIT.usage,
    next: 'see devaccess-proxy --help.',
  });
}
