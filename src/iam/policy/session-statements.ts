import type { AccessRequest } from './access-request.ts';
import { useOfDocument } from './features.ts';
import { mfaCondition, nodeArns, nodeConditions, nodeWords, regionalArns } from './node-scope.ts';
import type { ConditionBlock, ExplainedStatement } from './policy-document.ts';

/**
 * The statements that sessions need (7.3 of the IAM facts). StartSession is checked twice: for the
 * node, and for the document. That both are always checked takes SessionDocumentAccessCheck on both.
 */
export function sessionStatements(request: AccessRequest): ExplainedStatement[] {
  if (request.documents.length === 0) return [];
  return [
    ...startStatements(request),
    documentStatement(request),
    dataChannelStatement(request),
    ...ownSessionStatements(request),
  ];
}

/** Without it, StartSession that names no document opens the account's shell, whatever is listed. */
const DOCUMENT_CHECK: ConditionBlock = {
  BoolIfExists: { 'ssm:SessionDocumentAccessCheck': 'true' },
};

function startStatements(request: AccessRequest): ExplainedStatement[] {
  return nodeConditions(request, 'ssm').map(({ scope, condition }) => ({
    statement: {
      Sid: `StartOn${scope}`,
      Effect: 'Allow',
      Action: 'ssm:StartSession',
      Resource: nodeArns(request, scope),
      Condition: { ...condition, ...mfaCondition(request), ...DOCUMENT_CHECK },
    },
    why:
      `Sessions may start on ${nodeWords(request, scope)}` +
      (request.kind === 'user' ? ', with MFA' : '') +
      ', and only with a document that is allowed as well: else StartSession without a document ' +
      'opens a shell as ssm-user, who may sudo.',
    without: `No session starts on ${nodeWords(request, scope)}: AccessDenied for StartSession.`,
  }));
}

function documentStatement(request: AccessRequest): ExplainedStatement {
  const { documents, place } = request;
  // How old the code may be is asked for the node already.
  const { Bool: mfa } = mfaCondition(request);
  const Resource = place.regions.flatMap((region) =>
    documents.map(
      ({ name, account }) => `arn:${place.partition}:ssm:${region}:${account}:document/${name}`,
    ),
  );
  const uses = documents.map(({ name }) => useOfDocument(name)).join('; ');
  const remoteHost = documents.some(({ name }) => name.endsWith('ToRemoteHost'))
    ? ' The remote-host document reaches whatever the node reaches: no policy can tell hosts apart.'
    : '';
  return {
    statement: {
      Sid: 'SessionDocuments',
      Effect: 'Allow',
      Action: 'ssm:StartSession',
      Resource,
      Condition: { ...(mfa === undefined ? {} : { Bool: mfa }), ...DOCUMENT_CHECK },
    },
    why: `What sessions may be, by document: ${uses}.${remoteHost}`,
    without: `AccessDenied for the document, so none of these: ${uses}.`,
  };
}

function dataChannelStatement(request: AccessRequest): ExplainedStatement {
  return {
    statement: {
      Sid: 'OwnDataChannel',
      Effect: 'Allow',
      Action: 'ssmmessages:OpenDataChannel',
      Resource: regionalArns(request, request.strict ? 'session/${aws:userid}-*' : 'session/*'),
    },
    why:
      'The stream of a session may be opened; it takes the token that StartSession handed out. ' +
      (request.strict
        ? "Narrowed to session ids that begin with your user id, as in AWS's samples; should streams be refused, leave --strict out."
        : "Ids of sessions differ between users and roles; --strict narrows it as AWS's samples do."),
    without: 'Sessions start, but their stream does not open: the gateway refuses the WebSocket.',
  };
}

function ownSessionStatements(request: AccessRequest): ExplainedStatement[] {
  const actions = ['ssm:ResumeSession', 'ssm:TerminateSession'];
  const byTag: ExplainedStatement = {
    statement: {
      Sid: 'OwnSessions',
      Effect: 'Allow',
      Action: actions,
      Resource: regionalArns(request, 'session/*'),
      Condition: {
        StringLike: { 'ssm:resourceTag/aws:ssmmessages:session-id': ['${aws:userid}'] },
      },
    },
    why: 'Sessions that you started, which Systems Manager tags with your user id, may be resumed and ended.',
    without:
      'A connection that is cut ends the session instead of being resumed, and sessions stay open ' +
      'until they time out: devaccess sessions terminate and every clean end are refused' +
      (hasNameForm(request) ? ', unless OwnSessionsByName allows it.' : '.'),
  };
  if (!hasNameForm(request)) return [byTag];
  return [
    byTag,
    {
      statement: {
        Sid: 'OwnSessionsByName',
        Effect: 'Allow',
        Action: actions,
        Resource: regionalArns(request, 'session/${aws:username}-*'),
      },
      why:
        'The same by the name that session ids of users begin with, where the tag is not there. ' +
        'User "al" could end sessions of user "al-ice"; --strict leaves it out.',
      without: 'Nothing where sessions have their tag; else as without OwnSessions.',
    },
  ];
}

/** `${aws:username}` is there for users only. */
function hasNameForm({ kind, strict }: AccessRequest): boolean {
  return kind === 'user' && !strict;
}
