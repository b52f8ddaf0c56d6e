import { tableLines } from '../../cli/table.ts';
import type { TrustedHost, TrustResult } from '../../hosts/host-keys/trust-hosts.ts';
import { printable } from '../../platform/errors.ts';

/** What people see of `hosts trust`: a line for each host. */
export function trustTable({ hosts }: TrustResult, width: number): string[] {
  const cells = (tell: (host: TrustedHost) => string) => hosts.map((host) => printable(tell(host)));
  return tableLines(
    [
      { head: 'HOST', cells: cells(({ host }) => host), dispensable: 0 },
      { head: 'STATUS', cells: cells(({ status }) => status), dispensable: 0 },
      { head: 'KEYS', cells: cells(keyTypes), min: 12, dispensable: 2 },
      { head: 'TOLD BY', cells: cells(whoTold), min: 8, dispensable: 1 },
    ],
    width,
    '…',
  );
}

/** What each host's failure is, and both keys of those that have others than before. */
export function trustRemarks({ hosts, notices }: TrustResult): string[] {
  const remarks = hosts.flatMap((host) => {
    const { error, formerKeys, keys } = host;
    const difference = [
      ...formerKeys.map((key) => `  known: ${key.type} ${key.fingerprint}`),
      ...keys.map((key) => `  now:   ${key.type} ${key.fingerprint}`),
    ];
    const shown = formerKeys.length === 0 ? [] : [`${host.host}:`, ...difference];
    if (error === null) return shown;
    const next = error.next === null ? '' : ` Next: ${error.next}`;
    return [...shown, `${error.message} [${error.code}]${next}`];
  });
  // What fails for all alike is said once.
  return [...new Set([...remarks, ...notices])].map(printable);
}

/** The line at the end. */
export function trustSummary({ hosts, files }: TrustResult): string {
  const statuses = ['added', 'unchanged', 'updated', 'accepted', 'changed', 'failed'] as const;
  const counts = statuses
    .map((status) => [hosts.filter((host) => host.status === status).length, status] as const)
    .filter(([count]) => count > 0)
    .map(([count, status]) => `${count} ${status}`);
  const written = files
    .filter(({ outcome }) => outcome !== 'unchanged')
    .map(({ path, outcome }) => `${path} (${outcome})`);
  const where = written.length === 0 ? 'no file changed' : written.join(', ');
  return `${hosts.length} ${hosts.length === 1 ? 'host' : 'hosts'}: ${counts.join(', ')}; ${where}`;
}

function keyTypes({ keys }: TrustedHost): string {
  return keys.map(({ type }) => type.replace(/^ssh-|-sha2-nistp\d+$/g, '')).join(' ');
}

function whoTold({ toldBy, bastion }: TrustedHost): string {
  return toldBy === 'bastion' ? `bastion ${bastion ?? ''}` : (toldBy ?? '');
}
