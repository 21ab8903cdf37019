import { complaints, linesOfFile, readCheckpointLine, vouchOf } from '../checkpoints.ts'
import type { CheckpointKeys } from '../keys.ts'
import { fingerprintOf, openNote } from '../note.ts'
import { inTurns, signaturesAtOnce } from '../turns.ts'
import type { Findings } from './findings.ts'
import type { Vouch } from './walk.ts'

const by = 'a checkpoint kept outside'

/** What a file of checkpoints vouches for; lines that are damaged, or not signed by these keys, are findings. */
export async function vouchesOutside(text: string, keys: CheckpointKeys, findings: Findings): Promise<Vouch[]> {
  const vouches: Vouch[] = []
  for await (const lines of inTurns(linesOfFile(text), signaturesAtOnce)) {
    for (const line of lines) {
      const vouch = vouchOf(readCheckpointLine(line)?.checkpoint ?? '', keys, by)
      if (typeof vouch === 'object') vouches.push(vouch)
      else findings.add(vouch, `${by} ${complaints[vouch]}`)
    }
  }
  return vouches
}

/** The same by the keys that its lines themselves name: whether those are entitled to it is to be asked afterwards. */
export async function claimsOutside(text: string): Promise<Vouch[]> {
  const vouches: Vouch[] = []
  for await (const lines of inTurns(linesOfFile(text), signaturesAtOnce)) {
    for (const line of lines) {
      const kept = readCheckpointLine(line)
      const vouch = kept && vouchOf(kept.checkpoint, kept, by)
      if (typeof vouch === 'object') vouches.push(vouch)
    }
  }
  return vouches
}

/**
 * The key of a fingerprint, with those that it names as its predecessors, if the file has it; without a fingerprint the key of
 * the last line.
 */
export function keysOutside(text: string, signer: string | undefined): CheckpointKeys | undefined {
  const kept = linesOfFile(text).flatMap((line) => readCheckpointLine(line) ?? [])
  const found = kept.findLast(({ publicKey }) => signer === undefined || fingerprintOf(publicKey) === signer)
  if (!found) return undefined
  const { publicKey, checkpoint } = found
  return { publicKey, former: openNote(checkpoint, publicKey)?.former ?? [] }
}
