import type { ManagedNode, SandboxAccount } from '../account.ts';

/** The tags of a node: an EC2 node carries its instance's. */
export function nodeTags(
  { instances }: SandboxAccount,
  node: ManagedNode,
): Readonly<Record<string, string>> {
  const instance = instances.find(({ instanceId }) => instanceId === node.instanceId);
  return instance?.tags ?? node.tags ?? {};
}
