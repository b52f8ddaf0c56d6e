import * as v from 'valibot';
import { named, table } from './values.ts';
import { sessionSettings } from './session-settings.ts';
import { tunnelSettings } from './tunnel-settings.ts';

/** Every section of the config file. One more is a schema in a file of its own, named here. */
export const settings = table({
  session: v.optional(sessionSettings, () => ({})),
  tunnels: v.optional(named(tunnelSettings), () => ({})),
});

export type Settings = v.InferOutput<typeof settings>;
