import type { CredentialWorld } from './session-credentials.ts';

/** The same words again within this time are not said. */
const SAY_AGAIN_MS = 3_600_000;

/**
 * The world of a process that runs for long: each passphrase or PIN is asked for once, and what is the
 * same each time is said once an hour.
 */
export function patientWorld(world: CredentialWorld): CredentialWorld {
  const saidMs = new Map<string, number>();
  const answers = new Map<string, string>();
  return {
    ...world,
    say: (text) => {
      const nowMs = world.now();
      for (const [each, atMs] of saidMs) {
        if (Math.abs(nowMs - atMs) >= SAY_AGAIN_MS) saidMs.delete(each);
      }
      if (saidMs.has(text)) return;
      saidMs.set(text, nowMs);
      world.say(text);
    },
    askPassphrase: async (message) => {
      const answer = answers.get(message) ?? (await world.askPassphrase(message));
      answers.set(message, answer);
      return answer;
    },
  };
}
