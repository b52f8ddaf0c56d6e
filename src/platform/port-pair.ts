/** `[LOCAL:]PORT` as a person writes it. */
export interface PortPair {
  /** 0: any free port. */
  local: number;
  remote: number;
}

/** Reads `[LOCAL:]PORT`; without LOCAL the same port is used here. Undefined when it is not one. */
export function readPortPair(text: string): PortPair | undefined {
  const [, local, remote = ''] = /^(?:(\d{1,5}):)?(\d{1,5})$/.exec(text) ?? [];
  const pair = { local: Number(local ?? remote), remote: Number(remote) };
  const isValid = pair.remote >= 1 && pair.remote <= 65_535 && pair.local <= 65_535;
  return isValid ? pair : undefined;
}
