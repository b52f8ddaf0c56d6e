#!/usr/bin/env node
'use strict';
const { dirname } = require('node:path');

const [command, ...rest] = process.argv.slice(2);
/** Shells run this before every prompt: it has a bundle of its own, without what takes time. */
const isPrompt = command === 'status' && rest.includes('--prompt');
if (!isPrompt || !require('../dist/prompt.cjs').promptMain(rest)) {
  require('../dist/cli.cjs').main(dirname(__dirname));
}
