// What the directory needs of the SDK, named one by one: `import()` of the package would bring it all.
export { paginateDescribeSessions, TerminateSessionCommand } from '@aws-sdk/client-ssm';
