import type { Command } from '@oclif/core';
import AnywhereCredentialProcess from './anywhere/credential-process.ts';
import AnywhereInspect from './anywhere/inspect.ts';
import AnywhereReadCertificateData from './anywhere/read-certificate-data.ts';
import AnywhereServe from './anywhere/serve.ts';
import AnywhereSetup from './anywhere/setup.ts';
import AnywhereSignString from './anywhere/sign-string.ts';
import AnywhereUpdate from './anywhere/update.ts';
import AnywhereVersion from './anywhere/version.ts';
import Completion from './completion.ts';
import Cp from './cp.ts';
import CredentialProcess from './credential-process.ts';
import Doctor from './doctor.ts';
import Env from './env.ts';
import Exec from './exec.ts';
import Forward from './forward.ts';
import HostsAdd from './hosts/add.ts';
import HostsList from './hosts/list.ts';
import HostsRemove from './hosts/remove.ts';
import HostsSync from './hosts/sync.ts';
import HostsTrust from './hosts/trust.ts';
import IamCheck from './iam/check.ts';
import IamEnrollMfa from './iam/enroll-mfa.ts';
import IamPolicy from './iam/policy.ts';
import IamRotateKeys from './iam/rotate-keys.ts';
import IamSetupUser from './iam/setup-user.ts';
import LoginMove from './login/move.ts';
import LoginPassphrase from './login/passphrase.ts';
import LoginSetup from './login/setup.ts';
import LoginTotp from './login/totp.ts';
import LoginUnlock from './login/unlock.ts';
import Mfa from './mfa.ts';
import NodesActivate from './nodes/activate.ts';
import NodesActivationsDelete from './nodes/activations/delete.ts';
import NodesActivationsList from './nodes/activations/list.ts';
import NodesAgentConfig from './nodes/agent-config.ts';
import NodesBridge from './nodes/bridge.ts';
import NodesCredentials from './nodes/credentials.ts';
import NodesDeregister from './nodes/deregister.ts';
import NodesDoctor from './nodes/doctor.ts';
import NodesInit from './nodes/init.ts';
import NodesInstallScript from './nodes/install-script.ts';
import NodesList from './nodes/list.ts';
import NodesReceive from './nodes/receive.ts';
import NodesRotate from './nodes/rotate.ts';
import Run from './run.ts';
import SandboxCode from './sandbox/code.ts';
import SandboxDemo from './sandbox/demo.ts';
import SandboxStart from './sandbox/start.ts';
import SessionsList from './sessions/list.ts';
import SessionsTerminate from './sessions/terminate.ts';
import Setup from './setup.ts';
import Shell from './shell.ts';
import Ssh from './ssh.ts';
import Status from './status.ts';
import TunnelsDown from './tunnels/down.ts';
import TunnelsStatus from './tunnels/status.ts';
import TunnelsUp from './tunnels/up.ts';

export { main } from '../cli/main.ts';

/** Every command by its id; oclif finds them here (package.json, `oclif.commands`). */
export const COMMANDS: Record<string, Command.Class> = {
  'anywhere:credential-process': AnywhereCredentialProcess,
  'anywhere:inspect': AnywhereInspect,
  'anywhere:read-certificate-data': AnywhereReadCertificateData,
  'anywhere:serve': AnywhereServe,
  'anywhere:setup': AnywhereSetup,
  'anywhere:sign-string': AnywhereSignString,
  'anywhere:update': AnywhereUpdate,
  'anywhere:version': AnywhereVersion,
  completion: Completion,
  cp: Cp,
  'credential-process': CredentialProcess,
  doctor: Doctor,
  env: Env,
  exec: Exec,
  forward: Forward,
  'hosts:add': HostsAdd,
  'hosts:list': HostsList,
  'hosts:remove': HostsRemove,
  'hosts:sync': HostsSync,
  'hosts:trust': HostsTrust,
  'iam:check': IamCheck,
  'iam:enroll-mfa': IamEnrollMfa,
  'iam:policy': IamPolicy,
  'iam:rotate-keys': IamRotateKeys,
  'iam:setup-user': IamSetupUser,
  'login:move': LoginMove,
  'login:passphrase': LoginPassphrase,
  'login:setup': LoginSetup,
  'login:totp': LoginTotp,
  'login:unlock': LoginUnlock,
  mfa: Mfa,
  'nodes:activate': NodesActivate,
  'nodes:activations:delete': NodesActivationsDelete,
  'nodes:activations:list': NodesActivationsList,
  'nodes:agent-config': NodesAgentConfig,
  'nodes:bridge': NodesBridge,
  'nodes:credentials': NodesCredentials,
  'nodes:deregister': NodesDeregister,
  'nodes:doctor': NodesDoctor,
  'nodes:init': NodesInit,
  'nodes:install-script': NodesInstallScript,
  'nodes:list': NodesList,
  'nodes:receive': NodesReceive,
  'nodes:rotate': NodesRotate,
  run: Run,
  'sandbox:code': SandboxCode,
  'sandbox:demo': SandboxDemo,
  'sandbox:start': SandboxStart,
  'sessions:list': SessionsList,
  'sessions:terminate': SessionsTerminate,
  setup: Setup,
  shell: Shell,
  ssh: Ssh,
  status: Status,
  'tunnels:down': TunnelsDown,
  'tunnels:status': TunnelsStatus,
  'tunnels:up': TunnelsUp,
};
