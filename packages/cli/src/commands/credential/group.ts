import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { newGroup } from '../group.ts'
import { createCommand } from './create.ts'
import { expiringCommand } from './expiring.ts'
import { listCommand } from './list.ts'
import { overdueCommand } from './overdue.ts'
import { revokeCommand } from './revoke.ts'
import { rotateCommand } from './rotate.ts'
import { showCommand } from './show.ts'

const builders = [
  listCommand,
  overdueCommand,
  expiringCommand,
  showCommand,
  createCommand,
  rotateCommand,
  revokeCommand,
]

/** `rekey credential …`: what agents authenticate by. */
export function credentialCommand(shell: Shell): Command {
  return newGroup(shell, 'credential', 'the secrets and keys that agents authenticate by', builders)
}
