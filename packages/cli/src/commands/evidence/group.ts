import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { newGroup } from '../group.ts'
import { keyCommand } from './key.ts'
import { periodCommand } from './period.ts'
import { showCommand } from './show.ts'
import { verifyCommand } from './verify.ts'

const builders = [verifyCommand, showCommand, periodCommand, keyCommand]

/** `rekey evidence …`: sealed files that prove what was done, to whoever was not there. */
export function evidenceCommand(shell: Shell): Command {
  return newGroup(shell, 'evidence', 'sealed files that prove what was done', builders)
}
