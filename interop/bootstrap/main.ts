/**
 * A process that registers itself by its environment. It counts what it changes: files, and by requests the identity provider.
 * `KILL_BEFORE` says at which of them it is gone, as with a power cut; `STALE_MS` after what time it takes the lock of one that is.
 */
import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const killBefore = Number(process.env.KILL_BEFORE)
let operations = 0

function count(): void {
  operations += 1
  if (operations === killBefore) process.kill(process.pid, 'SIGKILL')
}

// biome-ignore lint/suspicious/noExplicitAny: whatever it takes is passed on
type Act = (...given: any[]) => any

function counted(act: Act): Act {
  return function (this: unknown, ...given) {
    count()
    return act.apply(this, given)
  }
}

/** Half of it is written when the process ends here. */
function halfWritten(write: FileHandle['writeFile']): FileHandle['writeFile'] {
  return async function (this: FileHandle, text, ...more) {
    if (operations + 1 === killBefore) await write.call(this, String(text).slice(0, String(text).length / 2), ...more)
    count()
    return write.call(this, text, ...more)
  }
}

const functions = fs as unknown as Record<string, Act>
const handle = await fs.open(process.execPath)
const prototype: FileHandle = Object.getPrototypeOf(handle)
await handle.close()
for (const name of ['rename', 'rm', 'unlink', 'link', 'mkdir', 'writeFile'])
  functions[name] = counted(functions[name] as Act)
prototype.writeFile = halfWritten(prototype.writeFile)
prototype.sync = counted(prototype.sync)
syncBuiltinESMExports()
globalThis.fetch = counted(globalThis.fetch)

const { ensureRegistered, optionsFromEnvironment, RegistrationError } = await import('@rekey/registration')
try {
  const lockTimes = { staleMs: Number(process.env.STALE_MS ?? 10_000), beatMs: 100, waitMs: 120_000 }
  const ports = { log: () => undefined, lockTimes }
  const { outcome } = await ensureRegistered(optionsFromEnvironment(process.env), ports)
  process.stdout.write(JSON.stringify({ operations, outcome }))
} catch (error) {
  if (!(error instanceof RegistrationError)) throw error
  process.stdout.write(JSON.stringify({ operations, code: error.code }))
}
