#!/usr/bin/env node
import { proxyMain } from '../dist/proxy.cjs';

process.exit(await proxyMain(process.argv.slice(2)));
