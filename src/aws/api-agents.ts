import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Connections } from './connections.ts';

/** Agents for API calls that open their connections the way all of a run are opened. */
export function apiAgents(connections: Connections): {
  httpAgent: HttpAgent;
  httpsAgent: HttpsAgent;
} {
  const settings = { keepAlive: true, maxSockets: 50 };
  const httpAgent = new HttpAgent(settings);
  const httpsAgent = new HttpsAgent(settings);
  connectWith(connections, httpAgent, 'http');
  connectWith(connections, httpsAgent, 'https');
  return { httpAgent, httpsAgent };
}

function connectWith(connections: Connections, agent: HttpAgent, scheme: string): void {
  agent.createConnection = (options, callback) => {
    const host = options.host ?? '';
    const name = host.includes(':') ? `[${host}]` : host;
    const url = new URL(`${scheme}://${name}:${options.port ?? ''}`);
    const socket = connections.claim('api', url);
    if (!(socket instanceof Promise)) return socket;
    socket.then(
      (made) => callback?.(null, made),
      (error: unknown) => {
        // Node's types know no failure here; with an error there is nothing else to hand over.
        (callback as ((error: unknown) => void) | undefined)?.(error);
      },
    );
    return undefined;
  };
}
