import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { newGroup } from '../group.ts'
import { changeCommand } from './change.ts'
import { confirmSecretCommand } from './confirm-secret.ts'
import { createCommand } from './create.ts'
import { deleteCommand } from './delete.ts'
import { deliveriesCommand } from './deliveries.ts'
import { listCommand } from './list.ts'
import { redeliverCommand } from './redeliver.ts'
import { rotateSecretCommand } from './rotate-secret.ts'
import { showCommand } from './show.ts'

const builders = [
  createCommand,
  listCommand,
  showCommand,
  changeCommand,
  deleteCommand,
  rotateSecretCommand,
  confirmSecretCommand,
  deliveriesCommand,
  redeliverCommand,
]

/** `rekey webhook …`: who is told of events. */
export function webhookCommand(shell: Shell): Command {
  return newGroup(shell, 'webhook', 'who is told of events, and where', builders)
}
