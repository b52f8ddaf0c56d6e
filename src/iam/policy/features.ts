/** The Session document of an account that holds its preferences, and starts its shells. */
export const PREFERENCES_DOCUMENT = 'SSM-SessionManagerRunShell';

/** What people use of devaccess, as far as IAM has to allow it. */
export const FEATURES = [
  'ssh',
  'forward',
  'remote-host',
  'shell',
  'run',
  'run-command',
  'trust',
  'instance-connect',
  'rotate-nodes',
  'rotate-keys',
  'enroll-mfa',
] as const;

export type Feature = (typeof FEATURES)[number];

/** What a policy is for where nobody says: the main job, and ports of the same nodes. */
export const DEFAULT_FEATURES: readonly Feature[] = ['ssh', 'forward'];

/** The Session document that each feature starts sessions with. */
export const FEATURE_DOCUMENTS: Readonly<Partial<Record<Feature, string>>> = {
  ssh: 'AWS-StartSSHSession',
  forward: 'AWS-StartPortForwardingSession',
  'remote-host': 'AWS-StartPortForwardingSessionToRemoteHost',
  shell: PREFERENCES_DOCUMENT,
  run: 'AWS-StartNonInteractiveCommand',
};

/** What runs shell lines by Run Command. */
export const RUN_COMMAND_DOCUMENT = 'AWS-RunShellScript';

/** What `devaccess nodes rotate` sends, and makes where it is not there (docs/node-rotation.md). */
export const NODE_CREDENTIALS_DOCUMENTS = [
  'devaccess-fetch-credentials',
  'devaccess-receive-credentials',
] as const;

/** Features that are a user's own: a role has no access keys and no devices. */
export const USER_FEATURES: readonly Feature[] = ['rotate-keys', 'enroll-mfa'];

/** What people need who are set up from nothing: they enrol a device before a session can start. */
export const SETUP_FEATURES: readonly Feature[] = [...DEFAULT_FEATURES, ...USER_FEATURES];

/** What stops working without a document. */
const DOCUMENT_USES: Readonly<Record<string, string>> = {
  'AWS-StartSSHSession': 'ssh, scp, rsync and devaccess cp',
  'AWS-StartPortForwardingSession': 'devaccess forward and tunnels to ports of a node',
  'AWS-StartPortForwardingSessionToRemoteHost':
    'devaccess forward --host, and hosts synced with --route remote-host',
  'AWS-StartNonInteractiveCommand': 'devaccess run',
  [PREFERENCES_DOCUMENT]: 'devaccess shell',
};

/** What people do with a Session document. */
export function useOfDocument(name: string): string {
  return DOCUMENT_USES[name] ?? `devaccess shell --document ${name}`;
}
