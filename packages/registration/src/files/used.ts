import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { jsonOf } from '../json.ts'
import { keyOfPem } from '../keys/key.ts'
import type { Files } from './disk.ts'

/** A key that a PEM of this folder held once, or holds. */
export interface UsedKey {
  readonly kid: string
  readonly thumbprint: string
  /** It was another PEM's of the same folder, and that one still holds it, or holds another by now. Undefined for this PEM's own. */
  readonly beside?: 'held' | 'replaced'
}

const ENDING = '.kids'
/** Where a PEM's keys are written down. */
export const kidsPathOf = (pem: string): string => `${pem}${ENDING}`

const stored = z.array(z.object({ kid: z.string(), thumbprint: z.string() })).catch([])
/** What such a file says; nothing where it is missing or something else. */
export const usedKeysOf = (text: string | undefined): readonly UsedKey[] => stored.parse(jsonOf(text ?? '[]'))

/** The keys of the other PEMs in the folder of this one: a service whose DCR_SIGNING_KEY is renamed knows its earlier keys by them. */
export async function usedBeside(files: Files, pem: string): Promise<readonly UsedKey[]> {
  const folder = dirname(pem)
  const others = (await files.list(folder))
    .filter((name) => name.endsWith(ENDING) && name !== basename(kidsPathOf(pem)))
    .sort()
  return (await Promise.all(others.map((name) => usedBy(files, join(folder, name.slice(0, -ENDING.length)))))).flat()
}

async function usedBy(files: Files, pem: string): Promise<readonly UsedKey[]> {
  try {
    const used = usedKeysOf(await files.read(kidsPathOf(pem)))
    const text = await files.read(pem)
    const held = text === undefined ? undefined : keyOfPem(text, pem, 0).thumbprint
    return used.map((key) => ({ ...key, beside: key.thumbprint === held ? 'held' : 'replaced' }))
  } catch {
    // Another service's files, which may be for its eyes only. What cannot be told to be this one's is nobody's to drop.
    return []
  }
}
