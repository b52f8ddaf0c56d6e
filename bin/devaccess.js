#!/usr/bin/env node
'use strict';
const { dirname, join } = require('node:path');
const { loadCached } = require('./load-cached.cjs');

/** Programs run these all the time: each has a bundle of its own, without what takes time. */
const FAST = {
  anywhere: ([subcommand, ...args]) =>
    subcommand === 'credential-process' && giveCredentials('anywhere.cjs', args),
  'credential-process': (args) =>
    giveCredentials('process.cjs', args, [process.execPath, __filename, 'mfa']),
  nodes: ([subcommand, ...args]) =>
    subcommand === 'credentials' && giveCredentials('node-credentials.cjs', args),
  status: (args) => args.includes('--prompt') && require('../dist/prompt.cjs').promptMain(args),
};

/** Runs a bundle from its compiled form; false where it leaves the work to the whole command line. */
async function giveCredentials(name, ...parameters) {
  const bundle = loadCached(join(__dirname, '..', 'dist', name), process.env);
  const exitCode = await bundle.exports.processMain(...parameters);
  if (exitCode === undefined) return false;
  if (exitCode === 0) bundle.save();
  // A keychain that never answered would hold the process up.
  else process.stderr.write('', () => process.exit(exitCode));
  process.exitCode = exitCode;
  return true;
}

/** oclif asks the system for home and shell, and fails where it knows no such user: in a container. */
function makeUserKnown(env) {
  const { homedir, userInfo } = require('node:os');
  const isKnown = (ask) => {
    try {
      ask();
      return true;
    } catch {
      return false;
    }
  };
  if (!env.HOME && !isKnown(homedir)) env.HOME = '/nonexistent';
  if (!env.SHELL && !isKnown(userInfo)) env.SHELL = '/bin/sh';
}

async function main([command, ...args]) {
  const isDone = Object.hasOwn(FAST, command ?? '') && (await FAST[command](args));
  if (isDone) return;
  makeUserKnown(process.env);
  const bundle = loadCached(join(__dirname, '..', 'dist', 'cli.cjs'), process.env);
  process.on('exit', bundle.save);
  await bundle.exports.main(dirname(__dirname));
}

main(process.argv.slice(2));
