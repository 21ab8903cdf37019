import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { newGroup } from '../group.ts'
import { listCommand } from './list.ts'
import { takeOutCommand } from './take-out.ts'

const builders = [listCommand, takeOutCommand]

/** `rekey escrow …`: keys of encrypted columns that only backups need any more. */
export function escrowCommand(shell: Shell): Command {
  return newGroup(shell, 'escrow', 'keys of encrypted columns that only backups need any more', builders)
}
