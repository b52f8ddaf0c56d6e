import type { ForwardEvent } from './port-forward.ts';

/** What a person is told of an event; undefined for those that are of no interest. */
export function forwardEventText(event: ForwardEvent): string | undefined {
  switch (event.event) {
    case 'listening':
      return `listening on ${event.address}, to ${event.remote} through ${event.target}; Ctrl-C ends it`;
    case 'refused':
      return `${event.error.message} [${event.error.code}] Next: ${event.error.next}`;
    case 'reconnecting':
      return `connection lost (${event.why}); resuming`;
    case 'reconnected':
      return 'back';
    case 'session-ended':
      return `${event.reason} The next connection starts a new session.`;
    case 'session-failed':
      return event.reason;
    case 'message':
      return event.text;
    case 'connection':
    case 'closed-connection':
    case 'session-started':
    case 'closed':
      return undefined;
    default:
      return event satisfies never;
  }
}
