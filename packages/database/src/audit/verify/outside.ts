import { complaints, linesOfFile, readCheckpointLine, vouchOf } from '../checkpoints.ts'
import { inTurns, signaturesAtOnce } from '../turns.ts'
import type { Findings } from './findings.ts'
import type { Vouch } from './walk.ts'

const by = 'a checkpoint kept outside'

/** What a file of checkpoints vouches for; lines that are damaged, or not signed by this key, are findings. */
export async function vouchesOutside(text: string, key: Buffer, findings: Findings): Promise<Vouch[]> {
  const vouches: Vouch[] = []
  for await (const lines of inTurns(linesOfFile(text), signaturesAtOnce)) {
    for (const line of lines) {
      const vouch = vouchOf(readCheckpointLine(line)?.checkpoint ?? '', key, by)
      if (typeof vouch === 'object') vouches.push(vouch)
      else findings.add(vouch, `${by} ${complaints[vouch]}`)
    }
  }
  return vouches
}

/** The keys that such a file names. */
export function keysOutside(text: string): Buffer[] {
  return linesOfFile(text).flatMap((line) => readCheckpointLine(line)?.publicKey ?? [])
}
