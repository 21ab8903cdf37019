/** One start in a process of its own, which kills itself before its n-th act on a file or the network. */
import { flushCompileCache } from 'node:module'
import { disk } from '../src/files/disk.ts'
import { ensureRegistered, optionsFromEnvironment } from '../src/index.ts'

// Otherwise it is written at the end, to which most of them do not come.
flushCompileCache()

const at = Number(process.env.KILL_AT ?? 0)
let acts = 0

// biome-ignore lint/suspicious/noExplicitAny: wraps functions of any form
function act<F extends (...args: any[]) => Promise<any>>(f: F): F {
  return (async (...args: unknown[]) => {
    if (++acts === at) process.kill(process.pid, 'SIGKILL')
    return f(...args)
  }) as F
}

const result = await ensureRegistered(optionsFromEnvironment(process.env), {
  fetch: act(fetch),
  files: { ...disk, write: act(disk.write), rename: act(disk.rename), remove: act(disk.remove) },
  log: () => undefined,
})
process.stdout.write(JSON.stringify({ ...result, acts }))
