import type { Command } from 'commander'
import type { Shell } from '../../../shell.ts'
import { newGroup } from '../../group.ts'
import { jwksCommand } from './jwks/group.ts'
import { listCommand } from './list.ts'
import { removeCommand } from './remove.ts'
import { renewTokenCommand } from './renew-token.ts'
import { rotateSecretCommand } from './rotate-secret.ts'
import { showCommand } from './show.ts'

const builders = [listCommand, showCommand, renewTokenCommand, rotateSecretCommand, jwksCommand, removeCommand]

/** `rekey dcr client …`: the clients that registered. */
export function clientCommand(shell: Shell): Command {
  return newGroup(shell, 'client', 'the clients that registered', builders)
}
