import type { ConfigDocument } from './config-document.ts';
import { RISKY_ROTATION_DAYS } from './config-keys.ts';

/** What is harmful, or does not do what it seems to do, in a configuration of the agent. */
export interface ConfigWarning {
  id:
    | 'agent-value'
    | 'agent-unknown-key'
    | 'share-default-profile'
    | 'share-nothing'
    | 'force-update-creds'
    | 'key-rotation-short'
    | 'identity-order'
    | 'denied-addresses'
    | 'foreign-endpoint';
  text: string;
}

const METADATA = ['169.254.169.254', 'fd00:ec2::254'];

/** The gravest first. */
export function configWarnings(document: ConfigDocument): ConfigWarning[] {
  return [
    ...valueWarnings(document),
    ...profileWarnings(document),
    ...identityWarnings(document),
    ...networkWarnings(document),
  ];
}

function valueWarnings({ settings, unknown }: ConfigDocument): ConfigWarning[] {
  return [
    ...settings
      .filter(({ problem }) => problem !== null)
      .map(({ name, given, problem }) => ({
        id: 'agent-value' as const,
        text: `${name} = ${JSON.stringify(given)} ${problem ?? ''}`,
      })),
    ...unknown.map((name) => ({
      id: 'agent-unknown-key' as const,
      text: `${name} is no key of the agent: it has no effect`,
    })),
  ];
}

function profileWarnings(document: ConfigDocument): ConfigWarning[] {
  const warnings: ConfigWarning[] = [];
  const shares = effective(document, 'Profile.ShareCreds') === true;
  const profile = effective(document, 'Profile.ShareProfile');
  if (shares && (profile === '' || profile === 'default')) {
    warnings.push({
      id: 'share-default-profile',
      text:
        "the agent writes [default] of root's credentials file: every AWS tool that root runs then " +
        'acts as the node, and keys or a role of its own are hidden. Set ShareProfile to another name',
    });
  }
  if (!shares) {
    const rest = profile === '' ? '' : '; ShareProfile has no effect then';
    warnings.push({
      id: 'share-nothing',
      text:
        'ShareCreds is false: the agent writes no credentials, so that nodes bridge --source agent ' +
        `finds none, or old ones${rest}`,
    });
  }
  if (given(document, 'Profile.ForceUpdateCreds') !== undefined) {
    warnings.push({
      id: 'force-update-creds',
      text:
        'ForceUpdateCreds has no effect: the agent replaces a credentials file that it cannot parse ' +
        'whatever it says; what else was in the file is lost then',
    });
  }
  const days = effective(document, 'Profile.KeyAutoRotateDays');
  if (typeof days === 'number' && days > 0 && days < RISKY_ROTATION_DAYS) {
    warnings.push({
      id: 'key-rotation-short',
      text:
        `KeyAutoRotateDays = ${days} makes a new registration key every ${days} days; where the node ` +
        'cannot keep it the machine has to be registered anew. It does not make credentials change ' +
        `more often: they do every 30 minutes. ${RISKY_ROTATION_DAYS} days or more are reasonable, 0 is never`,
    });
  }
  return warnings;
}

function identityWarnings(document: ConfigDocument): ConfigWarning[] {
  const order = effective(document, 'Identity.ConsumptionOrder');
  if (!Array.isArray(order) || order[0] === 'OnPrem') return [];
  const why = order.includes('OnPrem') ? 'only after others' : 'never';
  return [
    {
      id: 'identity-order',
      text: `the agent takes the identity of a hybrid node ${why} (Identity.ConsumptionOrder): it may not be the node that was registered`,
    },
  ];
}

function networkWarnings(document: ConfigDocument): ConfigWarning[] {
  const denied = effective(document, 'Mgs.DeniedPortForwardingRemoteIPs');
  const isOpen =
    Array.isArray(denied) && METADATA.some((address) => !(denied as string[]).includes(address));
  const endpoints = document.settings.filter(
    ({ key, effective: value }) => key.key === 'Endpoint' && value !== '' && !isAws(value),
  );
  return [
    ...(isOpen
      ? [
          {
            id: 'denied-addresses' as const,
            text: 'DeniedPortForwardingRemoteIPs leaves out the metadata service: who may forward ports can take the credentials of the machine',
          },
        ]
      : []),
    ...endpoints.map(({ name, effective: value }) => ({
      id: 'foreign-endpoint' as const,
      text: `${name} is ${JSON.stringify(value)}, no host of AWS: who answers there commands the agent, as root`,
    })),
  ];
}

function isAws(value: unknown): boolean {
  const host = String(value)
    .replace(/^https?:\/\//, '')
    .replace(/[/:].*$/s, '');
  return /(^|\.)(amazonaws\.com(\.cn)?|api\.aws|amazonwebservices\.com\.cn)$/.test(host);
}

function effective({ settings }: ConfigDocument, name: string): unknown {
  return settings.find((setting) => setting.name === name)?.effective;
}

function given({ settings }: ConfigDocument, name: string): unknown {
  return settings.find((setting) => setting.name === name)?.given;
}
