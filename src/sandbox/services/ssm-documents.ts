import { ServiceError } from '../service-error.ts';

interface DocumentParameter {
  readonly pattern: RegExp;
  /** A parameter without default must be given. */
  readonly default?: readonly string[];
}

/** A Session document: what StartSession may be asked for. */
export interface SessionDocument {
  readonly name: string;
  readonly parameters: Readonly<Record<string, DocumentParameter>>;
}

const PORT =
  /^([1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$/;
const LOCAL_PORT =
  /^(0|[1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$/;
const HOST = /^[^,$^&()!;'"<>`{}[\]|#=]{3,}$/;
const COMMAND = /^[\s\S]{1,8192}$/;

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
  { name: 'AWS-StartInteractiveCommand', parameters: { command: { pattern: COMMAND } } },
  { name: 'AWS-StartNonInteractiveCommand', parameters: { command: { pattern: COMMAND } } },
  { name: DEFAULT_DOCUMENT, parameters: {} },
];

/** What the sandbox's agent can serve (agent/session-plan.ts); the rest is refused here. */
export const SERVED_DOCUMENTS: readonly string[] = [
  'AWS-StartSSHSession',
  'AWS-StartPortForwardingSession',
  'AWS-StartPortForwardingSessionToRemoteHost',
];

/**
 * Finds a document by name or ARN.
 * @param offered names that this sandbox's agent can serve; the rest does not exist here
 */
export function findDocument(name: string, offered: readonly string[]): SessionDocument {
  const shortName = name.replace(/^arn:[^/]*:document\//, '');
  const document = DOCUMENTS.find((candidate) => candidate.name === shortName);
  if (document === undefined || !offered.includes(document.name)) {
    throw new ServiceError('InvalidDocument', '', 400, {
      Message: `Document with name ${shortName} does not exist.`,
    });
  }
  return document;
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
