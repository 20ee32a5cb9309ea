/** Loaded before a command: kills the process, as `kill -9` would, when it tells of the step that the environment names. */
const step = process.env.PACELINE_DIE_AT;
const write = process.stderr.write.bind(process.stderr);
if (step !== undefined)
  process.stderr.write = ((chunk: string | Uint8Array, ...rest: []) => {
    if (String(chunk).includes(step)) process.kill(process.pid, 'SIGKILL');
    return write(chunk, ...rest);
  }) as typeof process.stderr.write;
