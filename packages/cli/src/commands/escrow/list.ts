import type { Command } from 'commander'
import { type EscrowedKey, listEscrow } from '../../client/columns.ts'
import { print, type Shell } from '../../shell.ts'
import { fromNow, span } from '../../terminal/span.ts'
import { table } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'

/** `rekey escrow list`. */
export function listCommand(shell: Shell): Command {
  return newCommand('list', 'show the keys in escrow, and until when they are kept').action(
    async (_options: object, command: Command) => {
      const keys = await listEscrow(managementOf(shell))
      print(shell, wantsJson(command), { json: { keys }, text: escrowTable(keys, shell.now()) })
    },
  )
}

function escrowTable(keys: readonly EscrowedKey[], now: number): string {
  if (keys.length === 0) return 'There is no key in escrow.'
  const rows = keys.map(({ version, state, retiredAt, revokedAt, escrowedUntil }) => {
    const over = revokedAt ?? retiredAt
    return [version, state, over === undefined ? '' : span(now - Date.parse(over)), fromNow(escrowedUntil, now)]
  })
  return table(['VERSION', 'STATE', 'FOR', 'ERASED'], rows)
}
