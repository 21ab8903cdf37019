import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { EvidenceVerdict, Known } from '@rekey/breakglass'
import { CliError, messageOf } from '../../error.ts'
import { evidenceKeyFile } from '../../estate/evidence-key.ts'
import { homeOf } from '../../estate/home.ts'
import { type Shell, tell } from '../../shell.ts'

/** @throws CliError `WRONG_USE` when it cannot be read */
export async function readFileOf(path: string, { folder }: Pick<Shell, 'folder'>): Promise<Uint8Array> {
  const whole = resolve(folder, path)
  try {
    return await readFile(whole)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new CliError('WRONG_USE', `${whole} cannot be read (${code})`, { path: whole }, { cause })
  }
}

/** Verifies evidence. Without a signer's fingerprint the key of this machine's estate is the one that is known, if there is one. */
export async function judge(bytes: Uint8Array, known: Known, shell: Shell): Promise<EvidenceVerdict> {
  // Loaded here alone: no other command needs it.
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
