#!/usr/bin/env node
'use strict';
// CommonJS, unlike the rest: Node's loader of ES modules alone takes 4 ms of every `ssh`.
const { join } = require('node:path');
const { loadCached } = require('./load-cached.cjs');

/** After the first byte of a session: by then its start is over, and V8 has not forgotten it yet. */
const SAVE_AFTER_MS = 2_000;

const bundle = loadCached(join(__dirname, '..', 'dist', 'proxy.cjs'), process.env);
let isWorthKeeping = false;
const onSessionWorks = () => {
  isWorthKeeping = true;
  setTimeout(bundle.save, SAVE_AFTER_MS).unref();
};
const mfaCommand = [process.execPath, join(__dirname, 'devaccess.js'), 'mfa'];
bundle.exports.proxyMain(process.argv.slice(2), { onSessionWorks, mfaCommand }).then((exitCode) => {
  if (isWorthKeeping) bundle.save();
  process.exit(exitCode);
});
