#!/usr/bin/env node
'use strict';
const { dirname, join } = require('node:path');
const { loadCached } = require('./load-cached.cjs');

/** Programs run these all the time: each has a bundle of its own, without what takes time. */
const FAST = {
  'credential-process': async (args) => {
    const bundle = loadCached(join(__dirname, '..', 'dist', 'process.cjs'), process.env);
    const mfaCommand = [process.execPath, __filename, 'mfa'];
    const exitCode = await bundle.exports.processMain(args, mfaCommand);
    if (exitCode === 0) bundle.save();
    if (exitCode !== undefined) process.exitCode = exitCode;
    return exitCode !== undefined;
  },
  status: (args) => args.includes('--prompt') && require('../dist/prompt.cjs').promptMain(args),
};

async function main([command, ...args]) {
  const isDone = Object.hasOwn(FAST, command ?? '') && (await FAST[command](args));
  if (isDone) return;
  const bundle = loadCached(join(__dirname, '..', 'dist', 'cli.cjs'), process.env);
  process.on('exit', bundle.save);
  await bundle.exports.main(dirname(__dirname));
}

main(process.argv.slice(2));
