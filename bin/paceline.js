#!/usr/bin/env node
// The front door for machines whose own Node is older than 24.12: the `node` package that npm
// installed beside us runs the real program. Plain JavaScript that any Node since 18 can read.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [major, minor] = process.versions.node.split('.').map(Number);
const isNewEnough = major > 24 || (major === 24 && minor >= 12);
const bundled = join(root, 'node_modules', 'node', 'bin', 'node');
const node = isNewEnough || !existsSync(bundled) ? process.execPath : bundled;
if (!isNewEnough && node === process.execPath) {
  console.error(`paceline needs Node 24.12 or newer; this is ${process.version}. Run "npm ci" in ${root} to get one.`);
  process.exit(78);
}
// A young generation of 3 x 8 MiB: most of what a batch makes is garbage before that is full, and the
// usual size takes 130 MB more for the same processor time. The old one is collected when it has grown by half: V8's own
// patience takes 50 MB more and saves one part in a hundred of the processor time.
const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8'];
const child = spawn(node, [...flags, join(root, 'src', 'main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' });
// Whoever stops us means the program. Where it hears the same as we do, it takes both for one.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  throw error;
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
