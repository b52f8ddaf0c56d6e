// What Run Command needs of the SDK, named one by one: `import()` of the package would bring it all.
export {
  CancelCommandCommand,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  SendCommandCommand,
} from '@aws-sdk/client-ssm';
