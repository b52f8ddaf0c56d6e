import { closeSync, openSync, readFileSync } from 'node:fs';

/**
 * Whether a person can be asked on the terminal device: there is one, and this process is in its
 * foreground; one in the background would be stopped as soon as it read.
 */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync(process.platform === 'win32' ? '\\\\.\\CONIN$' : '/dev/tty', 'r+'));
    return isInForeground();
  } catch {
    return false;
  }
}

/** Whether this process is in the foreground of its terminal: fields 5 and 8 of /proc/PID/stat. */
export function isInForeground(): boolean {
  try {
    // The name in field 2 may hold blanks and brackets.
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    // Elsewhere than on Linux nothing tells.
    return true;
  }
}
