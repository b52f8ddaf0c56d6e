import * as v from 'valibot';
import {
  absolutePath,
  bindAddress,
  list,
  portPair,
  region,
  remoteHost,
  sessions,
  table,
  word,
} from './values.ts';

/** `[tunnels.NAME]`: local ports that lead to a server, or to what it reaches. */
export const tunnelSettings = v.pipe(
  table({
    host: word('a name of hosts sync, an instance id or tag:KEY=VALUE'),
    ports: list(portPair, 'a list of ports, each [LOCAL:]PORT'),
    'remote-host': v.optional(remoteHost),
    bind: v.optional(bindAddress, '127.0.0.1'),
    unix: v.optional(absolutePath),
    sessions: v.optional(sessions, 1),
    profile: v.optional(word('the name of an AWS profile')),
    region: v.optional(region),
  }),
  v.forward(
    v.check(
      ({ ports, unix }) => unix === undefined || ports.length === 1,
      'with unix, give one port',
    ),
    ['ports'],
  ),
  v.forward(
    v.check(({ ports }) => {
      const locals = ports.map(({ local }) => local).filter((local) => local !== 0);
      return new Set(locals).size === locals.length;
    }, 'name one local port twice'),
    ['ports'],
  ),
  v.transform(({ 'remote-host': host, ...rest }) => ({ ...rest, remoteHost: host })),
);

export type TunnelSettings = v.InferOutput<typeof tunnelSettings>;
