/**
 * The key of a short-term section that says, without a secret, what its session was made from:
 * another long-term key or device needs another session (1.11 of the credentials facts).
 */
export const SOURCE_KEY = 'devaccess_source';

/** What a session was made from. */
interface Source {
  /** Of the long-term key. */
  accessKeyId: string;
  /** ARN or serial number. */
  device: string;
}

/**
 * Names the session it belongs to: when another tool renews the section without knowing the
 * marker, the marker is seen to be stale and means nothing.
 */
export function sourceMarker(sessionKeyId: string, { accessKeyId, device }: Source): string {
  return `${keyPart(sessionKeyId, accessKeyId)}${device}`;
}

/** Whether a session was made from `source`; undefined where no marker of this session tells. */
export function isMadeFrom(
  marker: string | undefined,
  sessionKeyId: string,
  source: Source,
): boolean | undefined {
  return tells(marker, sessionKeyId) ? marker === sourceMarker(sessionKeyId, source) : undefined;
}

/** As `isMadeFrom`, with whatever device. */
export function isMadeFromKey(
  marker: string | undefined,
  sessionKeyId: string,
  longTermKeyId: string,
): boolean | undefined {
  if (!tells(marker, sessionKeyId)) return undefined;
  return marker.startsWith(keyPart(sessionKeyId, longTermKeyId));
}

/**
 * The marker of a session that was made from one long-term key, as if it were from the one that has taken
 * its place: it is of the same user, and good until it ends. Undefined for all other markers.
 */
export function markerWithKey(
  marker: string | undefined,
  sessionKeyId: string,
  { from, to }: { from: string; to: string },
): string | undefined {
  if (isMadeFromKey(marker, sessionKeyId, from) !== true) return undefined;
  const device = (marker ?? '').slice(keyPart(sessionKeyId, from).length);
  return sourceMarker(sessionKeyId, { accessKeyId: to, device });
}

function keyPart(sessionKeyId: string, longTermKeyId: string): string {
  return `${sessionKeyId.slice(-4)} from ${longTermKeyId.slice(-4)} with `;
}

function tells(marker: string | undefined, sessionKeyId: string): marker is string {
  return marker?.startsWith(`${sessionKeyId.slice(-4)} from `) === true;
}
