/** A rule of a security group that devaccess needs, or needs not. */
export interface GroupRule {
  of: 'bastion' | 'private hosts' | 'VPC endpoints';
  direction: 'inbound' | 'outbound';
  /** `none`: the group has no rule in this direction. */
  ports: string;
  peer: string;
  why: string;
}

/**
 * The least that the security groups around a bastion have to let through. Session Manager is asked
 * from inside: nothing comes in.
 */
export function groupRules(regions: readonly string[]): GroupRule[] {
  const services = regions.map((region) => `ssm, ssmmessages and ec2messages of ${region}`);
  return [
    {
      of: 'bastion',
      direction: 'inbound',
      ports: 'none',
      peer: 'nobody',
      why: 'sessions arrive on connections that the agent opened; port 22 stays shut, for 0.0.0.0/0 and for offices',
    },
    {
      of: 'bastion',
      direction: 'outbound',
      ports: 'tcp 443',
      peer: services.join('; '),
      why: 'the agent calls the service, through a NAT, or through VPC endpoints and their group alone',
    },
    {
      of: 'bastion',
      direction: 'outbound',
      ports: 'tcp 22',
      peer: 'the group of the private hosts',
      why: 'ssh goes on from the bastion; with --route remote-host and forward --host also the ports reached that way',
    },
    {
      of: 'private hosts',
      direction: 'inbound',
      ports: 'tcp 22',
      peer: 'the group of the bastion',
      why: 'by group, not by address: a new bastion needs no new rule',
    },
    {
      of: 'VPC endpoints',
      direction: 'inbound',
      ports: 'tcp 443',
      peer: 'the group of the bastion',
      why: 'only where there are interface endpoints instead of a NAT',
    },
  ];
}
