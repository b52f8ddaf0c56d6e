import type { ScriptRequest } from '../run-command/shell-script.ts';
import { ServiceError } from '../service-error.ts';
import { shortDocumentName } from './ssm-documents.ts';
import { versionOf } from './ssm-own-documents.ts';
import type { OwnDocument } from './ssm-own-documents.ts';

const NAME = 'AWS-RunShellScript';
const EXECUTION_TIMEOUT =
  /^(([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800))$/;
/** What the agent makes of a time that is too short. */
const DEFAULT_EXECUTION_TIMEOUT_S = 3600;
const MIN_EXECUTION_TIMEOUT_S = 5;

/** What SendCommand was asked to run. */
export interface WantedDocument {
  /** Name or ARN. */
  name: string;
  version: string | undefined;
  /** Sha256 that the version must have. */
  hash: string | undefined;
  given: ReadonlyMap<string, readonly string[]>;
}

export interface ResolvedDocument {
  name: string;
  version: string;
  parameters: Record<string, readonly string[]>;
  script: ScriptRequest;
}

/**
 * A Command document with its parameters: AWS-RunShellScript, or one of the account's own.
 *
 * @throws ServiceError InvalidDocument, InvalidDocumentVersion, InvalidParameters
 */
export function resolveCommandDocument(
  wanted: WantedDocument,
  own: readonly OwnDocument[],
): ResolvedDocument {
  const name = shortDocumentName(wanted.name);
  const document = own.find((each) => each.name === name);
  if (document !== undefined) return resolveOwn(document, wanted);
  if (name !== NAME) {
    throw new ServiceError('InvalidDocument', '', 400, {
      Message: `Document with name ${name} does not exist or is no Command document.`,
    });
  }
  const { given } = wanted;
  const known = ['commands', 'workingDirectory', 'executionTimeout'];
  const foreign = [...given.keys()].find((key) => !known.includes(key));
  if (foreign !== undefined) {
    throw invalid(`Parameter "${foreign}" is not defined in document ${NAME}.`);
  }
  const commands = given.get('commands') ?? [];
  if (commands.length === 0) throw invalid('Parameter "commands" requires a value.');
  const workingDirectory = single(given, 'workingDirectory') ?? '';
  const executionTimeout = single(given, 'executionTimeout') ?? String(DEFAULT_EXECUTION_TIMEOUT_S);
  return {
    name,
    version: wanted.version ?? '$DEFAULT',
    parameters: Object.fromEntries(given),
    script: { commands, workingDirectory, executionTimeoutS: seconds(executionTimeout) },
  };
}

interface Content {
  parameters?: Record<string, { default?: string; allowedPattern?: string }>;
  mainSteps: { inputs: { runCommand: string[]; timeoutSeconds?: string | number } }[];
}

function resolveOwn(document: OwnDocument, { version, hash, given }: WantedDocument) {
  const found = versionOf(document, version);
  if (hash !== undefined && hash !== found.hash) {
    throw new ServiceError('InvalidDocument', '', 400, {
      Message: 'The specified document hash does not match the document content.',
    });
  }
  const { parameters: defined = {}, mainSteps } = JSON.parse(found.content) as Content;
  const foreign = [...given.keys()].find((key) => !Object.hasOwn(defined, key));
  if (foreign !== undefined) {
    throw invalid(`Parameter "${foreign}" is not defined in document ${document.name}.`);
  }
  const values = Object.entries(defined).map(([name, { default: fallback, allowedPattern }]) => {
    const value = single(given, name) ?? fallback;
    if (value === undefined) throw invalid(`Parameter "${name}" requires a value.`);
    if (allowedPattern !== undefined && !new RegExp(allowedPattern).test(value)) {
      throw invalid(`Parameter "${name}" has a value that does not match ${allowedPattern}.`);
    }
    return [name, value] as const;
  });
  const filled = new Map(values);
  const fill = (text: string): string =>
    text.replace(/\{\{\s*(\w+)\s*\}\}/g, (all, name: string) => filled.get(name) ?? all);
  const { runCommand = [], timeoutSeconds = '' } = mainSteps[0]?.inputs ?? {};
  return {
    name: document.name,
    version: version ?? '$DEFAULT',
    parameters: Object.fromEntries(given),
    script: {
      commands: runCommand.map(fill),
      workingDirectory: '',
      executionTimeoutS: seconds(fill(String(timeoutSeconds))),
      document: { name: document.name, parameters: Object.fromEntries(filled) },
    },
  };
}

function seconds(executionTimeout: string): number {
  if (!EXECUTION_TIMEOUT.test(executionTimeout)) {
    throw invalid(`Parameter "executionTimeout" does not match ${EXECUTION_TIMEOUT.source}.`);
  }
  const value = Number(executionTimeout);
  return value < MIN_EXECUTION_TIMEOUT_S ? DEFAULT_EXECUTION_TIMEOUT_S : value;
}

function single(given: ReadonlyMap<string, readonly string[]>, name: string): string | undefined {
  const values = given.get(name);
  if (values === undefined) return undefined;
  const [value, ...more] = values;
  if (value === undefined || more.length > 0) throw invalid(`Parameter "${name}" takes one value.`);
  return value;
}

function invalid(message: string): ServiceError {
  return new ServiceError('InvalidParameters', '', 400, { Message: message });
}
