import * as v from 'valibot';
import { named, table } from './values.ts';
import { tunnelSettings } from './tunnel-settings.ts';

/** Every section of the config file. One more is a schema in a file of its own, named here. */
export const settings = table({
  tunnels: v.optional(named(tunnelSettings), () => ({})),
});

export type Settings = v.InferOutput<typeof settings>;
