/**
 * Who holds which revision of a keyring in a directory store. Each process that accepts by it writes a small file beside
 * the documents, `<store>/<keyring>/holders/<instance>.json`:
 *
 *     { "instance": "api-7", "holds": 12, "algorithms": ["HS256"], "seenAt": 1767225600000 }
 *
 * replaced as a whole (written beside its place under a name with another ending, then renamed) whenever the process has
 * loaded a newer revision, and every 5 s. `seenAt` is milliseconds since the Unix epoch by that process's clock. A process
 * that ends cleanly removes its file; one that is not heard of for 15 s counts as gone.
 */
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Verifier } from '../decide/evidence.ts'
import { KeyringError } from '../error.ts'
import type { Keyring } from '../lifecycle/keyring.ts'
import { unlessMissing } from './revisions.ts'

const leaseMs = 15_000

/** So long after its end the file of a process that was never heard of again is cleared away. */
const keptMs = 86_400_000

/**
 * The processes that may be accepting by a keyring, for the evidence that a rotation waits for. Clocks may be apart by the
 * policy's `skewMs`, and a process is counted as alive by that much longer.
 *
 * @param folder of the directory store
 * @param now milliseconds since the epoch, by the clock of the store
 * @throws KeyringError `STORE_DAMAGED` for a file that cannot be understood: it may be that of a process that is alive
 */
export async function holdersOf(folder: string, keyring: Keyring, now: number): Promise<Verifier[]> {
  const holders = join(folder, keyring.name, 'holders')
  const names = (await namesIn(holders)).filter((name) => name.endsWith('.json') && !name.startsWith('.'))
  const all = await Promise.all(names.map((name) => read(join(holders, name), keyring.policy.skewMs)))
  const known = all.filter((holder) => holder !== undefined)
  await Promise.all(
    known.filter(({ leaseUntil }) => now > leaseUntil + keptMs).map(({ path }) => rm(path, { force: true })),
  )
  return known.filter(({ leaseUntil }) => now < leaseUntil).map(({ path: _path, ...holder }) => holder)
}

async function read(path: string, skewMs: number): Promise<(Verifier & { path: string }) | undefined> {
  const text = await readFile(path, 'utf8').catch(unlessMissing)
  return text === undefined ? undefined : { ...parse(text, path, skewMs), path }
}

function parse(text: string, path: string, skewMs: number): Verifier {
  try {
    const { instance, holds, algorithms = [], seenAt } = JSON.parse(text)
    const isNames = Array.isArray(algorithms) && algorithms.every((name) => typeof name === 'string')
    if (typeof instance === 'string' && Number.isInteger(holds) && Number.isFinite(seenAt) && isNames) {
      return { id: instance, holds, algorithms, leaseUntil: seenAt + leaseMs + skewMs }
    }
  } catch (cause) {
    throw damaged(path, cause)
  }
  throw damaged(path)
}

const damaged = (path: string, cause?: unknown) =>
  new KeyringError('STORE_DAMAGED', `${path} does not tell what its process holds`, { path }, { cause })

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(unlessMissing)) ?? []
}
