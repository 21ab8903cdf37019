import { existsSync } from 'node:fs'
import type { EvidenceVerdict, Known } from '@rekey/breakglass'
import { messageOf } from '../../error.ts'
import { evidenceKeyFile } from '../../estate/evidence-key.ts'
import { homeOf } from '../../estate/home.ts'
import { type Shell, tell } from '../../shell.ts'

/** Verifies evidence. Without a signer's fingerprint the key of this machine's estate is the one that is known, if there is one. */
export async function judge(bytes: Uint8Array, known: Known, shell: Shell): Promise<EvidenceVerdict> {
  // Loaded late: it is large.
  const { verifyEvidence } = await import('@rekey/breakglass')
  return verifyEvidence(bytes, known.signer === undefined ? { ...known, known: await ownKeys(shell) } : known)
}

async function ownKeys(shell: Shell): Promise<string[]> {
  const path = evidenceKeyFile(shell.env, homeOf(shell.env, shell.folder))
  if (!existsSync(path)) return []
  const { BreakGlassError, loadEvidenceKey } = await import('@rekey/breakglass')
  try {
    return [loadEvidenceKey(path).fingerprint]
  } catch (error) {
    if (!(error instanceof BreakGlassError)) throw error
    // What others sealed can be judged all the same.
    tell(shell, `rekey: ${messageOf(error)}`)
    return []
  }
}
