import type { IssuanceView } from '../client/issuance.ts'
import { gateSentence } from '../rotation/gate.ts'
import type { Attention } from './attention.ts'
import { gatePatienceMs } from './keyring-worries.ts'

/** A move of issuance that has waited longer than a rotation's gates ordinarily do. */
export function moveWorries({ move }: IssuanceView, now: number): Attention[] {
  if (!move || move.waiting.for.length === 0 || now - Date.parse(move.requestedAt) < gatePatienceMs) return []
  return [
    {
      what: `issuance: the move to ${move.to} is ${gateSentence(move.waiting, now)}`,
      since: move.requestedAt,
      command: move.forced ? null : `rekey issue-with ${move.to} --force --reason REASON`,
    },
  ]
}
