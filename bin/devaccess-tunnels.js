#!/usr/bin/env node
'use strict';
// Started by `devaccess tunnels up --detach`, not by people.
require('../dist/tunnels.cjs')
  .detachedMain()
  .then(() => process.exit());
