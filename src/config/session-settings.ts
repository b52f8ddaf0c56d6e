import * as v from 'valibot';
import { PACE_FORM, readPace, readWindow, WINDOW_FORM } from '../platform/flow.ts';
import { figure, table } from './values.ts';

/** `[session]`: how fast every session sends. */
export const sessionSettings = table({
  pace: v.optional(figure(PACE_FORM, (text) => readPace(text) !== undefined)),
  window: v.optional(figure(WINDOW_FORM, (text) => readWindow(text) !== undefined)),
});
