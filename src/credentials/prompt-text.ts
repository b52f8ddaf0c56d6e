import type { UsedCredentials } from './profile-end.ts';

/**
 * A few characters for a shell's prompt: the profile, and how long its credentials last, such as
 * `prod 11h59m`, `prod 9m`, `prod expired`, `prod none`; the profile alone where nothing tells.
 * Empty for a `default` without credentials: not everybody uses AWS all day.
 */
export function promptText({ profile, end }: UsedCredentials, nowMs: number): string {
  const name = profile ?? 'env';
  switch (end.kind) {
    case 'missing':
      return name === 'default' ? '' : `${name} none`;
    case 'endless':
    case 'unknown':
      return name;
    case 'at':
      return `${name} ${shortDuration(end.timeMs - nowMs)}`;
  }
}

function shortDuration(leftMs: number): string {
  if (leftMs <= 0) return 'expired';
  const minutes = Math.floor(leftMs / 60_000);
  const hours = Math.floor(minutes / 60);
  if (hours === 0) return minutes === 0 ? '<1m' : `${minutes}m`;
  return `${hours}h${String(minutes % 60).padStart(2, '0')}m`;
}
