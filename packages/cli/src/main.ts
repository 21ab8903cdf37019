import { systemClock } from './clock.ts'
import { runCommand } from './program.ts'
import type { Shell } from './shell.ts'
import { widen } from './terminal/columns.ts'

// Before anybody measures it.
for (const stream of [process.stdout, process.stderr]) widen(stream)

const interruption = new AbortController()
let listening = false

const shell: Shell = {
  env: process.env,
  folder: process.cwd(),
  // Read only by who asks for it: a process that began to read it would wait for its end.
  get stdin() {
    return process.stdin
  },
  stdout: process.stdout,
  stderr: process.stderr,
  interactive: Boolean(process.stdout.isTTY && process.stderr.isTTY),
  columns: process.stdout.columns,
  now: systemClock,
  fetch: globalThis.fetch,
  interruption() {
    if (!listening) {
      listening = true
      // Kept for good: a second Ctrl-C, or the same one through the process group, must not cut the stopping short.
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interruption.abort())
    }
    return interruption.signal
  },
}

// Who reads may go ("rekey up | head -1"): that must not end an estate without stopping it.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

const code = await runCommand(process.argv.slice(2), shell)
// 0 is left unsaid: a server that was started in this process may have set its own.
if (code !== 0) process.exitCode = code
