import type { Command } from 'commander'
import type { Shell } from '../../../shell.ts'
import { newGroup } from '../../group.ts'
import { createCommand } from './create.ts'
import { listCommand } from './list.ts'
import { revokeCommand } from './revoke.ts'

/** `rekey dcr token …`: initial access tokens. */
export function tokenCommand(shell: Shell): Command {
  const description = 'initial access tokens, by which clients register'
  return newGroup(shell, 'token', description, [createCommand, listCommand, revokeCommand])
}
