import type { Command } from 'commander'
import { type InventoryView, lookAtInventory } from '../inventory/look.ts'
import { inventoryText } from '../inventory/report.ts'
import { print, type Shell, tell } from '../shell.ts'
import { bffOption, managementOf, newCommand, towards, wantsJson } from './command.ts'
import { limitOption } from './words.ts'

interface Options {
  bff?: string
  limit: number
  overdue?: boolean
  unmanaged?: boolean
}

/** `rekey inventory`: every secret of the estate, and when it is due. */
export function inventoryCommand(shell: Shell): Command {
  return newCommand('inventory', 'show every secret of the estate, with its age, its owner and its next rotation')
    .addOption(bffOption())
    .addOption(limitOption().default(1_000))
    .option('--overdue', 'only those whose rotation is overdue')
    .option('--unmanaged', 'only those that nobody is known to rotate')
    .action(async ({ bff, limit, ...only }: Options, command: Command) => {
      const around = towards(bff, shell)
      const client = managementOf(around, 'agents:read', 'keyrings:read')
      const found = await lookAtInventory(client, limit)
      const inventory = { ...found, secrets: found.secrets.filter(wanted(only)) }
      for (const problem of inventory.problems) tell(shell, problem)
      print(shell, wantsJson(command), {
        json: inventory,
        text: inventoryText(inventory, shell, limit),
      })
    })
}

function wanted({ overdue, unmanaged }: Pick<Options, 'overdue' | 'unmanaged'>) {
  return (secret: InventoryView['secrets'][number]) =>
    (!overdue || secret.overdueSince !== undefined) && (!unmanaged || secret.nextRotation === 'unmanaged')
}
