import type { IncidentRecord } from '@rekey/breakglass'
import { defined } from '../commands/words.ts'
import { print, type Shell } from '../shell.ts'
import { stamp } from '../terminal/moment.ts'
import { printable } from '../terminal/printable.ts'
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
  const { before, record, others } = await told(
    async () => {
      const { provider } = await concerned(shell, idpCommands)
      const before = await provider.journal.load(incident)
      await provider.unfreeze(incident, defined({ operator, reason }))
      const all = await provider.journal.list()
      return { before, record: await provider.journal.load(incident), others: all.filter(({ frozen }) => frozen) }
    },
    { idpCommands },
  )
  const { frozen, unfrozenAt, unfrozenBy } = record
  const names = others.map(({ plan }) => plan.incident)
  const json = { incident, frozen, ...defined({ unfrozenAt, unfrozenBy }), frozenBy: names }
  print(shell, asJson, { json, text: before.frozen ? thawedText(incident, names) : nothingText(before, names) })
}

function thawedText(incident: string, others: readonly string[]): string {
  return others.length === 0
    ? `Administration works again: ${incident} freezes it no more.`
    : `${incident} freezes administration no more, but ${others.join(', ')} still does.`
}

/** Nothing changed, and what does not work did not begin to. */
function nothingText({ plan, unfrozenAt, unfrozenBy }: IncidentRecord, others: readonly string[]): string {
  const since =
    unfrozenAt === undefined ? '' : ` (unfrozen at ${stamp(unfrozenAt)}${unfrozenBy ? ` by ${unfrozenBy}` : ''})`
  const still = others.length === 0 ? '' : ` ${others.join(', ')} does.`
  return printable(`${plan.incident} did not freeze administration${since}: nothing was changed.${still}`)
}
