import { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { createCommand } from './create.ts'
import { listCommand } from './list.ts'
import { overdueCommand } from './overdue.ts'
import { revokeCommand } from './revoke.ts'
import { rotateCommand } from './rotate.ts'
import { showCommand } from './show.ts'

const builders = [listCommand, overdueCommand, showCommand, createCommand, rotateCommand, revokeCommand]

/** `rekey credential …`: what agents authenticate by. */
export function credentialCommand(shell: Shell): Command {
  const group = new Command('credential').description('the secrets and keys that agents authenticate by')
  for (const build of builders) group.addCommand(build(shell))
  return group
}
