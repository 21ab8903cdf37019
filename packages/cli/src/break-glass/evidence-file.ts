import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../clock.ts'
import { CliError, messageOf } from '../error.ts'
import type { Home } from '../estate/home.ts'

/** Keeps the bytes of sealed evidence. @returns the absolute path of the file */
export type Keep = (incident: string, bytes: Uint8Array) => Promise<string>

/**
 * Where evidence is kept: in `out`, or in the home, in a new file each time. Looked at before anything begins, because
 * what can be kept nowhere would be found out at the end of an incident.
 *
 * @throws CliError `WRONG_USE` when a file cannot be made there, or `out` is there already
 */
export function evidenceFiles(home: Home, out: string | undefined, folder: string, now: Clock): Keep {
  const file = out === undefined ? undefined : resolve(folder, out)
  requireRoom(file ?? join(home.evidenceFolder, 'x'), out !== undefined)
  return async (incident, bytes) => {
    const path = file ?? join(home.evidenceFolder, `${incident}-${compact(now())}.zip`)
    return await writeNew(path, bytes)
  }
}

function requireRoom(path: string, isGiven: boolean): void {
  const folder = dirname(path)
  try {
    if (!isGiven) mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.W_OK)
  } catch (cause) {
    throw new CliError('WRONG_USE', `no evidence can be kept in ${folder}: ${messageOf(cause)}`, { folder }, { cause })
  }
  // The evidence of another day is not written over.
  if (isGiven && existsSync(path)) throw new CliError('WRONG_USE', `${path} exists already; say the name of a new file`)
}

/** Two within a second have a number each. */
async function writeNew(path: string, bytes: Uint8Array, number = 1): Promise<string> {
  const wanted = number === 1 ? path : path.replace(/(\.zip)?$/, `-${number}$1`)
  try {
    const file = await open(wanted, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    return wanted
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return await writeNew(path, bytes, number + 1)
    throw new CliError('FAILED', `the evidence cannot be written: ${messageOf(cause)}`, { path: wanted }, { cause })
  }
}

/** A moment in a file's name: `20260301T120000Z`. */
function compact(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+|[-:]/g, '')
}
