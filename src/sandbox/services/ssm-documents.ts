import { ServiceError } from '../service-error.ts';
import type { DocumentContent } from '../session-registry.ts';

export interface DocumentParameter {
  readonly pattern: RegExp;
  /** A parameter without default must be given. */
  readonly default?: readonly string[];
}

/** A Session document: what StartSession may be asked for. */
export interface SessionDocument {
  readonly name: string;
  readonly parameters: Readonly<Record<string, DocumentParameter>>;
  /**
   * What the agent gets, for documents that are not about a port. `{{ name }}` in `commands` stands
   * for a parameter.
   */
  readonly content?: DocumentContent;
}

const PORT =
  /^([1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$/;
const LOCAL_PORT =
  /^(0|[1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$/;
const SOCKET_PATH = /^\/[^\0]{1,102}$/;
const HOST = /^[^,$^&()!;'"<>`{}[\]|#=]{3,}$/;
const COMMAND = /^[\s\S]{1,65535}$/;
const BOOLEAN = /^(true|false|True|False)$/;
/** What the agent takes as well. */
const STREAM_PREFIX = /^[0-9a-zA-Z\r\n_:-]{0,30}$/;

const forwarding = {
  portNumber: { pattern: PORT, default: ['80'] },
  localPortNumber: { pattern: LOCAL_PORT, default: ['0'] },
} as const;

/** The account's shell preferences, which StartSession without a document uses. */
export const DEFAULT_DOCUMENT = 'SSM-SessionManagerRunShell';

/** The Session documents of an account that AWS itself owns, and the preferences document. */
const DOCUMENTS: readonly SessionDocument[] = [
  {
    name: 'AWS-StartSSHSession',
    parameters: { portNumber: { pattern: PORT, default: ['22'] } },
  },
  { name: 'AWS-StartPortForwardingSession', parameters: forwarding },
  {
    name: 'AWS-StartPortForwardingSessionToRemoteHost',
    parameters: { host: { pattern: HOST }, ...forwarding },
  },
  {
    // AWS does not publish it; the parameter is named as the property that official clients read.
    name: 'AWS-StartPortForwardingSessionToSocket',
    parameters: {
      portNumber: forwarding.portNumber,
      localUnixSocket: { pattern: SOCKET_PATH },
    },
  },
  {
    name: 'AWS-StartInteractiveCommand',
    parameters: { command: { pattern: COMMAND } },
    content: {
      sessionType: 'InteractiveCommands',
      linux: { commands: '{{ command }}', separateOutputStream: 'false' },
    },
  },
  {
    name: 'AWS-StartNonInteractiveCommand',
    parameters: {
      command: { pattern: COMMAND },
      separateOutputStream: { pattern: BOOLEAN, default: ['false'] },
      stdoutSeparatorPrefix: { pattern: STREAM_PREFIX, default: [''] },
      stderrSeparatorPrefix: { pattern: STREAM_PREFIX, default: [''] },
    },
    content: {
      sessionType: 'NonInteractiveCommands',
      linux: {
        commands: '{{ command }}',
        separateOutputStream: '{{ separateOutputStream }}',
        stdOutSeparatorPrefix: '{{ stdoutSeparatorPrefix }}',
        stdErrSeparatorPrefix: '{{ stderrSeparatorPrefix }}',
      },
    },
  },
  {
    name: DEFAULT_DOCUMENT,
    parameters: {},
    content: { sessionType: 'Standard_Stream' },
  },
];

/** What the sandbox's agent can serve (agent/session-plan.ts). */
export const SERVED_DOCUMENTS: readonly string[] = DOCUMENTS.map(({ name }) => name);

/**
 * Finds a document by name or ARN.
 * @param offered names of AWS's documents that exist here
 * @param own documents of the account
 */
export function findDocument(
  name: string,
  offered: readonly string[],
  own: readonly SessionDocument[] = [],
): SessionDocument {
  const shortName = shortDocumentName(name);
  const document = [...own, ...DOCUMENTS.filter((each) => offered.includes(each.name))].find(
    (candidate) => candidate.name === shortName,
  );
  if (document === undefined) {
    throw new ServiceError('InvalidDocument', '', 400, {
      Message: `Document with name ${shortName} does not exist.`,
    });
  }
  return document;
}

/** The name within an ARN, or the name itself. */
export function shortDocumentName(name: string): string {
  return name.replace(/^arn:[^/]*:document\//, '');
}

/** The document's content with the parameters filled in. */
export function resolveContent(
  { content }: SessionDocument,
  parameters: Readonly<Record<string, readonly string[]>>,
): DocumentContent | undefined {
  if (content?.linux === undefined) return content;
  const fill = (text: string): string =>
    text.replace(/\{\{\s*(\w+)\s*\}\}/g, (all, name: string) => parameters[name]?.[0] ?? all);
  const { commands, separateOutputStream, stdOutSeparatorPrefix, stdErrSeparatorPrefix } =
    content.linux;
  return {
    ...content,
    linux: {
      commands: fill(commands),
      separateOutputStream: fill(separateOutputStream),
      stdOutSeparatorPrefix: fill(stdOutSeparatorPrefix ?? ''),
      stdErrSeparatorPrefix: fill(stdErrSeparatorPrefix ?? ''),
    },
  };
}

/** Checks given parameters against the document and fills in its defaults. */
export function resolveParameters(
  document: SessionDocument,
  given: ReadonlyMap<string, readonly string[]>,
): Record<string, readonly string[]> {
  for (const [name, values] of given) {
    const parameter = Object.hasOwn(document.parameters, name)
      ? document.parameters[name]
      : undefined;
    if (parameter === undefined) {
      throw invalid(`Parameter "${name}" is not defined in document ${document.name}.`);
    }
    const [value, ...more] = values;
    if (value === undefined || more.length > 0 || !parameter.pattern.test(value)) {
      throw invalid(
        `Parameter "${name}" has the value ${JSON.stringify(values)}, which is not one value matching ${parameter.pattern.source}.`,
      );
    }
  }
  return Object.fromEntries(
    Object.entries(document.parameters).map(([name, parameter]) => {
      const values = given.get(name) ?? parameter.default;
      if (values === undefined) throw invalid(`Parameter "${name}" requires a value.`);
      return [name, values];
    }),
  );
}

function invalid(message: string): ServiceError {
  return new ServiceError('InvalidParameters', '', 400, { Message: message });
}
