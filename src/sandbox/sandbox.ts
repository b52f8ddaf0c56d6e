import { mkdir, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { SandboxAccount } from './account.ts';
import { CredentialStore } from './credential-store.ts';
import type { TemporaryCredentials } from './credential-store.ts';
import { HybridNodes } from './hybrid-nodes.ts';
import type { NodeTier } from './hybrid-nodes.ts';
import { createApiServer } from './http/server.ts';
import type { Intercept } from './http/service.ts';
import { SignatureVerifier } from './http/signature.ts';
import type { UpgradeSignature } from './http/signature.ts';
import { AccessControl } from './iam/access-control.ts';
import type { AccessKey, IamUser, MfaDevice } from './iam/entities.ts';
import { listenForMetadata } from './metadata/metadata-listener.ts';
import type { MetadataListener } from './metadata/metadata-listener.ts';
import { CommandRegistry } from './run-command/command-registry.ts';
import type { RunningScript, ScriptRequest } from './run-command/shell-script.ts';
import { AnywhereRegistry } from './roles-anywhere/anywhere-registry.ts';
import { seedAccount } from './seed.ts';
import { ec2ApiService } from './services/ec2.ts';
import { iamService } from './services/iam/iam.ts';
import { instanceConnectService } from './services/instance-connect.ts';
import { KmsVault } from './services/kms-vault.ts';
import { kmsService } from './services/kms.ts';
import { rolesAnywhereService } from './services/roles-anywhere/roles-anywhere.ts';
import { SsmAccess } from './services/ssm-access.ts';
import { SERVED_DOCUMENTS } from './services/ssm-documents.ts';
import type { SessionDocument } from './services/ssm-documents.ts';
import { ssmService } from './services/ssm.ts';
import { issueNodeCredentials } from './services/ssm-node-agents.ts';
import type { SsmStore } from './services/ssm.ts';
import { stsService } from './services/sts.ts';
import { authorizeDataChannel } from './services/ssmmessages.ts';
import { PushedKeys } from './pushed-keys.ts';
import { SessionRegistry } from './session-registry.ts';
import type { SandboxSession } from './session-registry.ts';
import { totpCode, TotpVerifier } from './totp.ts';

export interface SandboxOptions {
  /** TCP port on loopback. Default: any free one. */
  port?: number;
  /** Loopback address to listen on. Default `127.0.0.1`. */
  host?: '127.0.0.1' | '::1';
  /** Address of the message gateway for stream URLs, `wss://host:port`, where something is in front of it. Default: this server. */
  gatewayUrl?: () => string;
  /** Region of the seeded resources. Default `us-east-1`. */
  region?: string;
  /** Servers in name alone, beside the seeded ones. Default: none. */
  crowd?: { servers: number; regions: readonly string[] } | undefined;
  /** Folder for the AWS files of the seeded user. Default: none are written. */
  stateDir?: string;
  /** Profile the files are written for. Default `default`. */
  profile?: string;
  /** Profile of the administrator in the same files. Default: none. */
  adminProfile?: string;
  /** The seeded policies ask for MFA-backed credentials. Default true. */
  requireMfa?: boolean;
  /** Tier of hybrid nodes: sessions to them need `advanced`. Default `advanced`. */
  nodeTier?: NodeTier;
  /** The person's IAM policy, in the place of the seeded one. */
  userPolicy?: object;
  /** Upper bound of temporary credentials' lives in milliseconds. Default: none. */
  maxCredentialLifetimeMs?: number;
  /** Session documents that exist. Default: those the agent serves. */
  documents?: readonly string[];
  /** Session documents of the account's own. Default: none. */
  ownDocuments?: readonly SessionDocument[];
  /** Documents that no seeded policy allows. Default: none. */
  deniedDocuments?: readonly string[];
  /** How long a new access key is not known yet (eventual consistency), in milliseconds. Default 0. */
  keyPropagationMs?: number;
  /** Sees every authentic API call before it is carried out; an error is answered in its place. */
  intercept?: Intercept;
  /** Starts a Run Command script on a node. Default: no node's agent answers. */
  startScript?: (instanceId: string, script: ScriptRequest) => RunningScript | undefined;
  /** Milliseconds since the epoch. Default: the machine's clock. */
  now?: () => number;
}

export interface Sandbox {
  /** `http://127.0.0.1:<port>` or `http://[::1]:<port>`. */
  readonly endpoint: string;
  readonly port: number;
  /** Variables to export so that AWS tools find the sandbox. */
  readonly environment: Readonly<Record<string, string>>;
  readonly account: SandboxAccount;
  /** The seeded person: user, long-term key and MFA device. */
  readonly user: IamUser;
  readonly accessKey: AccessKey;
  readonly mfaDevice: MfaDevice;
  /** Long-term keys that may do everything, to set up users and policies with. */
  readonly administrator: AccessKey;
  readonly registry: SessionRegistry;
  /** Trust anchors and profiles of IAM Roles Anywhere; there are none at first. */
  readonly rolesAnywhere: AnywhereRegistry;
  readonly hybridNodes: HybridNodes;
  /** What EC2 Instance Connect keeps for the hosts. */
  readonly pushedKeys: PushedKeys;
  /** Parameters, documents and associations, as they are kept. */
  readonly systemsManager: SsmStore;
  /** What was sent by Run Command, and what became of it. */
  readonly commands: CommandRegistry;
  readonly httpServer: Server;
  /** Serves the metadata of an instance (IMDSv2) on loopback, until the sandbox closes. */
  serveMetadata: (instanceId: string) => Promise<MetadataListener>;
  /** What the agent of a hybrid node has: credentials of the node's role. */
  nodeCredentials: (instanceId: string) => TemporaryCredentials;
  /** The code that the person's authenticator shows now. */
  mfaCode: () => string;
  /** KMS Decrypt in process, for the agent; rejects for another key or context. */
  kmsDecrypt: (ciphertext: Buffer, context: Readonly<Record<string, string>>) => Promise<Buffer>;
  /** KMS Decrypt at once, for simulated nodes. Throws for another key or context. */
  kmsOpen: (ciphertext: Buffer, context: Readonly<Record<string, string>>) => string;
  /** Checks who signed a WebSocket upgrade of the message gateway, and what they may. */
  authorizeDataChannel: (request: IncomingMessage, session: SandboxSession) => UpgradeSignature;
  /** Ends every session, closes the server and removes the written files. */
  close: () => Promise<void>;
}

/**
 * Starts an AWS of its own: a fresh account behind one HTTP server on loopback. The message
 * gateway, agents and SSH hosts are attached by local-aws.ts; what is attached must be closed
 * before the sandbox, whose server waits for upgraded sockets.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { now = Date.now } = options;
  const account = seedAccount({ ...options, nowMs: now() });
  const people = seededPeople(account);
  const access = new AccessControl(account, now);
  const totp = new TotpVerifier(now);
  const credentials = new CredentialStore(account, {
    now,
    maxLifetimeMs: options.maxCredentialLifetimeMs,
    keyPropagationMs: options.keyPropagationMs,
  });
  const verifier = new SignatureVerifier({ credentials, now });
  const registry = new SessionRegistry(now);
  const vault = new KmsVault(account.kmsKeys);
  const pushedKeys = new PushedKeys(now);
  const systemsManager: SsmStore = {
    parameters: new Map(),
    commandDocuments: [],
    associations: [],
  };
  const rolesAnywhere = new AnywhereRegistry(account.accountId, now);
  const { host = '127.0.0.1' } = options;
  const urlHost = host === '::1' ? '[::1]' : host;
  const gatewayUrl = options.gatewayUrl ?? ((): string => `ws://${urlHost}:${portOf(httpServer)}`);
  const hybridNodes = new HybridNodes(account, { now, tier: options.nodeTier ?? 'advanced' });
  const { documents = SERVED_DOCUMENTS, ownDocuments = [] } = options;
  const commands = new CommandRegistry({ now, start: options.startScript ?? (() => undefined) });
  const httpServer = createApiServer({
    verifier,
    now,
    intercept: options.intercept,
    services: [
      stsService({ account, access, credentials, totp }),
      iamService({ account, access, totp, now }),
      ec2ApiService({ account, access }),
      instanceConnectService({ account, access, keys: pushedKeys }),
      ssmService({
        account,
        access: new SsmAccess(account, access),
        registry,
        credentials,
        hybridNodes,
        documents,
        ownDocuments,
        gatewayUrl,
        commands,
        accessControl: access,
        vault,
        ...systemsManager,
        now,
      }),
      kmsService({ account, access, vault }),
      rolesAnywhereService({ account, access, credentials, registry: rolesAnywhere, now }),
    ],
  });
  await listen(httpServer, host, options.port ?? 0);
  const metadata: MetadataListener[] = [];

  const port = portOf(httpServer);
  const endpoint = `http://${urlHost}:${port}`;
  const files = await writeAwsFiles(options, account.region, people).catch(
    async (error: unknown) => {
      await closeServer(httpServer);
      throw error;
    },
  );
  return {
    endpoint,
    port,
    environment: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: account.region,
      AWS_DEFAULT_REGION: account.region,
      ...files,
    },
    account,
    ...people,
    registry,
    rolesAnywhere,
    hybridNodes,
    pushedKeys,
    systemsManager,
    commands,
    httpServer,
    serveMetadata: async (instanceId) => {
      const instance = account.instances.find((each) => each.instanceId === instanceId);
      if (instance === undefined) throw new Error(`there is no instance ${instanceId}`);
      const listener = await listenForMetadata({ account, credentials, instance, now });
      metadata.push(listener);
      return listener;
    },
    nodeCredentials: (instanceId) =>
      issueNodeCredentials(
        { account, credentials, hybridNodes, now },
        { instanceId, region: account.region },
      ),
    mfaCode: () => totpCode(people.mfaDevice, now()),
    kmsDecrypt: (ciphertext, context) => {
      const opened = vault.decrypt(ciphertext, new Map(Object.entries(context)));
      return opened === undefined
        ? Promise.reject(new Error('InvalidCiphertextException'))
        : Promise.resolve(opened.plaintext);
    },
    kmsOpen: (ciphertext, context) => {
      const opened = vault.decrypt(ciphertext, new Map(Object.entries(context)));
      if (opened === undefined) throw new Error('InvalidCiphertextException');
      return opened.plaintext.toString('utf8');
    },
    authorizeDataChannel: (request, session) =>
      authorizeDataChannel({ account, access, verifier }, request, session),
    close: async () => {
      commands.close();
      for (const { sessionId } of registry.list()) registry.terminate(sessionId, '');
      await closeServer(httpServer);
      await Promise.all(metadata.map((listener) => listener.close()));
      await Promise.all(Object.values(files).map((file) => rm(file, { force: true })));
    },
  };
}

type SeededPeople = Pick<Sandbox, 'user' | 'accessKey' | 'mfaDevice' | 'administrator'>;

function seededPeople(account: SandboxAccount): SeededPeople {
  const [user, admin] = account.users;
  const [accessKey] = user?.accessKeys ?? [];
  const [mfaDevice] = user?.mfaDevices ?? [];
  const [administrator] = admin?.accessKeys ?? [];
  if (!user || !accessKey || !mfaDevice || !administrator) {
    throw new Error('the seeded account has no user with a key and an MFA device');
  }
  return { user, accessKey, mfaDevice, administrator };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

type AwsFiles = Partial<Record<'AWS_SHARED_CREDENTIALS_FILE' | 'AWS_CONFIG_FILE', string>>;

/** The files a new employee would have: a long-term key with its MFA device, and a region. */
async function writeAwsFiles(
  { stateDir, profile = 'default', adminProfile }: SandboxOptions,
  region: string,
  { accessKey, mfaDevice, administrator }: SeededPeople,
): Promise<AwsFiles> {
  if (stateDir === undefined) return {};
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const files = {
    AWS_SHARED_CREDENTIALS_FILE: join(stateDir, 'credentials'),
    AWS_CONFIG_FILE: join(stateDir, 'config'),
  };
  const secret = { mode: 0o600 };
  const keys = ({ accessKeyId, secretAccessKey }: AccessKey): string =>
    `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
  const admin = adminProfile === undefined ? [] : [adminProfile];
  await writeFile(
    files.AWS_SHARED_CREDENTIALS_FILE,
    [
      `[${profile}-long-term]\n${keys(accessKey)}aws_mfa_device = ${mfaDevice.serialNumber}\n`,
      ...admin.map((name) => `[${name}]\n${keys(administrator)}`),
    ].join('\n'),
    secret,
  );
  const section = profile === 'default' ? 'default' : `profile ${profile}`;
  const others = [`${profile}-long-term`, ...admin].map((name) => `profile ${name}`);
  await writeFile(
    files.AWS_CONFIG_FILE,
    [section, ...others].map((name) => `[${name}]\nregion = ${region}\n`).join('\n'),
    secret,
  );
  return files;
}
