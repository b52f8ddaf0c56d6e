import { constants, createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SSMClient } from '@aws-sdk/client-ssm';

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/**
 * What the SSM agent of a machine outside EC2 says to Systems Manager, byte by byte as the official
 * one does: a registration that nobody signs, and requests signed with the machine's RSA key.
 */
export class HybridAgent {
  readonly fingerprint = randomUUID();
  readonly #endpoint: string;
  readonly #now: () => number;
  #keys: KeyPair;
  instanceId = '';

  constructor(endpoint: string, now: () => number = Date.now, keys = sharedKeys()) {
    this.#keys = keys;
    this.#endpoint = endpoint;
    this.#now = now;
  }

  async register(
    activation: { ActivationId?: string | undefined; ActivationCode?: string | undefined },
    changes: Record<string, unknown> = {},
  ): Promise<Answer> {
    const answer = await this.#post('RegisterManagedInstance', {
      ActivationId: activation.ActivationId,
      ActivationCode: activation.ActivationCode,
      PublicKey: publicKeyOf(this.#keys),
      PublicKeyType: 'Rsa',
      Fingerprint: this.fingerprint,
      ...changes,
    });
    if (answer.status === 200) this.instanceId = String(answer.body['InstanceId']);
    return answer;
  }

  requestRoleToken(fingerprint: string = this.fingerprint, headers: Record<string, string> = {}) {
    const body = { Fingerprint: fingerprint };
    return this.#post('RequestManagedInstanceRoleToken', body, this.#keys.privateKey, headers);
  }

  /** Takes a new key into use, and tells the service before. */
  async rotateKey(): Promise<Answer> {
    const keys = newKeys();
    const body = { NewPublicKey: publicKeyOf(keys), NewPublicKeyType: 'Rsa' };
    const answer = await this.#post('UpdateManagedInstancePublicKey', body, this.#keys.privateKey);
    this.#keys = keys;
    return answer;
  }

  /** A client with the node's own credentials. */
  async client(region = 'us-east-1'): Promise<SSMClient> {
    const { body } = await this.requestRoleToken();
    return new SSMClient({
      endpoint: this.#endpoint,
      region,
      maxAttempts: 1,
      systemClockOffset: this.#now() - Date.now(),
      credentials: {
        accessKeyId: String(body['AccessKeyId']),
        secretAccessKey: String(body['SecretAccessKey']),
        sessionToken: String(body['SessionToken']),
      },
    });
  }

  /** UpdateInstanceInformation is in no public SDK: its request is signed as the agent's is. */
  async report(information: Record<string, unknown> = {}): Promise<Answer> {
    const client = await this.client();
    const signed = { name: 'hybridAgentTarget', step: 'build' as const };
    const { DescribeSessionsCommand } = await import('@aws-sdk/client-ssm');
    const command = new DescribeSessionsCommand({ State: 'Active' });
    const report = {
      InstanceId: this.instanceId,
      AgentName: 'amazon-ssm-agent',
      AgentStatus: 'Active',
      AgentVersion: '3.3.0.0',
      PlatformType: 'Linux',
      PlatformName: 'Debian GNU/Linux',
      PlatformVersion: '12',
      ComputerName: 'till-1',
      IPAddress: '192.0.2.7',
      ...information,
    };
    command.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { headers: Record<string, string>; body: string };
        request.headers['x-amz-target'] = 'AmazonSSM.UpdateInstanceInformation';
        request.body = JSON.stringify(report);
        request.headers['content-length'] = String(Buffer.byteLength(request.body));
        return next(args);
      },
      signed,
    );
    try {
      await client.send(command);
      return { status: 200, body: {} };
    } catch (error) {
      const { name, $metadata } = error as { name: string; $metadata: { httpStatusCode: number } };
      return { status: $metadata.httpStatusCode, body: { __type: name } };
    }
  }

  async #post(
    operation: string,
    members: Record<string, unknown>,
    key?: KeyObject,
    changes: Record<string, string> = {},
  ): Promise<Answer> {
    const body = JSON.stringify(members);
    const target = `AmazonSSM.${operation}`;
    const headers: Record<string, string> = {
      'Content-Type': 'application/x-amz-json-1.1',
      'X-Amz-Target': target,
    };
    if (key !== undefined) Object.assign(headers, this.#signature(target, body, key), changes);
    const response = await fetch(this.#endpoint, { method: 'POST', headers, body });
    return {
      status: response.status,
      body: JSON.parse(await response.text()) as Record<string, unknown>,
    };
  }

  #signature(target: string, body: string, key: KeyObject): Record<string, string> {
    const date = new Date(this.#now()).toISOString().replace(/[-:]|\.\d{3}/g, '');
    const scope = `${date.slice(0, 8)}/us-east-1/ssm/aws4_request`;
    const names = 'content-type;host;x-amz-date;x-amz-target';
    const canonical = [
      'POST',
      '/',
      '',
      'content-type:application/x-amz-json-1.1',
      `host:${new URL(this.#endpoint).host}`,
      `x-amz-date:${date}`,
      `x-amz-target:${target}`,
      '',
      names,
      sha256(body),
    ].join('\n');
    const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
    const signature = sign('sha256', Buffer.from(text), {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: 32,
    }).toString('base64');
    return {
      'X-Amz-Date': date,
      Authorization: `AWS4-HMAC-SHA256 Credential=${this.instanceId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    };
  }
}

interface KeyPair {
  publicKey: KeyObject;
  privateKey: KeyObject;
}

export function newKeys(): KeyPair {
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

let shared: KeyPair | undefined;

/** Making one takes a while; machines that need not be told apart by it have the same. */
function sharedKeys(): KeyPair {
  shared ??= newKeys();
  return shared;
}

function publicKeyOf({ publicKey }: { publicKey: KeyObject }): string {
  return publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
