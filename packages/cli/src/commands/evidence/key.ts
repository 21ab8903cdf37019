import type { Command } from 'commander'
import { evidenceKeyFile } from '../../estate/evidence-key.ts'
import { homeOf } from '../../estate/home.ts'
import { print, type Shell } from '../../shell.ts'
import { newCommand, wantsJson } from '../command.ts'

/** `rekey evidence key`: by which evidence of this estate is known. Makes the key where there is none yet. */
export function keyCommand(shell: Shell): Command {
  return newCommand(
    'key',
    'print the fingerprint of the key that evidence is sealed by: write it down elsewhere',
  ).action(async (_options: object, command: Command) => {
    const { ensureEvidenceKey } = await import('@rekey/breakglass')
    const file = evidenceKeyFile(shell.env, homeOf(shell.env, shell.folder))
    const { fingerprint, publicKey } = ensureEvidenceKey(file)
    print(shell, wantsJson(command), { json: { fingerprint, publicKey, file }, text: fingerprint })
  })
}
