/** What is used of the SDK alone: loaded by `import()`, all of it would be bundled. */
export { SSMClient } from '@aws-sdk/client-ssm';
