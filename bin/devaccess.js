#!/usr/bin/env node
import { main } from '../dist/cli.cjs';

await main(import.meta.url);
