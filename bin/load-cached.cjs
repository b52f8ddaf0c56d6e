'use strict';
// Runs a bundle from V8's compiled form of it, kept in the person's cache folder. What is kept is
// executable: it is used only from a folder of mode 0700 and a file that nobody else can write, both
// of this user, and only when its digest says that it was made from this very bundle by this very
// Node and is whole (V8 itself crashes on a damaged one). Whatever fails here, the bundle is
// compiled as ever, and the person hears nothing of it.
const { createHash, randomBytes } = require('node:crypto');
const fs = require('node:fs');
const { homedir } = require('node:os');
const { Module } = require('node:module');
const { dirname, isAbsolute, join } = require('node:path');
const { Script } = require('node:vm');

/** A kept file is this digest and then V8's data. */
const DIGEST_BYTES = 32;
const SWEEP_AFTER_MS = 60 * 24 * 60 * 60 * 1000;

/**
 * Loads a CommonJS bundle (ASCII text). What the bundle requires from the same folder, as
 * `./NAME.cjs`, is loaded in the same way.
 *
 * @param {string} file its path
 * @param {Record<string, string | undefined>} env
 * @returns {{ exports: any, state: 'absent' | 'refused' | 'used', save(): void }}
 *   `state`: what became of the cache; `save` keeps what has been compiled by now unless it was used
 */
function loadCached(file, env, parts = new Map()) {
  const source = fs.readFileSync(file);
  const path = cachePath(file, env);
  const kept = readKept(path, source);
  const text = `(function(exports,require,module,__filename,__dirname){${source.latin1Slice()}\n})`;
  const script = new Script(text, {
    filename: file,
    ...(typeof kept === 'string' ? {} : { cachedData: kept }),
  });
  let state = typeof kept === 'string' ? kept : script.cachedDataRejected ? 'refused' : 'used';
  const module = new Module(file);
  // Whoever asks for the file later gets this very module.
  require.cache[file] = module;
  const part = {
    exports: module.exports,
    state,
    save() {
      if (path === undefined || state === 'used') return;
      state = 'used';
      try {
        keep(path, source, () => script.createCachedData());
      } catch {
        // A full disk, a read-only home: the next run compiles again.
      }
    },
  };
  parts.set(file, part);
  const folder = dirname(file);
  const requirePart = (id) => {
    if (!/^\.\/[\w-]+\.cjs$/.test(id)) return require(id);
    const beside = join(folder, id);
    return (parts.get(beside) ?? loadCached(beside, env, parts)).exports;
  };
  script.runInThisContext()(module.exports, requirePart, module, file, folder);
  part.exports = module.exports;
  module.loaded = true;
  const save = () => parts.forEach((each) => each.save());
  return { exports: module.exports, state, save };
}

/** One file for each Node and each installation, so that an update replaces what it made useless. */
function cachePath(file, env) {
  try {
    const named = env.XDG_CACHE_HOME;
    const base = named && isAbsolute(named) ? named : join(env.HOME || homedir(), '.cache');
    if (!isAbsolute(base)) return undefined;
    const place = createHash('sha256').update(file).digest('hex').slice(0, 12);
    const name = `code-${place}-${process.version}-${process.arch}.bin`;
    return join(base, 'devaccess', name);
  } catch {
    return undefined;
  }
}

/** Covers all that decides whether compiled code fits, and the code itself. */
function digest(source, data) {
  return createHash('sha256')
    .update(
      `${process.versions.v8} ${process.arch} ${process.execArgv} ${process.env.NODE_OPTIONS}`,
    )
    .update(`\0${source.length}\0`)
    .update(source)
    .update(data)
    .digest();
}

/** V8's data, or why there is none. */
function readKept(path, source) {
  if (path === undefined) return 'absent';
  let fd;
  try {
    if (!isPrivateFolder(dirname(path))) return 'refused';
    fd = fs.openSync(path, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0));
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() || !isOwn(stat) || (isPosix && (stat.mode & 0o077) !== 0)) return 'refused';
    const bytes = fs.readFileSync(fd);
    const data = bytes.subarray(DIGEST_BYTES);
    const isIntact = digest(source, data).equals(bytes.subarray(0, DIGEST_BYTES));
    return isIntact ? data : 'refused';
  } catch (error) {
    return error.code === 'ENOENT' ? 'absent' : 'refused';
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

function keep(path, source, makeData) {
  const folder = dirname(path);
  // Not recursive: where a parent cannot be made (/proc, automounts) Node would try for ever.
  for (const path of [dirname(folder), folder]) {
    if (!fs.existsSync(path)) fs.mkdirSync(path, { mode: 0o700 });
  }
  if (!isPrivateFolder(folder)) return;
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  // First: making the data takes longer than to find that there is no place for it.
  const fd = fs.openSync(temporary, 'wx', 0o600);
  try {
    try {
      const data = makeData();
      fs.writeSync(fd, digest(source, data));
      fs.writeFileSync(fd, data);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, path);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
  sweep(folder);
}

/** Removes what earlier versions of Node, moved installations and interrupted writers left. */
function sweep(folder) {
  for (const name of fs.readdirSync(folder)) {
    if (!/^code-[0-9a-f]{12}-v[\d.]+\S*\.bin/.test(name)) continue;
    const path = join(folder, name);
    if (Date.now() - fs.lstatSync(path).mtimeMs > SWEEP_AFTER_MS) fs.rmSync(path, { force: true });
  }
}

const isPosix = process.geteuid !== undefined;

function isPrivateFolder(folder) {
  const stat = fs.lstatSync(folder);
  return stat.isDirectory() && isOwn(stat) && (!isPosix || (stat.mode & 0o077) === 0);
}

function isOwn(stat) {
  return !isPosix || stat.uid === process.geteuid();
}

module.exports = { loadCached };
