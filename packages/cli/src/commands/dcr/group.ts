import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { newGroup } from '../group.ts'
import { bootstrapCommand } from './bootstrap.ts'
import { clientCommand } from './client/group.ts'
import { tokenCommand } from './token/group.ts'

/** `rekey dcr …`: clients that register themselves (RFC 7591, RFC 7592). */
export function dcrCommand(shell: Shell): Command {
  const description = 'clients that register themselves, and keep their keys fresh'
  return newGroup(shell, 'dcr', description, [bootstrapCommand, tokenCommand, clientCommand])
}
