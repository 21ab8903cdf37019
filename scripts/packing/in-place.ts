import { copyFileSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive, ownerOf, placeOf, release, take } from './lock.ts'
import { stage } from './stage.ts'

/** What npm is to pack and the workspace does not have, beside the package.json, which is exchanged. */
const ADDED = ['dist', 'LICENSE']

/**
 * Gives the folder of a package its published form, for an npm that is about to pack it. The compiling comes first: when it
 * fails, nothing has changed.
 */
export async function prepare(folder: string, npm: number): Promise<void> {
  const stageFolder = mkdtempSync(join(tmpdir(), 'rekey-pack-'))
  try {
    await take(folder, npm, () => putBack(folder))
    stage(folder, stageFolder)
    // Whoever saw the end of this npm has let the next one in.
    if (ownerOf(folder) !== npm) throw new Error(`npm ${npm} has ended`)
    exchange(folder, stageFolder)
  } catch (error) {
    restore(folder, npm)
    throw error
  } finally {
    rmSync(stageFolder, { recursive: true })
  }
  if (!isAlive(npm)) restore(folder, npm)
}

/** Gives the folder its own form back, unless it has it or another npm has come meanwhile. */
export function restore(folder: string, npm: number): void {
  release(folder, npm, () => putBack(folder))
}

// Both renames are atomic: at any moment there is one package.json, and the workspace's own is one of two files.
function exchange(folder: string, stageFolder: string): void {
  const place = placeOf(folder)
  copyFileSync(join(folder, 'package.json'), join(place, 'copy'))
  renameSync(join(place, 'copy'), join(place, 'package.json'))
  for (const name of ADDED) {
    rmSync(join(folder, name), { recursive: true, force: true })
    cpSync(join(stageFolder, name), join(folder, name), { recursive: true })
  }
  copyFileSync(join(stageFolder, 'package.json'), join(place, 'copy'))
  renameSync(join(place, 'copy'), join(folder, 'package.json'))
}

function putBack(folder: string): void {
  const own = join(placeOf(folder), 'package.json')
  if (!existsSync(own)) return
  renameSync(own, join(folder, 'package.json'))
  for (const name of ADDED) rmSync(join(folder, name), { recursive: true, force: true })
}
