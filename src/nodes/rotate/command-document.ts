import fetchScript from '../scripts/fetch-credentials.sh';
import receiveScript from '../scripts/receive-credentials.sh';

/** `parameter`: nodes fetch from the Parameter Store; `sealed`: encrypted to the key of each node. */
export type Delivery = 'parameter' | 'sealed';

/** A Command document of our own. */
export interface CommandDocument {
  name: string;
  /** JSON, always the same bytes for the same version of devaccess. */
  content: string;
}

/**
 * What a value may be: nothing that ends the quotes it stands in. The agent compiles these patterns, too,
 * by Go's RE2: it knows no lookaround, and no more than 1000 repetitions, and fails the command then.
 */
const NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$';
const GROUP_PATTERN = '^[A-Za-z0-9_.-]{0,32}$';
const FOLDER_PATTERN = '^(/[A-Za-z0-9_.-]+)+$';
const PAYLOAD_PATTERN = '^[A-Za-z0-9_-]+$';
export const MAX_PAYLOAD_CHARACTERS = 4096;

/** The document of a way of delivery (6.3 of the facts on nodes). */
export function commandDocument(delivery: Delivery): CommandDocument {
  const isSealed = delivery === 'sealed';
  const text = (description: string, allowedPattern: string, fallback?: string) => ({
    type: 'String',
    description,
    allowedPattern,
    ...(fallback === undefined ? {} : { default: fallback }),
  });
  const content = {
    schemaVersion: '2.2',
    description: isSealed
      ? 'devaccess: publishes credentials that are sealed for this node'
      : 'devaccess: publishes credentials from the Parameter Store',
    parameters: {
      Name: text('what they are published as', NAME_PATTERN),
      Group: text('group that may read them; empty: root alone', GROUP_PATTERN, ''),
      Folder: text('where', FOLDER_PATTERN, '/run/devaccess/credentials'),
      ...(isSealed ? { Payload: text('sealed for this node', PAYLOAD_PATTERN) } : {}),
      ExecutionTimeout: text('seconds', '^[1-9][0-9]{0,4}$', '120'),
    },
    mainSteps: [
      {
        action: 'aws:runShellScript',
        name: 'publish',
        precondition: { StringEquals: ['platformType', 'Linux'] },
        inputs: {
          timeoutSeconds: '{{ ExecutionTimeout }}',
          runCommand: (isSealed ? receiveScript : fetchScript).trimEnd().split('\n'),
        },
      },
    ],
  };
  const name = isSealed ? 'devaccess-receive-credentials' : 'devaccess-fetch-credentials';
  return { name, content: JSON.stringify(content) };
}
