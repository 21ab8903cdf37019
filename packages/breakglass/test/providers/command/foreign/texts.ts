import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { strFromU8, unzipSync } from 'fflate'
import type { Foreign } from './estate.ts'

/** Everything that the journal of an operator's folder holds, as text. The token that probes are made by is kept apart. */
export async function journalTexts({ folder }: Foreign): Promise<string[]> {
  const files = await readdir(join(folder, 'incidents'), { recursive: true, withFileTypes: true })
  const revisions = files.filter((file) => file.isFile() && file.name !== 'probe.json')
  return Promise.all(revisions.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')))
}

export function archiveTexts(evidence: Uint8Array): string[] {
  return Object.values(unzipSync(evidence)).map((bytes) => strFromU8(bytes))
}
