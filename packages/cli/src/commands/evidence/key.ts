import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { CliError } from '../../error.ts'
import { evidenceKeyFile } from '../../estate/evidence-key.ts'
import { type Home, homeOf } from '../../estate/home.ts'
import { print, type Shell, tell } from '../../shell.ts'
import { newCommand, wantsJson } from '../command.ts'

/**
 * `rekey evidence key`: by which evidence of this estate is known. Makes the key where there is none yet; not in a folder that is
 * nobody's home, because whoever was only in the wrong one would write the wrong fingerprint down.
 */
export function keyCommand(shell: Shell): Command {
  return newCommand(
    'key',
    'print the fingerprint of the key that evidence is sealed by: write it down elsewhere',
  ).action(async (_options: object, command: Command) => {
    const { ensureEvidenceKey } = await import('@rekey/breakglass')
    const home = homeOf(shell.env, shell.folder)
    const file = evidenceKeyFile(shell.env, home)
    if (!shell.env.REKEY_EVIDENCE_KEY) requireHome(home)
    const isNew = !existsSync(file)
    const { fingerprint, publicKey } = ensureEvidenceKey(file)
    tell(shell, `${isNew ? 'This key was made now' : 'The key'}: ${file}`)
    print(shell, wantsJson(command), { json: { fingerprint, publicKey, file }, text: fingerprint })
  })
}

function requireHome({ folder }: Home): void {
  if (existsSync(folder)) return
  throw new CliError(
    'NO_ESTATE',
    `there is no home of an estate: ${folder} does not exist. Set REKEY_HOME to the home of one, or REKEY_EVIDENCE_KEY to file:/path`,
    { path: folder },
  )
}
