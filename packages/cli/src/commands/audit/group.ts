import { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { exportCommand } from './export.ts'
import { listCommand } from './list.ts'
import { proofCommand } from './proof.ts'
import { verifyCommand } from './verify.ts'

const builders = [listCommand, verifyCommand, exportCommand, proofCommand]

/** `rekey audit …`: what happened, and whether the record of it is whole. */
export function auditCommand(shell: Shell): Command {
  const group = new Command('audit').description('what happened, and whether the record of it is whole')
  for (const build of builders) group.addCommand(build(shell))
  return group
}
