import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Connections } from './connections.ts';

/** Agents for the API calls, whose first connection is the one that was opened in advance. */
export function apiAgents(connections: Connections): {
  httpAgent: HttpAgent;
  httpsAgent: HttpsAgent;
} {
  const settings = { keepAlive: true, maxSockets: 50 };
  const httpAgent = new HttpAgent(settings);
  const httpsAgent = new HttpsAgent(settings);
  takeExpected(httpAgent, 'http', connections);
  takeExpected(httpsAgent, 'https', connections);
  return { httpAgent, httpsAgent };
}

function takeExpected(agent: HttpAgent, scheme: string, connections: Connections): void {
  const open = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const host = options.host ?? '';
    const url = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${options.port ?? ''}`;
    const expected = URL.canParse(url) ? connections.takeNow('api', new URL(url)) : undefined;
    return expected ?? open(options, callback);
  };
}
