import { existsSync } from 'node:fs';

/** Where the agent keeps what, and how it is run, on one system. */
export interface AgentPlaces {
  config: string;
  /** Its runtime state, with the end of its credentials. */
  identityState: string;
  /** What it writes credentials to, unless its environment says otherwise. */
  credentials: string;
  restart: string;
}

const SNAP = '/snap/amazon-ssm-agent/current';

/** The places of the agent on this machine (5.3 and 5.4 of the facts on nodes). */
export function agentPlaces(platform: NodeJS.Platform = process.platform): AgentPlaces {
  switch (platform) {
    case 'win32':
      return {
        config: 'C:\\Program Files\\Amazon\\SSM\\amazon-ssm-agent.json',
        identityState: 'C:\\ProgramData\\Amazon\\SSM\\runtimeconfig\\identity_config.json',
        credentials: 'C:\\Windows\\System32\\config\\systemprofile\\.aws\\credentials',
        restart: 'Restart-Service AmazonSSMAgent',
      };
    case 'darwin':
      return {
        config: '/opt/aws/ssm/amazon-ssm-agent.json',
        identityState: '/opt/aws/ssm/data/runtimeconfig/identity_config.json',
        credentials: '/var/root/.aws/credentials',
        restart: 'sudo launchctl kickstart -k system/com.amazon.aws.ssm',
      };
    default:
      return {
        config: '/etc/amazon/ssm/amazon-ssm-agent.json',
        identityState: '/var/lib/amazon/ssm/runtimeconfig/identity_config.json',
        credentials: '/root/.aws/credentials',
        restart: existsSync(SNAP)
          ? 'sudo snap restart amazon-ssm-agent'
          : 'sudo systemctl restart amazon-ssm-agent',
      };
  }
}
