import * as v from 'valibot';
import { userName } from './user-rules.ts';
import { choice, flag, region, remoteHost, table, text, word } from './values.ts';

/** The only form that reaches an SSH config. */
const INSTANCE_ID = /^(i-[0-9a-f]{8,17}|mi-[0-9a-f]{17})$/;

export const port = v.custom<number>(
  (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535,
  ({ input }) => `${JSON.stringify(input)} is not a port from 1 to 65535`,
);

/** ssh would read quotes and backslashes its own way, and `${` as a variable. */
const identityFile = text(
  'a path that is absolute or begins with ~/, without quotes, backslashes and ${',
  (value) => /^(~?\/|[A-Za-z]:)/.test(value) && !/["'\\\p{C}]|\$\{/u.test(value),
);

const CONTROL_MASTER = 'true, false, or how long a connection stays open unused, such as "10m"';

/** What entries of a fleet and fixed hosts have in common. */
export const entrySettings = {
  user: v.optional(userName),
  port: v.optional(port),
  'identity-file': v.optional(identityFile),
  key: v.optional(choice(['auto', 'instance-connect', 'run-command'])),
  'key-from': v.optional(choice(['generated', 'agent'])),
  'control-master': v.optional(
    v.custom<boolean | string>(
      (value) =>
        typeof value === 'boolean' ||
        (typeof value === 'string' && /^([1-9]\d{0,5}[smhd]?)+$/.test(value)),
      ({ input }) => `${JSON.stringify(input)} is not ${CONTROL_MASTER}`,
    ),
  ),
};

/** `[hosts.NAME]`: a server that no fleet finds, or one that is to have a name of its own. */
export const hostSettings = v.pipe(
  table({
    instance: v.optional(text('an instance id', (value) => INSTANCE_ID.test(value))),
    address: v.optional(remoteHost),
    via: v.optional(word('a name of hosts sync or an instance id')),
    route: v.optional(choice(['jump', 'remote-host']), 'jump'),
    ...entrySettings,
    profile: v.optional(word('the name of an AWS profile')),
    region: v.optional(region),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { instance, address, via } = dataset.value;
    const isBehind = address !== undefined && via !== undefined;
    if (dataset.value['key-from'] !== undefined && dataset.value.key === undefined) {
      addIssue({ message: 'has key-from without key, which it would be of: give key as well' });
    }
    if (instance !== undefined && (address !== undefined || via !== undefined)) {
      addIssue({ message: 'has instance and address or via: give the one or the others' });
    } else if (instance === undefined && !isBehind) {
      addIssue({
        message:
          'says not where it is: give instance, or address with the server it is reached via',
      });
    }
  }),
  v.transform(
    ({ 'identity-file': identity, 'key-from': keyFrom, 'control-master': control, ...rest }) => ({
      ...rest,
      keyFrom,
      identityFile: identity,
      controlMaster: control,
    }),
  ),
);

/** `[ssh]`: how entries get into the SSH config. */
export const sshSettings = table({ inline: v.optional(flag) });
