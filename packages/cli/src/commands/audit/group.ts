import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { newGroup } from '../group.ts'
import { exportCommand } from './export.ts'
import { listCommand } from './list.ts'
import { proofCommand } from './proof.ts'
import { verifyCommand } from './verify.ts'

const builders = [listCommand, verifyCommand, exportCommand, proofCommand]

/** `rekey audit …`: what happened, and whether the record of it is whole. */
export function auditCommand(shell: Shell): Command {
  return newGroup(shell, 'audit', 'what happened, and whether the record of it is whole', builders)
}
