import { complaints, linesOfFile, readCheckpointLine, vouchOf } from '../checkpoints.ts'
import type { Findings } from './findings.ts'
import type { Vouch } from './walk.ts'

const by = 'a checkpoint kept outside'

/** What a file of checkpoints vouches for; lines that are damaged, or not signed by this key, are findings. */
export function vouchesOutside(text: string, key: Buffer, findings: Findings): Vouch[] {
  return linesOfFile(text).flatMap((line) => {
    const vouch = vouchOf(readCheckpointLine(line)?.checkpoint ?? '', key, by)
    if (typeof vouch === 'object') return [vouch]
    findings.add(vouch, `${by} ${complaints[vouch]}`)
    return []
  })
}

/** The keys that such a file names. */
export function keysOutside(text: string): Buffer[] {
  return linesOfFile(text).flatMap((line) => readCheckpointLine(line)?.publicKey ?? [])
}
