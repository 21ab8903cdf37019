import { readdirSync, readFileSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * The files of signed checkpoints that stand at a path: each instance has its own, the first one that of this name. What was set
 * aside by an earlier restore is none of them.
 */
function filesAt(path: string): string[] {
  try {
    const names = readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path)))
    return names.filter((name) => !/\.(draft|before-\d+)$/.test(name)).map((name) => join(dirname(path), name))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw cause
  }
}

/** How many events the newest checkpoint there speaks of. Nothing is verified: it only tells what is to be said lost. */
export function eventsSeenBy(path: string): number {
  const sizes = filesAt(path).flatMap((file) => readFileSync(file, 'utf8').split('\n').map(sizeOf))
  return sizes.reduce((most, size) => Math.max(most, size), 0)
}

/** The second line of a checkpoint is the number of events. */
function sizeOf(line: string): number {
  const found = /"checkpoint":"[^"]*?\\n(\d{1,15})\\n/.exec(line)
  return found ? Number(found[1]) : 0
}

/**
 * Sets the files aside, for as evidence of what is lost they must be kept: an instance would hold the restored chain against them,
 * and find it short.
 *
 * @returns their new names
 */
export function setAside(path: string, now: number): string[] {
  return filesAt(path).map((file) => {
    const aside = `${file}.before-${now}`
    renameSync(file, aside)
    return aside
  })
}
