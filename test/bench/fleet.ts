/**
 * `nodes rotate` on a fleet of 2000 simulated nodes with slow, failing, offline and hostile ones, by
 * both ways of delivery: time, memory of client and sandbox together, and what became of the nodes.
 *
 *   npm run bench:fleet -- [--nodes 2000] [--via parameter|sealed] [--json FOLDER]
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { REAL_CLOCK } from '../../src/aws/run-command/poll-pace.ts';
import { NodeApi } from '../../src/nodes/node-api.ts';
import { commandDocument } from '../../src/nodes/rotate/command-document.ts';
import { parameterWay, sealedWay } from '../../src/nodes/rotate/delivery-ways.ts';
import { pinDocument } from '../../src/nodes/rotate/pinned-document.ts';
import { rotateCredentials } from '../../src/nodes/rotate/rotate-credentials.ts';
import { openPayload } from '../../src/nodes/rotate/sealed-payload.ts';
import { findTargets } from '../../src/nodes/rotate/targets.ts';
import type { ScriptRequest } from '../../src/sandbox/run-command/shell-script.ts';
import { startFleetSandbox } from '../integration/support/fleet-sandbox.ts';

const { values: flags } = parseArgs({
  options: {
    nodes: { type: 'string', default: '2000' },
    via: { type: 'string' },
    json: { type: 'string', default: 'bench-results' },
  },
});
const count = Number(flags.nodes);
const part = (share: number): number => Math.round(count * share);
const odd = {
  slow: part(0.03),
  failing: part(0.015),
  offline: part(0.02),
  silent: part(0.005),
  lying: part(0.005),
  noisy: part(0.005),
  hanging: part(0.005),
};
const counts = { sound: count - Object.values(odd).reduce((sum, each) => sum + each, 0), ...odd };

const place = await startFleetSandbox();
const { accessKeyId, secretAccessKey } = place.sandbox.administrator;
const credentials = { accessKeyId, secretAccessKey };
process.env['AWS_ENDPOINT_URL'] = place.sandbox.endpoint;
const api = await NodeApi.open({ credentials, region: 'us-east-1', namedProfile: undefined });
const keys = generateKeyPairSync('x25519');
const secrets: string[] = [];

function receiptOf(text: string): string {
  const answer = JSON.parse(text) as Record<string, string>;
  secrets.push(answer['SecretAccessKey'] ?? '', answer['SessionToken'] ?? '');
  return `ok ${answer['AccessKeyId']?.slice(-4) ?? ''} ${answer['Expiration'] ?? ''}\n`;
}

function perform(instanceId: string, { document }: ScriptRequest): string {
  const payload = document?.parameters['Payload'];
  if (payload !== undefined) {
    return receiptOf(openPayload(payload, { instanceId, name: 'shop' }, keys)?.text ?? '{}');
  }
  const name = `/devaccess/creds/${instanceId}/shop`;
  const stored = place.sandbox.systemsManager.parameters.get(`us-east-1 ${name}`);
  const PARAMETER_ARN = `arn:aws:ssm:us-east-1:123456789012:parameter${name}`;
  const sealed = Buffer.from(stored?.value ?? '', 'base64');
  return receiptOf(place.sandbox.kmsOpen(sealed, { PARAMETER_ARN }));
}

async function run(via: 'parameter' | 'sealed'): Promise<object> {
  place.fleet({ counts, perform, slowMs: 3_000 });
  secrets.length = 0;
  let peakBytes = 0;
  const sampler = setInterval(() => {
    peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
  }, 200);
  const startedAtMs = performance.now();
  const tags = [{ key: 'Site', value: 'Berlin' }];
  const nodes = await findTargets(api, { ids: [], tags }, Date.now());
  const role = {
    credentials,
    profile: undefined,
    caller: 'admin',
    region: 'us-east-1',
    arn: place.roleArn,
    externalId: undefined,
    durationSeconds: 3600,
    now: Date.now,
  };
  const options = { keyId: undefined, isKept: false, onLeft: () => undefined };
  const publicKeys = new Map(nodes.map(({ instanceId }) => [instanceId, keys.publicKey]));
  const results = await rotateCredentials({
    api,
    nodes,
    document: await pinDocument(api, commandDocument(via), false),
    parameters: { Name: 'shop', Group: '', Folder: '/run/devaccess/credentials' },
    way:
      via === 'sealed'
        ? sealedWay(role, 'shop', publicKeys)
        : parameterWay(api, role, 'shop', options),
    maxConcurrency: { percent: 10 },
    maxErrors: { percent: 100 },
    deliveryTimeoutS: 30,
    executionTimeoutS: 5,
    clock: REAL_CLOCK,
    stop: new AbortController().signal,
    onResult: () => undefined,
  });
  clearInterval(sampler);
  const outcomes: Record<string, number> = {};
  for (const { status } of results) outcomes[status] = (outcomes[status] ?? 0) + 1;
  const kept = place.keptTexts();
  return {
    via,
    nodes: results.length,
    seconds: Math.round((performance.now() - startedAtMs) / 100) / 10,
    peakMebibytes: Math.round(peakBytes / 1_048_576),
    outcomes,
    secretsSeen: secrets.length,
    secretsKept: secrets.filter((secret) => kept.includes(secret)).length,
    parametersLeft: place.sandbox.systemsManager.parameters.size,
  };
}

const ways = (['parameter', 'sealed'] as const).filter(
  (via) => flags.via === undefined || via === flags.via,
);
const report: object[] = [];
for (const via of ways) report.push(await run(via));
api.close();
await place.sandbox.close();
mkdirSync(flags.json, { recursive: true });
writeFileSync(join(flags.json, 'fleet.json'), JSON.stringify({ counts, report }, null, 2));
process.stdout.write(`${JSON.stringify({ counts, report }, null, 2)}\n`);
