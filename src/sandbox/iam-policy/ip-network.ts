import { BlockList, isIP, isIPv6 } from 'node:net';

/** Whether an address is in a network (`203.0.113.0/24`, `2001:db8::/32`) or is the one given. */
export function inNetwork(network: string, address: string): boolean {
  const parsed = parseNetwork(network);
  if (parsed === undefined || isIP(address) === 0) return false;
  const list = new BlockList();
  list.addSubnet(parsed.address, parsed.bits, parsed.family);
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function parseNetwork(
  network: string,
): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', bits, ...more] = network.split('/');
  if (more.length > 0 || isIP(address) === 0) return undefined;
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const width = family === 'ipv6' ? 128 : 32;
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > width)) return undefined;
  return { address, bits: bits === undefined ? width : Number(bits), family };
}
