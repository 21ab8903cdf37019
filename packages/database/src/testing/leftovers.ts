import { readdir, readlink, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { endLeftover } from '../embedded/leftover.ts'
import { readRecord } from '../embedded/passwords.ts'
import { exists } from '../embedded/place.ts'
import { DatabaseError } from '../error.ts'

const folderName = /^rekey-test-(\d+)-(\d+)-\w{6}$/

/** How this process calls its folders: a later run can tell by the name whether whoever made one still lives. */
export async function folderPrefix(): Promise<string> {
  return `rekey-test-${await processNamespace()}-${process.pid}-`
}

/**
 * Ends the servers and removes the folders of runs whose process is gone without a trace: a machine that stopped, a
 * container that was killed as a whole. Folders of other users and other containers are left alone.
 */
export async function removeLeftovers(parent: string): Promise<void> {
  const namespace = await processNamespace()
  for (const name of await readdir(parent)) {
    const [, madeIn, pid] = folderName.exec(name) ?? []
    if (madeIn === namespace && isGone(Number(pid))) await removeLeftover(join(parent, name))
  }
}

async function removeLeftover(home: string): Promise<void> {
  try {
    const data = (await readRecord(home))?.dataFolder ?? join(home, 'postgresql')
    if (await exists(data)) await endLeftover(data)
    await removeServerFolders(home, data)
  } catch (error) {
    // Another user's, or not clearly of a dead run: it stays. No run of tests fails because of an earlier one.
    const { code } = error as NodeJS.ErrnoException
    if (!(error instanceof DatabaseError) && code !== 'EACCES' && code !== 'EPERM') throw error
  }
}

/** Removes a stopped server's home, and its data where that lies elsewhere. */
export async function removeServerFolders(home: string, dataFolder: string): Promise<void> {
  await rm(home, { recursive: true, force: true })
  if (!dataFolder.startsWith(home)) await rm(dirname(dataFolder), { recursive: true, force: true })
}

/** Process numbers mean something only in their namespace, and containers may share a folder for temporary files. */
async function processNamespace(): Promise<string> {
  if (process.platform !== 'linux') return '0'
  return /\d+/.exec(await readlink('/proc/self/ns/pid'))?.[0] ?? '0'
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
