import { activeOf, type KeyringView, standbyOf } from '../client/keyring.ts'

/** What became of a rotation of a client's own key: it is replaced at once, or as soon as the identity provider has the next one. */
export function clientKeyText(keyring: KeyringView): string {
  const active = activeOf(keyring)?.id ?? 'no version'
  const waiting = standbyOf(keyring)?.id
  if (waiting === undefined) return `${keyring.name}: ${active} is active.`
  return `${keyring.name}: ${waiting} is published, and signs once the identity provider has it; until then ${active} does.`
}
