/** What is used of the SDK alone: loaded by `import()`, all of it would be bundled. */
export {
  EC2InstanceConnectClient,
  SendSSHPublicKeyCommand,
} from '@aws-sdk/client-ec2-instance-connect';
