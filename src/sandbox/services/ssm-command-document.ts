import type { ScriptRequest } from '../run-command/shell-script.ts';
import { ServiceError } from '../service-error.ts';
import { shortDocumentName } from './ssm-documents.ts';

const NAME = 'AWS-RunShellScript';
const EXECUTION_TIMEOUT =
  /^(([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800))$/;
/** What the agent makes of a time that is too short. */
const DEFAULT_EXECUTION_TIMEOUT_S = 3600;
const MIN_EXECUTION_TIMEOUT_S = 5;

/**
 * A Command document by name or ARN, with its parameters; AWS-RunShellScript is the one there is.
 *
 * @throws ServiceError InvalidDocument, InvalidParameters
 */
export function resolveCommandDocument(
  documentName: string,
  given: ReadonlyMap<string, readonly string[]>,
): { name: string; parameters: Record<string, readonly string[]>; script: ScriptRequest } {
  const name = shortDocumentName(documentName);
  if (name !== NAME) {
    throw new ServiceError('InvalidDocument', '', 400, {
      Message: `Document with name ${name} does not exist or is no Command document.`,
    });
  }
  const known = ['commands', 'workingDirectory', 'executionTimeout'];
  const foreign = [...given.keys()].find((key) => !known.includes(key));
  if (foreign !== undefined) {
    throw invalid(`Parameter "${foreign}" is not defined in document ${NAME}.`);
  }
  const commands = given.get('commands') ?? [];
  if (commands.length === 0) throw invalid('Parameter "commands" requires a value.');
  const workingDirectory = single(given, 'workingDirectory') ?? '';
  const executionTimeout = single(given, 'executionTimeout') ?? String(DEFAULT_EXECUTION_TIMEOUT_S);
  if (!EXECUTION_TIMEOUT.test(executionTimeout)) {
    throw invalid(`Parameter "executionTimeout" does not match ${EXECUTION_TIMEOUT.source}.`);
  }
  const seconds = Number(executionTimeout);
  const executionTimeoutS =
    seconds < MIN_EXECUTION_TIMEOUT_S ? DEFAULT_EXECUTION_TIMEOUT_S : seconds;
  return {
    name,
    parameters: Object.fromEntries(given),
    script: { commands, workingDirectory, executionTimeoutS },
  };
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
