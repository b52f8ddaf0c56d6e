import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';

/** What ssh makes of a name, of `ssh -G`. */
export interface SshSettings {
  user: string;
  hostName: string;
  port: number;
  /** Undefined: no jump host. */
  jump: string | undefined;
  /** Undefined: no ProxyCommand. */
  proxyCommand: string | undefined;
}

/** Reads what `ssh -G` prints. */
export function readSshSettings(text: string): SshSettings {
  const settings = new Map(
    text.split(/\r?\n/).map((line): [string, string] => {
      const at = line.indexOf(' ');
      return at < 0 ? [line, ''] : [line.slice(0, at).toLowerCase(), line.slice(at + 1)];
    }),
  );
  const value = (name: string): string | undefined => {
    const found = settings.get(name);
    return found === 'none' ? undefined : found;
  };
  const proxyCommand = value('proxycommand');
  return {
    user: value('user') ?? '',
    hostName: value('hostname') ?? '',
    port: Number(value('port') ?? 22),
    jump: value('proxyjump') ?? /devaccess-proxy.* --jump (\S+)/.exec(proxyCommand ?? '')?.[1],
    proxyCommand,
  };
}

/** Whether ssh goes the way that the entry of `hosts sync` describes. */
export function settingsFindings(
  { user, jump, proxyCommand }: SshSettings,
  { name, bastion }: { name: string; bastion: string | undefined },
): Finding[] {
  const isOurs = proxyCommand?.includes('devaccess-proxy') === true;
  if (!isOurs && jump === undefined) {
    const way = proxyCommand === undefined ? 'directly' : `by ProxyCommand ${proxyCommand}`;
    const what = `ssh goes to ${name} ${way}: other lines of the SSH config come before its entry`;
    const edit = `move the Include of devaccess above them; ssh -G ${name} shows what counts`;
    return [finding('ssh-entry-shadowed', 'problem', what, { edit })];
  }
  const way = jump === undefined ? 'through devaccess-proxy' : `through ${jump}`;
  const host = bastion === undefined || jump !== undefined ? '' : ` and ${bastion}`;
  return [finding('ssh-entry', 'ok', `ssh goes ${way}${host}, as ${user}`)];
}
