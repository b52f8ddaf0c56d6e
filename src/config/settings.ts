import * as v from 'valibot';
import { fleetSettings } from './fleet-settings.ts';
import { hostSettings, sshSettings } from './host-settings.ts';
import { sessionSettings } from './session-settings.ts';
import { tunnelSettings } from './tunnel-settings.ts';
import { userRules } from './user-rules.ts';
import { distinctlyNamed, hostName, named, table } from './values.ts';

/** Every section of the config file. One more is a schema in a file of its own, named here. */
export const settings = table({
  fleets: v.optional(distinctlyNamed(fleetSettings), () => ({})),
  hosts: v.optional(distinctlyNamed(hostSettings, hostName), () => ({})),
  users: v.optional(userRules),
  ssh: v.optional(sshSettings, () => ({})),
  session: v.optional(sessionSettings, () => ({})),
  tunnels: v.optional(named(tunnelSettings), () => ({})),
});

export type Settings = v.InferOutput<typeof settings>;
