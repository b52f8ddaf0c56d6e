import type { AccessRequest } from './access-request.ts';
import { recentMfa } from './node-scope.ts';
import type { ExplainedStatement } from './policy-document.ts';

/**
 * Who may assume the role. MFA is asked for here: credentials of AssumeRole carry none, so that a
 * condition in the role's own policies could never hold.
 */
export function trustStatement({ place, trusted, mfaAgeS }: AccessRequest): ExplainedStatement {
  const [first, ...more] = trusted;
  const account = `arn:${place.partition}:iam::${place.account}:root`;
  return {
    statement: {
      Sid: 'AssumeWithMfa',
      Effect: 'Allow',
      Principal: { AWS: first === undefined ? account : more.length === 0 ? first : trusted },
      Action: 'sts:AssumeRole',
      Condition: recentMfa(mfaAgeS),
    },
    why:
      'The role is assumed with MFA only. sts:TagSession is not allowed, so nobody can bring a tag ' +
      'such as SSMSessionRunAs along.',
    without: 'Nobody can assume the role.',
  };
}

/** What those who assume the role need, unless the trust policy names them as users. */
export function assumeStatement({ place, name }: AccessRequest): ExplainedStatement {
  return {
    statement: {
      Sid: 'AssumeAccessRole',
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Resource: `arn:${place.partition}:iam::${place.account}:role/${name}`,
    },
    why: 'A role that trusts the account is assumed by those whose own policies allow it.',
    without: 'AccessDenied for AssumeRole: DA_ROLE_DENIED.',
  };
}
