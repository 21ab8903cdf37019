import { defined } from '../commands/words.ts'
import { print, type Shell } from '../shell.ts'
import { told } from './errors.ts'
import { concerned } from './provider.ts'

/** By whose decision, and why; and which identity provider. */
export interface Unfreezing {
  operator?: string
  reason?: string
  idpCommands?: string
}

/** Lets administration work again. */
export async function unfreeze(shell: Shell, incident: string, asked: Unfreezing, asJson: boolean): Promise<void> {
  const { operator, reason, idpCommands } = asked
  const { record, others } = await told(async () => {
    const { provider } = await concerned(shell, idpCommands)
    await provider.unfreeze(incident, defined({ operator, reason }))
    const all = await provider.journal.list()
    return { record: await provider.journal.load(incident), others: all.filter(({ frozen }) => frozen) }
  })
  const { frozen, unfrozenAt, unfrozenBy } = record
  const names = others.map(({ plan }) => plan.incident)
  const text =
    names.length === 0
      ? `Administration works again: ${incident} freezes it no more.`
      : `${incident} freezes administration no more, but ${names.join(', ')} still does.`
  const json = { incident, frozen, ...defined({ unfrozenAt, unfrozenBy }), frozenBy: names }
  print(shell, asJson, { json, text })
}
